# SPDX-License-Identifier: Apache-2.0
"""QUANTIZE (also from one quantization to another) and DEQUANTIZE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.tflite.converters.common import scale_of
from stm32_emitter.frontends.tflite.support import EIGHT_BITS, Limit, Support, takes
from stm32_emitter.operators.base import Attribute, Fused
from stm32_emitter.operators.fixed_point import quantize_multiplier

if TYPE_CHECKING:
    from tvm import relax

    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator


TO_INT32 = Limit("an output of int32 comes from int16, as the reference does it", hint="Use an input of int16.")


def convert_quantize(c: Converter, op: Operator) -> relax.Expr:
    """float32 or quantized -> quantized."""
    if op.outputs[0].quantization is None:
        raise ModelRefused(f"its output '{op.outputs[0].name}' has no scale")
    if op.outputs[0].dtype == "int32":
        return _to_int32(c, op)
    return c.result(c.real(op.input(0)), op.outputs[0])


def _to_int32(c: Converter, op: Operator) -> relax.Expr:
    x, y = op.input(0), op.outputs[0]
    TO_INT32.require(x.dtype == "int16", f"it quantizes {x.dtype} to int32")
    (source, zero_point), (result, offset) = scale_of(x), scale_of(y)
    multiplier, shift = quantize_multiplier(source / result)
    attributes: dict[str, Attribute] = {
        "multiplier": multiplier, "shift": shift, "input_zero_point": zero_point, "output_zero_point": offset,
    }  # fmt: skip
    return Fused("REQUANTIZE_32", (c.raw(x),), y.shape, "int32", attributes).call()


def convert_dequantize(c: Converter, op: Operator) -> relax.Expr:
    """Quantized -> float32."""
    x = op.input(0)
    if x.quantization is None:
        raise ModelRefused(f"its input '{x.name}' ({x.dtype}) has no scale")
    return c.real(x)


CONVERTERS = {"QUANTIZE": convert_quantize, "DEQUANTIZE": convert_dequantize}

SUPPORT: dict[str, Support] = {
    "QUANTIZE": takes(*EIGHT_BITS, "int16", limits=(TO_INT32,), note="from float32, int8, uint8, int16, int32"),
    "DEQUANTIZE": takes(*EIGHT_BITS, "int16", note="to float32; of float16 weights at compile time"),
}
