# SPDX-License-Identifier: Apache-2.0
"""What several converters need: fused activations, TFLite's padding rule, checked options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import tflite
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.tflite.support import Limit

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.reader import Tensor

_FUSED = tflite.ActivationFunctionType
_BOUNDS: Mapping[int, tuple[float | None, float | None]] = {
    _FUSED.NONE: (None, None),
    _FUSED.RELU: (0.0, None),
    _FUSED.RELU6: (0.0, 6.0),
    _FUSED.RELU_N1_TO_1: (-1.0, 1.0),
}
FUSED = Limit(
    "the fused activation is NONE, RELU, RELU6 or RELU_N1_TO_1", hint="Use an activation operator behind it instead."
)


def activated(expr: relax.Expr, function: int) -> relax.Expr:
    """``expr`` after a fused activation, on real numbers."""
    low, high = activation_bounds(function)
    if low is None:
        return expr
    return relax.op.nn.relu(expr) if high is None else relax.op.clip(expr, low, high)


def activation_bounds(function: int) -> tuple[float | None, float | None]:
    """(least, greatest) result of a fused activation; None where there is no bound."""
    FUSED.require(function in _BOUNDS, found=f"its fused activation is number {function}")
    return _BOUNDS[function]


def positive(**values: int) -> None:
    """Strides, dilations and windows must be at least 1."""
    for name, value in values.items():
        if value < 1:
            raise ModelRefused(f"its {name.replace('_', ' ')} is {value}, it must be at least 1")


def rank(tensor_name: str, shape: tuple[int, ...], wanted: int) -> None:
    """Refuses a tensor of another rank."""
    if len(shape) != wanted:
        raise ModelRefused(f"tensor '{tensor_name}' has the shape {list(shape)}, rank {wanted} is needed")


def scale_of(tensor: Tensor) -> tuple[float, int]:
    """(scale, zero point) of a tensor that is quantized as a whole.

    Raises:
        ModelRefused: it is not.
    """
    q = tensor.quantization
    if q is None or not q.per_tensor:
        raise ModelRefused(f"tensor '{tensor.name}' ({tensor.dtype}) must have one scale, as the reference reads one")
    return float(q.scale[0]), int(q.zero_point[0])


def padding_2d(
    padding: int, size: tuple[int, int], window: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]
) -> list[int]:
    """[top, left, bottom, right] as TFLite computes them."""
    before, after = padding_around(padding, size, window, stride, dilation)
    return before + after


def padding_around(
    padding: int, size: Sequence[int], window: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Elements (before, behind) each axis as TFLite computes them: SAME puts the odd one behind."""
    if padding == tflite.Padding.VALID:
        return [0] * len(size), [0] * len(size)
    before, after = [], []
    for extent, kernel, step, spread in zip(size, window, stride, dilation, strict=True):
        covered = (kernel - 1) * spread + 1
        outputs = -(-extent // step)
        total = max((outputs - 1) * step + covered - extent, 0)
        before.append(total // 2)
        after.append(total - total // 2)
    return before, after
