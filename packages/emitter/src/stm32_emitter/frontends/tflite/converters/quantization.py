# SPDX-License-Identifier: Apache-2.0
"""QUANTIZE (also from one quantization to another) and DEQUANTIZE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stm32_emitter.errors import ModelRefused

if TYPE_CHECKING:
    from tvm import relax

    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator


def convert_quantize(c: Converter, op: Operator) -> relax.Expr:
    """float32 or quantized -> quantized."""
    if op.outputs[0].quantization is None:
        raise ModelRefused(f"its output '{op.outputs[0].name}' has no scale")
    return c.result(c.real(op.input(0)), op.outputs[0])


def convert_dequantize(c: Converter, op: Operator) -> relax.Expr:
    """Quantized -> float32."""
    x = op.input(0)
    if x.quantization is None:
        raise ModelRefused(f"its input '{x.name}' ({x.dtype}) has no scale")
    return c.real(x)


CONVERTERS = {"QUANTIZE": convert_quantize, "DEQUANTIZE": convert_dequantize}
