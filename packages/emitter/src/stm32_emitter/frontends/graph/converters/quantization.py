# SPDX-License-Identifier: Apache-2.0
"""QuantizeLinear and DequantizeLinear; neither of them alone is computed unless it has to be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.graph.emission import Emission, constants
from stm32_emitter.frontends.graph.records import GraphNode
from stm32_emitter.frontends.graph.values import Known, Quantization, Value

_SHIFT = 128
_INTEGERS = ("int8", "uint8")


def _parameters(c: Emission, node: GraphNode, rank: int) -> tuple[Quantization, str]:
    """(scale and zero point, element type of the integers)."""
    quant = c.parameters(node)
    zero = c.optional(2)
    dtype = str(zero.array.dtype) if isinstance(zero, Known) else "uint8"
    return replace(quant, axis=quant.axis % rank if rank else 0), dtype


def convert_quantize(c: Emission, node: GraphNode) -> Value | Known:
    """Real numbers -> integers; uint8 is kept as int8, less 128."""
    x = c.operand(0)
    quant, dtype = _parameters(c, node, len(x.shape))
    if isinstance(x, Known):
        return _constant(x, quant, dtype)
    if dtype not in _INTEGERS or not quant.per_tensor:
        raise ModelRefused(f"it quantizes activations to {dtype} or per channel", hint="Quantize them to int8.")
    if dtype == "uint8":
        quant = replace(quant, zero_point=quant.zero_point - _SHIFT)
    if x.quant is not None:
        return replace(c.requantized(x, quant), quant=None, made=quant, dtype=dtype)
    expr = x.expr if c.inside else c.real(x, x.perm)
    perm = x.perm if x.reshaped is None else tuple(range(len(x.shape)))
    if x.reshaped is not None:
        expr = c.real(x, perm)
    quantized = relax.op.quantize(expr, *constants(quant), axis=0, out_dtype="int8")
    return replace(c.emit(quantized, perm, dtype), made=quant)


def _constant(x: Known, quant: Quantization, dtype: str) -> Known:
    shape = [1] * len(x.shape)
    if not quant.per_tensor:
        shape[quant.axis] = -1
    info = np.iinfo(dtype)
    scale, zero = quant.scale.reshape(shape or [1]), quant.zero_point.reshape(shape or [1])
    rounded = np.rint(x.real().astype(np.float32) / scale) + zero
    return Known(np.clip(rounded, info.min, info.max).astype(dtype).reshape(x.shape))


def convert_dequantize(c: Emission, node: GraphNode) -> Value | Known:
    """Integers -> what they stand for; carried out only where a user needs float32."""
    x = c.operand(0)
    quant = c.parameters(node)
    quant = replace(quant, axis=quant.axis % len(x.shape) if x.shape else 0)
    if isinstance(x, Known):
        if str(x.array.dtype) == "uint8":
            shifted = (x.array.astype(np.int16) - _SHIFT).astype(np.int8)
            return Known(shifted, replace(quant, zero_point=quant.zero_point - _SHIFT))
        return Known(x.array, quant)
    if x.dtype not in _INTEGERS or not quant.per_tensor or x.quant is not None:
        raise ModelRefused(
            f"it dequantizes a computed tensor of {x.dtype}, or one per channel", hint="Quantize activations to int8."
        )
    if x.dtype == "uint8":
        narrow = replace(quant, zero_point=quant.zero_point - _SHIFT)
        if x.stored_dtype == "uint8":
            real = c.dequantize(c.stored(x, x.perm), quant)
            x = Value(c.step(relax.op.quantize(real, *constants(narrow), axis=0, out_dtype="int8")), x.perm)
        quant = narrow
    return replace(x, quant=quant, made=None, dtype="float32", source=node.outputs[0])


CONVERTERS = {"QuantizeLinear": convert_quantize, "DequantizeLinear": convert_dequantize}
