# SPDX-License-Identifier: Apache-2.0
"""Samples in arrays: one sample, or many along a leading axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ai_runner.errors import InvalidParamError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ai_runner.protocol.messages import TensorInfo

__all__ = ["Batch", "join_outputs", "split_inputs", "stack_samples"]


@dataclass(frozen=True)
class Batch:
    """Inputs with a sample axis in front of each.

    Attributes:
        arrays: one for each input, shape (samples, *tensor shape).
        samples: how many, at least 1.
        layout: "one" when the arrays had the tensor's shape, "axis" when they had one more axis, "batch" when the
            tensor's own batch axis of 1 was longer.
    """

    arrays: tuple[NDArray[Any], ...]
    samples: int
    layout: str


def stack_samples(value: NDArray[Any], tensor: TensorInfo, what: str) -> tuple[NDArray[Any], str]:
    """Return ``value`` as (samples, *tensor.shape), and its layout (see `Batch`).

    Raises:
        InvalidParamError: the shape does not fit.
    """
    shape = tensor.shape
    if value.shape == shape:
        return value[np.newaxis], "one"
    if value.shape[1:] == shape and value.ndim == len(shape) + 1 and len(value):
        return value, "axis"
    if shape[:1] == (1,) and value.ndim == len(shape) and value.shape[1:] == shape[1:] and len(value):
        return value[:, np.newaxis], "batch"
    raise InvalidParamError(
        f"{what} has shape {list(value.shape)}, tensor {tensor.name!r} has {list(shape)}",
        "give that shape, or one more axis in front for several samples",
    )


def check_dtype(value: NDArray[Any], tensor: TensorInfo, what: str) -> None:
    """Accept the tensor's dtype only.

    Raises:
        InvalidParamError: it is another one.
    """
    if value.dtype.newbyteorder("=") != tensor.dtype:
        raise InvalidParamError(
            f"{what} is {value.dtype}, tensor {tensor.name!r} is {tensor.dtype}",
            "convert it, or ask for quantizing where there is a scale" if tensor.is_quantized else "convert it",
        )


def split_inputs(inputs: Sequence[NDArray[Any]], tensors: Sequence[TensorInfo]) -> Batch:
    """Check the inputs of a model and put a sample axis in front of each.

    Raises:
        InvalidParamError: wrong number of arrays, shape, dtype, or different numbers of samples.
    """
    if len(inputs) != len(tensors):
        raise InvalidParamError(f"{len(inputs)} inputs given, the model has {len(tensors)}")
    arrays, layouts = [], []
    for index, (value, tensor) in enumerate(zip(inputs, tensors, strict=True)):
        what = f"input {index}"
        check_dtype(value, tensor, what)
        stacked, layout = stack_samples(value, tensor, what)
        arrays.append(stacked)
        layouts.append(layout)
    counts = {len(array) for array in arrays}
    if len(counts) > 1:
        raise InvalidParamError(f"the inputs hold different numbers of samples: {', '.join(map(str, sorted(counts)))}")
    return Batch(tuple(arrays), counts.pop() if counts else 1, next((x for x in layouts if x != "one"), "one"))


def join_outputs(samples: Sequence[NDArray[Any]], layout: str) -> NDArray[Any]:
    """Put the samples of one output together as the inputs were laid out."""
    if layout == "one":
        return samples[0]
    if layout == "batch" and samples[0].shape[:1] == (1,):
        return np.concatenate(samples)
    return np.stack(samples)
