# SPDX-License-Identifier: Apache-2.0
"""What a layer is held to on a Cortex-M4: cycles from its class and geometry.

Two classes have a bound that the project promises (see docs/zoo-costs.md). The others get what a good kernel of their
class needs: the multiply-accumulates at the rate of the d8 kernels, plus gathering each patch and finishing each
output; for operators without multiply-accumulates, cycles per element.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import tflite
from stm32_emitter.frontends.tflite.reader import Operator

CALL = 400.0
"""Cycles around a layer, whatever its size."""
PER_OUTPUT = {
    "ADD": 8.0, "SUB": 8.0, "MUL": 9.0, "LEAKY_RELU": 7.0, "LOGISTIC": 7.0, "TANH": 7.0, "HARD_SWISH": 7.0,
    "RELU": 7.0, "RELU6": 7.0, "QUANTIZE": 30.0, "DEQUANTIZE": 12.0, "PAD": 1.5, "CONCATENATION": 1.5, "RESHAPE": 1.5,
    "TRANSPOSE": 6.0, "RESIZE_NEAREST_NEIGHBOR": 2.5, "RESIZE_BILINEAR": 30.0, "STRIDED_SLICE": 2.0, "SOFTMAX": 70.0,
    "LOG_SOFTMAX": 90.0,
}  # fmt: skip
"""Cycles of an output element."""


@dataclass(frozen=True)
class Bound:
    """Cycles, and the geometry they come from as text; ``promised`` where the bound is an aim of the project."""

    cycles: float
    text: str = ""
    promised: bool = False


def bound_of(operator: Operator | None, macs: int) -> Bound:
    """The bound of a source operator; of an unknown one, a generous one."""
    if operator is None:
        return Bound(CALL + 2.0 * macs)
    weighted = {
        "CONV_2D": _convolution, "DEPTHWISE_CONV_2D": _depthwise, "FULLY_CONNECTED": _product,
    }  # fmt: skip
    if operator.kind in weighted:
        return weighted[operator.kind](operator, operator.input(1).shape, operator.outputs[0].shape, macs)
    source, result = operator.input(0).shape, operator.outputs[0].shape
    text = f"{'x'.join(map(str, source))} -> {'x'.join(map(str, result))}"
    outputs = math.prod(result)
    if operator.kind in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        return Bound(CALL + _pool(operator, outputs), text)
    if operator.kind == "MEAN":
        return Bound(CALL + 2.0 * math.prod(source) + 25.0 * outputs, text)
    return Bound(CALL + PER_OUTPUT.get(operator.kind, 10.0) * outputs, text)


def _product(_operator: Operator, weights: tuple[int, ...], result: tuple[int, ...], macs: int) -> Bound:
    rows, depth = weights
    return Bound(CALL + 1.35 * macs + 20.0 * math.prod(result) + 2.5 * depth, f"{rows} x {depth}")


def _options(operator: Operator, name: str) -> Any:
    return operator.options(getattr(tflite, name))


def _convolution(operator: Operator, weights: tuple[int, ...], result: tuple[int, ...], macs: int) -> Bound:
    channels, height, width, depth = weights
    pixels = math.prod(result[:-1])
    options = _options(operator, "Conv2DOptions")
    stride = (options.StrideH(), options.StrideW())
    text = f"{height}x{width} stride {stride[0]}x{stride[1]}, {depth} -> {channels}, {pixels} pixels"
    if depth >= 32 and channels >= 4 and pixels >= 2:
        return Bound(1.6 * macs, text, promised=True)
    gather = 1.5 * height * width * depth * pixels
    return Bound(CALL + 1.1 * macs + gather + (16.0 * channels + 40.0) * pixels, text)


def _depthwise(operator: Operator, weights: tuple[int, ...], result: tuple[int, ...], macs: int) -> Bound:
    _, height, width, channels = weights
    options = _options(operator, "DepthwiseConv2DOptions")
    stride = (options.StrideH(), options.StrideW())
    outputs = math.prod(result)
    text = f"{height}x{width} stride {stride[0]}x{stride[1]}, {channels} channels, {outputs // channels} pixels"
    if (height, width) == (3, 3) and stride == (1, 1) and channels >= 8:
        return Bound(35.0 * outputs, text, promised=True)
    return Bound(CALL + 2.5 * macs + 20.0 * outputs, text)


def _pool(operator: Operator, outputs: int) -> float:
    options = _options(operator, "Pool2DOptions")
    window = int(options.FilterHeight() * options.FilterWidth())
    return outputs * (2.5 * window + 15.0 if operator.kind == "AVERAGE_POOL_2D" else 1.5 * window + 6.0)
