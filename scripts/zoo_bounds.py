# SPDX-License-Identifier: Apache-2.0
"""What a layer is held to on a Cortex-M4: cycles from its class and geometry.

Two classes have a bound that the project promises (see docs/zoo-costs.md). The others get what a good kernel of their
class needs: the multiply-accumulates at the rate of the d8 kernels, plus gathering each patch and finishing each
output; for operators without multiply-accumulates, cycles per element.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

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
    shapes = [tensor.shape for tensor in operator.inputs if tensor is not None]
    result = operator.outputs[0].shape
    outputs = math.prod(result)
    if operator.kind == "CONV_2D":
        return _convolution(operator, shapes[1], result, macs)
    if operator.kind == "DEPTHWISE_CONV_2D":
        return _depthwise(operator, shapes[1], result, macs)
    if operator.kind == "FULLY_CONNECTED":
        rows, depth = shapes[1]
        return Bound(CALL + 1.35 * macs + 20.0 * outputs + 2.5 * depth, f"{rows} x {depth}")
    text = f"{'x'.join(map(str, shapes[0]))} -> {'x'.join(map(str, result))}"
    if operator.kind in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        return Bound(CALL + _pool(operator, outputs), text)
    if operator.kind == "MEAN":
        return Bound(CALL + 2.0 * math.prod(shapes[0]) + 25.0 * outputs, text)
    return Bound(CALL + PER_OUTPUT.get(operator.kind, 10.0) * outputs, text)


def _options(operator: Operator, name: str) -> object:
    return operator.options(getattr(tflite, name))


def _convolution(operator: Operator, weights: tuple[int, ...], result: tuple[int, ...], macs: int) -> Bound:
    channels, height, width, depth = weights
    pixels = math.prod(result[:-1])
    options = _options(operator, "Conv2DOptions")
    stride = (options.StrideH(), options.StrideW())  # type: ignore[attr-defined]
    text = f"{height}x{width} stride {stride[0]}x{stride[1]}, {depth} -> {channels}, {pixels} pixels"
    if depth >= 32 and channels >= 4 and pixels >= 2:
        return Bound(1.6 * macs, text, promised=True)
    gather = 1.5 * height * width * depth * pixels
    return Bound(CALL + 1.1 * macs + gather + (16.0 * channels + 40.0) * pixels, text)


def _depthwise(operator: Operator, weights: tuple[int, ...], result: tuple[int, ...], macs: int) -> Bound:
    _, height, width, channels = weights
    options = _options(operator, "DepthwiseConv2DOptions")
    stride = (options.StrideH(), options.StrideW())  # type: ignore[attr-defined]
    outputs = math.prod(result)
    text = f"{height}x{width} stride {stride[0]}x{stride[1]}, {channels} channels, {outputs // channels} pixels"
    if (height, width) == (3, 3) and stride == (1, 1) and channels >= 8:
        return Bound(35.0 * outputs, text, promised=True)
    return Bound(CALL + 2.5 * macs + 20.0 * outputs, text)


def _pool(operator: Operator, outputs: int) -> float:
    options = _options(operator, "Pool2DOptions")
    window = options.FilterHeight() * options.FilterWidth()  # type: ignore[attr-defined]
    return outputs * (2.5 * window + 15.0 if operator.kind == "AVERAGE_POOL_2D" else 1.5 * window + 6.0)
