# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED.

Arithmetic, established against the reference interpreter: 32-bit accumulation of (x - input zero point) * w + bias,
multiplied by the double input_scale * weight_scale / output_scale and rounded once, halves away from zero, plus the
output zero point, clamped. The fixed-point form of ``ai_k_requantize_once`` is checked to equal it at compile time.
uint8 is the same, with weights minus their zero point. int16 is the same with sums of 64 bits; there no integer form
of 64 bits is exact in general, so that each output, not each product, takes one multiplication in double precision.
ONNX scales as in ``nearest.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.operators import convolution_wide, fully_connected_d8, fully_connected_plain
from stm32_emitter.operators.base import Attribute, Fused, KernelRequest, OperatorDefinition, constant
from stm32_emitter.operators.convolution import bias_constant, centred
from stm32_emitter.operators.fixed_point import activation_range, single_rounding_multiplier
from stm32_emitter.operators.nearest import nearest_scaling, rounding
from stm32_emitter.operators.packing import folded_bias, pack_rows, padded_depth
from stm32_emitter.operators.schedule import Schedule
from stm32_emitter.operators.scope import Dequantized, Scope, shape_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address


class FullyConnected(OperatorDefinition):
    """int8 matrix product with constant weights, four rows at a time."""

    kind: ClassVar[str] = "FULLY_CONNECTED"
    roots: ClassVar[tuple[str, ...]] = ("quantize",)

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """quantize(act(matmul(dequantize(x), permute_dims(dequantize(w))) + bias)) with x [B,K], w [N,K]."""
        result = scope.quantized(root)
        if result is None or result.dtype not in ("int8", "int16"):
            return None
        value, bias = scope.biased(result.value)
        call = scope.call(value, "matmul")
        transposed = None if call is None else scope.call(call.args[1], "permute_dims")
        if call is None or transposed is None or transposed.attrs.axes is not None:
            return None
        x, w = scope.dequantized(call.args[0]), scope.dequantized(transposed.args[0])
        if x is None or w is None or x.dtype != result.dtype or len(x.shape) != 2:
            return None
        weights = _weights(scope, w, unsigned=scope.unsigned(root))
        biases = _bias(scope, bias, len(weights), result.dtype)
        if scope.nearest:
            scaling = nearest_scaling(x.scale, w.scale, result.scale, len(w.scale))
        else:
            real = x.scale[0].astype(np.float64) * w.scale.astype(np.float64) / np.float64(result.scale)
            scaling = _multipliers(real, weights, biases, int(x.zero_point[0]), result.dtype)
        low, high = activation_range(result.dtype, result.scale, result.zero_point, result.low, result.high)
        constants = [constant(v) for v in (weights, biases, *scaling)]
        attributes: dict[str, Attribute] = {
            "input_zero_point": int(x.zero_point[0]), "output_zero_point": result.zero_point, "low": low, "high": high,
            **rounding(nearest=scope.nearest),
        }  # fmt: skip
        return Fused(self.kind, (x.value, *constants), shape_of(root), result.dtype, attributes)

    def schedules(self, request: KernelRequest) -> Sequence[Schedule]:
        """Without DSP instructions the plain C form alone; else two weights in a halfword, and any layer."""
        if convolution_wide.is_wide(request):
            return (convolution_wide.wide_schedule(as_convolution(request)),)
        plain = fully_connected_plain.schedules(request)
        if plain:
            return [*fully_connected_d8.schedules(request), *plain] if request.target.dsp else plain
        weights = request.constant(1)
        rounds = request.inputs[0].elements // weights.shape[1]
        general = Schedule(
            "general", lambda: self.kernel(request), "4 rows, any scaling and bounds",
            cycles=rounds * (weights.size * 2.9 + 40 * len(weights)),
            constants=len(weights) * (padded_depth(weights.shape[1]) + 9), code=600,
        )  # fmt: skip
        return [*fully_connected_d8.schedules(request), general]

    def kernel(self, request: KernelRequest) -> Kernel:
        """x int8 [B,K] -> y int8 [B,N]."""
        weights, bias, multipliers, shifts = (request.constant(i) for i in range(1, 5))
        rows, depth = weights.shape
        batch = request.inputs[0].shape[0]
        folded = folded_bias(bias, weights, request.integer("input_zero_point"))
        with KernelBuilder("fully_connected", batch * rows * depth) as k:
            x = k.input("x", (batch * depth,), "int8")
            w = k.constant("weights", pack_rows(weights))
            b, m, e = (k.constant(n, v) for n, v in (("bias", folded), ("multiplier", multipliers), ("shift", shifts)))
            y = k.output("y", (batch * rows,), "int8")
            with k.loop("n", batch) as n:
                k.call(
                    "ai_k_dense_s8", address(x, n * depth), address(w), address(b), address(m), address(e),
                    address(y, n * rows, write=True), depth, rows, int(len(multipliers) > 1),
                    request.integer("output_zero_point"), request.integer("low"), request.integer("high"),
                )  # fmt: skip
        return k.kernel()


