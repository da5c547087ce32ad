# SPDX-License-Identifier: Apache-2.0
"""Samples for a validation: inputs and expected outputs from an .npz file, checked against a model's tensors."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ai_runner.batch import check_dtype, stack_samples
from ai_runner.errors import InvalidParamError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ai_runner.protocol.messages import TensorInfo

__all__ = ["Samples", "load_npz", "quantize_array", "random_inputs", "select_samples"]


@dataclass(frozen=True)
class Samples:
    """Arrays with a sample axis in front: shape (count, *tensor shape), dtype of the tensor.

    Attributes:
        inputs: one for each input.
        outputs: one for each output; empty when no expected outputs were given.
        count: number of samples.
    """

    inputs: tuple[NDArray[Any], ...]
    outputs: tuple[NDArray[Any], ...]
    count: int


def load_npz(path: str | Path) -> dict[str, NDArray[Any]]:
    """Read all arrays of an .npz file.

    Raises:
        InvalidParamError: it is not there, no .npz, or holds Python objects.
    """
    try:
        loaded = np.load(Path(path), allow_pickle=False)
        if not isinstance(loaded, np.lib.npyio.NpzFile):
            raise InvalidParamError(
                f"{path}: a single array, not an .npz of named arrays", "save it with numpy.savez(in0=..., out0=...)"
            )
        with loaded:
            return {key: loaded[key] for key in loaded.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, InvalidParamError):
            raise
        raise InvalidParamError(
            f"{path}: cannot be read as .npz: {error}", "save it with numpy.savez(in0=..., out0=...)"
        ) from error


def quantize_array(value: NDArray[Any], tensor: TensorInfo) -> NDArray[Any]:
    """Quantize floats: round(value / scale) half away from zero, plus zero point, clipped to the dtype's range.

    Args:
        value: any shape; returned as it is when it has the tensor's dtype already.
        tensor: with a scale and an integer dtype.

    Raises:
        InvalidParamError: the tensor is not quantized, or the values are no floats.
    """
    if value.dtype == tensor.dtype:
        return value
    if not tensor.is_quantized or tensor.dtype.kind not in "iu" or value.dtype.kind != "f":
        raise InvalidParamError(f"{value.dtype} values cannot be quantized for tensor {tensor.name!r} ({tensor.dtype})")
    scaled = value.astype(np.float64) / tensor.scale
    rounded = np.trunc(scaled + np.copysign(0.5, scaled)) + tensor.zero_point
    limits = np.iinfo(str(tensor.dtype))
    quantized: NDArray[Any] = np.clip(rounded, limits.min, limits.max).astype(tensor.dtype)
    return quantized


def _find(arrays: Mapping[str, NDArray[Any]], tensors: Sequence[TensorInfo], short: str, long: str) -> list[str] | None:
    """Return the names of the arrays for these tensors; None when there are none at all."""
    for names in (
        [f"{short}{i}" for i in range(len(tensors))],
        [f"{long}_{i + 1}" for i in range(len(tensors))],
        [tensor.name for tensor in tensors],
    ):
        found = [name for name in names if name in arrays]
        if found and len(found) < len(names):
            missing = ", ".join(name for name in names if name not in arrays)
            raise InvalidParamError(f"the .npz has {', '.join(found)} but not {missing}")
        if found:
            return names
    return None


def _stacked(
    arrays: Mapping[str, NDArray[Any]], names: Sequence[str], tensors: Sequence[TensorInfo], *, quantize: bool
) -> list[NDArray[Any]]:
    stacked = []
    for name, tensor in zip(names, tensors, strict=True):
        what = f"array {name!r}"
        value = quantize_array(arrays[name], tensor) if quantize else arrays[name]
        check_dtype(value, tensor, what)
        stacked.append(stack_samples(value, tensor, what)[0])
    return stacked


def select_samples(
    arrays: Mapping[str, NDArray[Any]],
    inputs: Sequence[TensorInfo],
    outputs: Sequence[TensorInfo],
    *,
    quantize: bool = False,
) -> Samples:
    """Pick the arrays of a model's tensors and check them.

    Args:
        arrays: named in0, in1, ... and out0, ...; or m_inputs_1, ... and m_outputs_1, ...; or as the tensors. Other
            names are ignored. Each has its tensor's shape, or one more axis in front, or a longer batch axis where the
            tensor's is 1.
        inputs: of the model.
        outputs: of the model.
        quantize: turn float arrays into the tensors' integers; else dtypes must match.

    Raises:
        InvalidParamError: names, shapes, dtypes or numbers of samples do not fit.
    """
    input_names = _find(arrays, inputs, "in", "m_inputs")
    if input_names is None:
        wanted = f"in0 or m_inputs_1 or {inputs[0].name!r}" if inputs else "inputs"
        raise InvalidParamError(f"the .npz has arrays {', '.join(sorted(arrays)) or 'of no name'}, {wanted} is needed")
    output_names = _find(arrays, outputs, "out", "m_outputs")
    stacked_in = _stacked(arrays, input_names, inputs, quantize=quantize)
    stacked_out = _stacked(arrays, output_names, outputs, quantize=quantize) if output_names else []
    counts = {len(value) for value in (*stacked_in, *stacked_out)}
    if len(counts) != 1:
        raise InvalidParamError(f"the arrays hold different numbers of samples: {', '.join(map(str, sorted(counts)))}")
    return Samples(tuple(stacked_in), tuple(stacked_out), counts.pop())


def random_inputs(tensors: Sequence[TensorInfo], count: int, seed: int) -> list[NDArray[Any]]:
    """Return ``count`` random samples for each input: integers over their whole range, floats in [0, 1), bools.

    The same seed gives the same values on every machine.
    """
    generator = np.random.default_rng(seed)
    return [_random(generator, tensor.dtype, (count, *tensor.shape)) for tensor in tensors]


def _random(generator: np.random.Generator, dtype: np.dtype[np.generic], shape: tuple[int, ...]) -> NDArray[Any]:
    if dtype.kind == "f":
        return generator.random(shape).astype(dtype)
    if dtype.kind == "b":
        return generator.integers(0, 2, shape).astype(dtype)
    limits = np.iinfo(str(dtype))
    return generator.integers(limits.min, limits.max, shape, dtype=str(dtype), endpoint=True)
