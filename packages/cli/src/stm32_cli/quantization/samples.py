# SPDX-License-Identifier: Apache-2.0
"""Samples of a data file: some to calibrate with, the others to compare with, and their labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ai_runner.samples import load_npz, select_samples

from stm32_cli.errors import usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ai_runner.protocol.messages import TensorInfo
    from numpy.typing import NDArray

LABELS = "y"


@dataclass(frozen=True)
class Data:
    """Real numbers for the inputs of a model.

    Attributes:
        calibration: one array for each input, shape (samples, *tensor shape), float32.
        comparison: likewise; the samples that were not calibrated with, or the same where all were.
        labels: class of each sample of ``comparison``, or None.
        held_out: whether the two have no sample in common.
    """

    calibration: list[NDArray[np.float32]]
    comparison: list[NDArray[np.float32]]
    labels: NDArray[np.int64] | None
    held_out: bool


def load_data(path: Path, inputs: Sequence[TensorInfo], calibrate_with: int | None) -> Data:
    """Reads the samples.

    Args:
        path: .npz with in0, in1, ... (or m_inputs_1, ..., or the inputs' names) as `stm32 validate --npz` takes it, and
            "y" where it has labels.
        inputs: of the float model.
        calibrate_with: how many samples, from the first on; None takes all.

    Raises:
        AiRunnerError: arrays do not fit the inputs; exit code 2.
        CliError: labels do not fit, or values that are no numbers; exit code 2.
    """
    arrays = load_npz(path)
    found = select_samples(_as_float32(arrays), inputs, ())
    for values, tensor in zip(found.inputs, inputs, strict=True):
        if not np.isfinite(values).all():
            raise usage(f"{path} holds values for input {tensor.name!r} that are infinite or no numbers")
    labels = _labels(arrays, found.count, path, {tensor.name for tensor in inputs})
    count = found.count if calibrate_with is None else min(calibrate_with, found.count)
    start = count if count < found.count else 0
    return Data(
        [values[:count] for values in found.inputs],
        [values[start:] for values in found.inputs],
        None if labels is None else labels[start:],
        start > 0,
    )


def _as_float32(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """float64 and float16 arrays as float32; others as they are."""
    return {name: value.astype(np.float32) if value.dtype.kind == "f" else value for name, value in arrays.items()}


def _labels(arrays: Mapping[str, NDArray[Any]], count: int, path: Path, inputs: set[str]) -> NDArray[np.int64] | None:
    if LABELS not in arrays or LABELS in inputs:
        return None
    found = arrays[LABELS]
    if found.dtype.kind not in "iu" or found.size != count:
        raise usage(
            f"the labels {LABELS!r} of {path} are {found.dtype}{list(found.shape)}",
            f"give one class number (an integer) for each of the {count} samples, or leave {LABELS!r} out",
        )
    return found.reshape(-1).astype(np.int64)
