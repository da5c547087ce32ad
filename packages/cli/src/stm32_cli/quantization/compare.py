# SPDX-License-Identifier: Apache-2.0
"""How far a quantized model's outputs are from the float model's, on the same samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stm32_cli.errors import usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True)
class OutputFigures:
    """One output over all samples; errors are quantized - float, in real numbers.

    Attributes:
        name: of the output.
        max_error: largest absolute error.
        mean_error: mean absolute error.
        float_range: largest less smallest value of the float model.
        snr_db: 10 log10(sum of squares of the float model / sum of squares of the errors); None without an error.
        cosine: cosine similarity of all values; None where one of the two is all zero.
        top1_agreement: share of samples whose largest element is the same one; None for outputs of one element.
    """

    name: str
    max_error: float
    mean_error: float
    float_range: float
    snr_db: float | None
    cosine: float | None
    top1_agreement: float | None


@dataclass(frozen=True)
class Comparison:
    """Before and after.

    Attributes:
        outputs: figures of each.
        accuracy_float: share of samples whose largest element of the first output is the label's; None without labels.
        accuracy_quantized: likewise.
    """

    outputs: tuple[OutputFigures, ...]
    accuracy_float: float | None = None
    accuracy_quantized: float | None = None


def compare(
    names: Sequence[str],
    before: Sequence[NDArray[np.float32]],
    after: Sequence[NDArray[np.float32]],
    labels: NDArray[np.int64] | None,
) -> Comparison:
    """Compares two models.

    Args:
        names: of the outputs.
        before: outputs of the float model, shape (samples, *tensor shape).
        after: outputs of the quantized model as real numbers, of the same shapes.
        labels: the class of each sample, or None.

    Raises:
        CliError: a label is no element of the first output; exit code 2.
    """
    outputs = tuple(_figures(name, b, a) for name, b, a in zip(names, before, after, strict=True))
    if labels is None:
        return Comparison(outputs)
    classes = before[0][0].size
    if labels.min() < 0 or labels.max() >= classes:
        raise usage(
            f"the labels are {labels.min()} to {labels.max()}, output {names[0]!r} has {classes} elements",
            "labels are 0 for the first element of the first output, 1 for the second, ...",
        )
    return Comparison(outputs, _share(_largest(before[0]) == labels), _share(_largest(after[0]) == labels))


def _largest(values: NDArray[Any]) -> NDArray[np.intp]:
    return np.asarray(np.argmax(values.reshape(len(values), -1), axis=1))


def _share(hits: NDArray[np.bool_]) -> float:
    return float(np.mean(hits))


def _figures(name: str, before: NDArray[Any], after: NDArray[Any]) -> OutputFigures:
    first, second = (values.astype(np.float64).ravel() for values in (before, after.reshape(before.shape)))
    error = second - first
    signal, noise, other = float(first @ first), float(error @ error), float(second @ second)
    return OutputFigures(
        name,
        float(np.abs(error).max()),
        float(np.abs(error).mean()),
        float(first.max() - first.min()),
        10 * float(np.log10(signal / noise)) if signal and noise else None,
        float(first @ second / np.sqrt(signal * other)) if signal and other else None,
        _share(_largest(before) == _largest(after)) if before[0].size > 1 else None,
    )
