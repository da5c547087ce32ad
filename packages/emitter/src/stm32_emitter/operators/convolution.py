# SPDX-License-Identifier: Apache-2.0
"""What CONV_2D and DEPTHWISE_CONV_2D share: recognition, geometry, fixed-point parameters.

Arithmetic of both, established against the reference interpreter: 32-bit accumulation of
(x - input zero point) * w + bias, scaled per output channel by input_scale * weight_scale / output_scale (product and
quotient in double) with two roundings (``ai_k_requantize``), plus the output zero point, clamped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.operators.base import Attribute, Fused, KernelRequest, constant
from stm32_emitter.operators.fixed_point import activation_range, quantize_multipliers
from stm32_emitter.operators.scope import Dequantized, Quantized, Scope, integers, shape_of


@dataclass(frozen=True)
class Geometry:
    """Sizes of a 2-D convolution, batch size included."""

    batch: int
    height: int
    width: int
    channels: int
    out_height: int
    out_width: int
    out_channels: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: tuple[int, int, int, int]  # top, left, bottom, right
    groups: int

    @property
    def padded(self) -> bool:
        """Whether a window can reach outside the input."""
        return any(self.padding)

    @property
    def pixels(self) -> int:
        """Output pixels of one image."""
        return self.out_height * self.out_width


@dataclass(frozen=True)
class QuantizedConvolution:
    """The parts of quantize(act(conv2d(dequantize(x), dequantize(w)) + bias)).

    ``weights`` is int8 [Cout, KH, KW, Cin / groups].
    """

    call: relax.Call
    x: Dequantized
    weights: NDArray[np.int8]
    weight_scale: NDArray[np.float32]
    bias: NDArray[np.int32] | None
    result: Quantized

    @property
    def groups(self) -> int:
        """Number of groups."""
        return int(self.call.attrs.groups)


def match_quantized_convolution(scope: Scope, root: relax.Call) -> QuantizedConvolution | None:
    """The quantized convolution that ends in ``root``, or None."""
    result = scope.quantized(root)
    if result is None or result.dtype != "int8":
        return None
    value, bias = scope.biased(result.value)
    call = scope.call(value, "nn.conv2d")
    if call is None or str(call.attrs.data_layout) != "NHWC":
        return None
    x, weights = scope.dequantized(call.args[0]), _weights(scope, call)
    if x is None or weights is None or x.dtype != "int8":
        return None
    bias_value = None if bias is None else _raw_constant(scope, bias)
    return QuantizedConvolution(call, x, weights[0], weights[1], bias_value, result)


def _raw_constant(scope: Scope, expr: relax.Expr) -> NDArray[Any]:
    """The integers of a quantized constant, which is flattened."""
    dequantized = scope.dequantized(expr)
    value = scope.constant(expr if dequantized is None else dequantized.value)
    if value is None or value.dtype != np.int32:
        raise ModelRefused("its bias is not a constant of type int32", hint="Quantize the bias to int32.")
    return value.ravel()


def _weights(scope: Scope, call: relax.Call) -> tuple[NDArray[np.int8], NDArray[np.float32]] | None:
    """(weights [Cout, KH, KW, I], scale per output channel or one); the reshape of depthwise weights is undone."""
    layout, expr = str(call.attrs.kernel_layout), call.args[1]
    reshape = scope.call(expr, "reshape")
    dequantized = scope.dequantized(expr if reshape is None else reshape.args[0])
    if dequantized is None:
        return None
    value = scope.constant(dequantized.value)
    if value is None or value.dtype != np.int8:
        raise ModelRefused("its weights are not constant int8 values", hint="Quantize the weights to int8.")
    if np.any(dequantized.zero_point):
        raise ModelRefused("its weights have a zero point other than 0", hint="Quantize the weights symmetrically.")
    ordered = value.reshape(shape_of(call.args[1])).transpose([layout.index(axis) for axis in "OHWI"])
    if len(dequantized.scale) not in (1, ordered.shape[0]):
        raise ModelRefused(f"{len(dequantized.scale)} weight scales do not fit {ordered.shape[0]} output channels")
    return np.ascontiguousarray(ordered), dequantized.scale


def fused(kind: str, parts: QuantizedConvolution, root: relax.Call) -> Fused:
    """The fused operator: inputs are x, weights, bias (zeros if absent), multipliers, shifts."""
    channels = parts.weights.shape[0]
    real = parts.x.scale[0].astype(np.float64) * parts.weight_scale.astype(np.float64) / np.float64(parts.result.scale)
    multipliers, shifts = quantize_multipliers(np.broadcast_to(real, (channels,)))
    bias = np.zeros(channels, np.int32) if parts.bias is None else parts.bias
    low, high = activation_range(
        "int8", parts.result.scale, parts.result.zero_point, parts.result.low, parts.result.high
    )
    attributes: dict[str, Attribute] = {
        "strides": integers(parts.call.attrs.strides),
        "dilation": integers(parts.call.attrs.dilation),
        "padding": integers(parts.call.attrs.padding),
        "groups": parts.groups,
        "input_zero_point": int(parts.x.zero_point[0]),
        "output_zero_point": parts.result.zero_point,
        "low": low,
        "high": high,
    }
    constants = [constant(v) for v in (parts.weights, bias.astype(np.int32), multipliers, shifts)]
    return Fused(kind, (parts.x.value, *constants), shape_of(root), "int8", attributes)


def geometry(request: KernelRequest) -> Geometry:
    """Sizes from a kernel request made of :func:`fused`."""
    batch, height, width, channels = request.inputs[0].shape
    _, out_height, out_width, out_channels = request.output.shape
    _, kernel_height, kernel_width, _ = request.inputs[1].shape
    top, left, bottom, right = request.integers("padding")
    stride, dilation = request.integers("strides"), request.integers("dilation")
    return Geometry(
        batch, height, width, channels, out_height, out_width, out_channels, (kernel_height, kernel_width),
        (stride[0], stride[1]), (dilation[0], dilation[1]), (top, left, bottom, right), request.integer("groups"),
    )  # fmt: skip
