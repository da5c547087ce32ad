# SPDX-License-Identifier: Apache-2.0
"""What CONV_2D, DEPTHWISE_CONV_2D and TRANSPOSE_CONV share: recognition, geometry, fixed-point parameters.

Arithmetic of all, established against the reference interpreter: 32-bit accumulation of
(x - input zero point) * w + bias, scaled per output channel by input_scale * weight_scale / output_scale (product and
quotient in double) with two roundings (``ai_k_requantize``), plus the output zero point, clamped. For uint8 the product
of the two scales is rounded to float32, and the weights, one scale for all, have a zero point. For int16, zero points
are 0, sums have 64 bits and the scaling is that of ``ai_k_requantize_64``. A bias of int32 beside int16 is widened; the
reference interpreter cannot tell what it gives (it reads beyond such a bias). ONNX scales as in ``nearest.py``.
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
from stm32_emitter.operators.nearest import nearest_scaling, rounding
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

    ``weights`` is [Cout, KH, KW, Cin / groups], int8, or int16 where uint8 minus the zero point needs 9 bits.
    ``unsigned``: the layer is uint8 in the original model. ``nearest``: it is scaled as ONNX does.
    """

    call: relax.Call
    x: Dequantized
    weights: NDArray[Any]
    weight_scale: NDArray[np.float32]
    bias: NDArray[Any] | None
    result: Quantized
    unsigned: bool = False
    nearest: bool = False

    @property
    def groups(self) -> int:
        """Number of groups."""
        return int(self.call.attrs.groups)


def match_quantized_convolution(
    scope: Scope, root: relax.Call, operator: str = "nn.conv2d"
) -> QuantizedConvolution | None:
    """The quantized convolution ``operator`` that ends in ``root``, or None."""
    result = scope.quantized(root)
    if result is None or result.dtype not in ("int8", "int16"):
        return None
    value, bias = scope.biased(result.value)
    call = scope.call(value, operator)
    if call is None or str(call.attrs.data_layout) != "NHWC":
        return None
    unsigned = scope.unsigned(root)
    x, weights = scope.dequantized(call.args[0]), _weights(scope, call, unsigned=unsigned)
    if x is None or weights is None or x.dtype != result.dtype:
        return None
    bias_value = None if bias is None else bias_constant(scope, bias, result.dtype)
    return QuantizedConvolution(call, x, weights[0], weights[1], bias_value, result, unsigned, scope.nearest)


def bias_constant(scope: Scope, expr: relax.Expr, dtype: str) -> NDArray[Any]:
    """The integers of a quantized bias, flattened: int32, or int64 (widened from int32) beside activations of int16.

    Raises:
        ModelRefused: it is no such constant.
    """
    dequantized = scope.dequantized(expr)
    value = scope.constant(expr if dequantized is None else dequantized.value)
    allowed = (np.int32, np.int64) if dtype == "int16" else (np.int32,)
    if value is None or value.dtype not in allowed:
        raise ModelRefused("its bias is not a constant of type int32", hint="Quantize the bias to int32.")
    return value.ravel().astype(np.int64) if dtype == "int16" else value.ravel()


def centred(weights: NDArray[Any], zero_point: int) -> NDArray[Any]:
    """Weights minus their zero point: int8 if they fit, else int16."""
    values = weights.astype(np.int16) - np.int16(zero_point)
    fits = int(values.min(initial=0)) >= -128 and int(values.max(initial=0)) <= 127
    return values.astype(np.int8) if fits else values


def _weights(scope: Scope, call: relax.Call, *, unsigned: bool) -> tuple[NDArray[Any], NDArray[np.float32]] | None:
    """(weights [Cout, KH, KW, I], scale per output channel or one); the reshape of depthwise weights is undone."""
    layout, expr = str(call.attrs.kernel_layout), call.args[1]
    reshape = scope.call(expr, "reshape")
    dequantized = scope.dequantized(expr if reshape is None else reshape.args[0])
    if dequantized is None:
        return None
    value = scope.constant(dequantized.value)
    if value is None or value.dtype != np.int8:
        raise ModelRefused("its weights are not constant int8 values", hint="Quantize the weights to int8.")
    if np.any(dequantized.zero_point) and not unsigned:
        raise ModelRefused("its weights have a zero point other than 0", hint="Quantize the weights symmetrically.")
    ordered = value.reshape(shape_of(call.args[1])).transpose([layout.index(axis) for axis in "OHWI"])
    if len(dequantized.scale) not in (1, ordered.shape[0]):
        raise ModelRefused(f"{len(dequantized.scale)} weight scales do not fit {ordered.shape[0]} output channels")
    return centred(np.ascontiguousarray(ordered), int(dequantized.zero_point[0])), dequantized.scale


def fused(kind: str, parts: QuantizedConvolution, root: relax.Call) -> Fused:
    """The fused operator: inputs are x, weights, bias (zeros if absent), multipliers, shifts."""
    channels = parts.weights.shape[0]
    if parts.nearest:
        multipliers, shifts = nearest_scaling(parts.x.scale, parts.weight_scale, parts.result.scale, channels)
    else:
        multipliers, shifts = convolution_scaling(
            parts.x, parts.weight_scale, parts.result, channels, unsigned=parts.unsigned
        )
    dtype = parts.result.dtype
    bias = np.zeros(channels, np.int64 if dtype == "int16" else np.int32) if parts.bias is None else parts.bias
    low, high = activation_range(
        dtype, parts.result.scale, parts.result.zero_point, parts.result.low, parts.result.high
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
        **rounding(nearest=parts.nearest),
    }
    constants = [constant(v) for v in (parts.weights, bias, multipliers, shifts)]
    return Fused(kind, (parts.x.value, *constants), shape_of(root), dtype, attributes)


def convolution_scaling(
    x: Dequantized, weight_scale: NDArray[np.float32], result: Quantized, channels: int, *, unsigned: bool
) -> tuple[NDArray[np.int32], NDArray[np.int8]]:
    """(multipliers, shifts) of all output channels."""
    product = x.scale[0].astype(np.float64) * weight_scale.astype(np.float64)
    real = (product.astype(np.float32) if unsigned else product).astype(np.float64) / result.scale
    return quantize_multipliers(np.broadcast_to(real, (channels,)))


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