def _multipliers(
    real: NDArray[np.float64], weights: NDArray[Any], bias: NDArray[Any], zero_point: int, dtype: str
) -> tuple[NDArray[Any], NDArray[np.int8]]:
    """Fixed-point forms that are exact for every accumulator that the weights allow; real ones for int16."""
    if dtype == "int16":
        return real, np.zeros(len(real), np.int8)
    reach = max(127 - zero_point, zero_point + 128)
    bounds = np.abs(weights.astype(np.int64)).sum(axis=1) * reach + np.abs(bias.astype(np.int64))
    bounds = bounds if len(real) > 1 else bounds.max(keepdims=True)
    bounds = np.minimum(bounds, 2**31 - 1)
    pairs = [single_rounding_multiplier(float(m), int(b)) for m, b in zip(real, bounds, strict=True)]
    return np.array([p[0] for p in pairs], np.int32), np.array([p[1] for p in pairs], np.int8)


def _bias(scope: Scope, bias: relax.Expr | None, rows: int, dtype: str) -> NDArray[Any]:
    if bias is None:
        return np.zeros(rows, np.int64 if dtype == "int16" else np.int32)
    value = bias_constant(scope, bias, dtype)
    if value.size != rows:
        raise ModelRefused(f"its bias has {value.size} elements for {rows} outputs", hint="The file is damaged.")
    return value


def _weights(scope: Scope, found: Dequantized, *, unsigned: bool) -> NDArray[Any]:
    """[N,K], minus the zero point: int8, or int16 where that needs 9 bits."""
    weights = scope.constant(found.value)
    if weights is None or weights.dtype != np.int8:
        raise ModelRefused("its weights are not constant int8 values", hint="Quantize the weights to int8.")
    if np.any(found.zero_point) and not unsigned:
        raise ModelRefused("its weights have a zero point other than 0", hint="Quantize them symmetrically.")
    return centred(weights, int(found.zero_point[0]))


def as_convolution(request: KernelRequest) -> KernelRequest:
    """The same layer as a convolution with a window of one pixel: x [1,B,1,K], weights [N,1,1,K], y [1,B,1,N]."""
    x, weights, bias, *scaling = request.inputs
    matrix = request.constant(1)
    rows, depth = matrix.shape
    batch = x.elements // depth
    kernel = replace(weights, shape=(rows, 1, 1, depth), value=matrix.reshape(rows, 1, 1, depth))
    each = [replace(s, shape=(rows,), value=np.broadcast_to(s.value, (rows,))) for s in scaling if s.value is not None]
    attributes = {
        **request.attributes, "strides": [1, 1], "dilation": [1, 1], "padding": [0, 0, 0, 0], "groups": 1,
        "once": 1,
    }  # fmt: skip
    return replace(
        request,
        inputs=(replace(x, shape=(1, batch, 1, depth)), kernel, bias, *each),
        output=replace(request.output, shape=(1, batch, 1, rows)),
        attributes=attributes,
    )
