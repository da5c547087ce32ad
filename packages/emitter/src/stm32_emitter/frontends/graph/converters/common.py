# SPDX-License-Identifier: Apache-2.0
"""What several converters need: windows and their padding, biases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.graph.emission import Emission
from stm32_emitter.frontends.graph.records import GraphNode
from stm32_emitter.frontends.graph.values import Known, Quantization, Value


@dataclass(frozen=True)
class Window:
    """A sliding window over two axes; padding is (top, left, bottom, right)."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: tuple[int, int, int, int]


def window_of(node: GraphNode, size: tuple[int, int], kernel: tuple[int, int]) -> Window:
    """The window of a Conv or pool over an image of ``size``.

    Raises:
        ModelRefused: attributes that contradict each other or do not fit two axes.
    """
    attributes = node.attributes
    stride, dilation = (_pair(attributes.get(key, (1, 1)), key) for key in ("strides", "dilations"))
    given = tuple(int(p) for p in attributes.get("pads", (0, 0, 0, 0)))
    if len(given) != 4 or min(*kernel, *stride, *dilation) < 1:
        raise ModelRefused(f"its window {list(kernel)} with pads {list(given)} is not one over two axes")
    covered = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    auto = attributes.get("auto_pad", b"NOTSET").decode()
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        totals = [max((-(-n // s) - 1) * s + c - n, 0) for n, s, c in zip(size, stride, covered, strict=True)]
        less, more = [t // 2 for t in totals], [t - t // 2 for t in totals]
        given = (*less, *more) if auto == "SAME_UPPER" else (*more, *less)
    elif auto == "VALID":
        given = (0, 0, 0, 0)
    if attributes.get("ceil_mode", 0):
        given = _extended(size, given, covered, stride)
    return Window(kernel, stride, dilation, (given[0], given[1], given[2], given[3]))


def _extended(
    size: tuple[int, int], padding: tuple[int, ...], covered: tuple[int, ...], stride: tuple[int, int]
) -> tuple[int, ...]:
    """Padding with which rounding down gives what rounding up gives; no window begins behind the image."""
    ends = []
    for axis in (0, 1):
        before, after = padding[axis], padding[axis + 2]
        count = -(-(size[axis] + before + after - covered[axis]) // stride[axis]) + 1
        if (count - 1) * stride[axis] >= size[axis] + before:
            count -= 1
        ends.append(max((count - 1) * stride[axis] + covered[axis] - size[axis] - before, 0))
    return (*padding[:2], *ends)


def _pair(values: Any, what: str) -> tuple[int, int]:
    numbers = [int(value) for value in values]
    if len(numbers) != 2:
        raise ModelRefused(f"its {what} are {numbers}; only windows over two axes are supported")
    return numbers[0], numbers[1]


def image(value: Value | Known) -> Value:
    """An operand [N,C,H,W] that is computed.

    Raises:
        ModelRefused: it has another rank.
    """
    if isinstance(value, Known) or len(value.shape) != 4:
        raise ModelRefused(
            f"its input has the shape {list(value.shape)}, a tensor [N,C,H,W] is needed",
            hint="Give one-dimensional signals a height of 1: [N,C,1,W].",
        )
    return value


def constant_weights(operand: Value | Known) -> Known:
    """Weights.

    Raises:
        ModelRefused: they are computed at run time.
    """
    if not isinstance(operand, Known):
        raise ModelRefused("its weights are computed at run time", hint="Export the model with constant weights.")
    return operand


def bias_constant(c: Emission, bias: NDArray[Any]) -> relax.Expr:
    """A bias [channels] of real numbers: float32, or int32 in units of the accumulator in a quantized group."""
    if not c.group.quantized:
        return relax.const(bias.astype(np.float32), "float32")
    if c.accumulator_scale is None:
        raise ModelRefused("its bias comes without a product that it is added to")
    scale = np.broadcast_to(c.accumulator_scale, bias.shape)
    raw = np.rint(bias.astype(np.float64) / scale)
    if np.any(np.abs(raw) > np.iinfo(np.int32).max):
        raise ModelRefused("its bias exceeds 32 bits in units of input scale * weight scale")
    quant = Quantization(scale.astype(np.float32), np.zeros(scale.size, np.int32))
    return c.dequantize(relax.const(raw.astype(np.int32), "int32"), quant)
