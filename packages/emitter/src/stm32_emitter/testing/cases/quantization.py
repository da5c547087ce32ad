# SPDX-License-Identifier: Apache-2.0
"""Cases of QUANTIZE and DEQUANTIZE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stm32_emitter.testing.tflite_writer import Quant

if TYPE_CHECKING:
    from .draw import Draw

_ZERO_POINT_SHIFT = {"int8": 0, "uint8": 128}


_WIDE_PAIRS = (
    ("float32", "int16"), ("int16", "int16"), ("int16", "int8"), ("int8", "int16"),
)  # fmt: skip
"""Element types of input and output in cases of int16."""


def _quant(draw: Draw, dtype: str, low: float, high: float) -> Quant:
    scale = draw.log_uniform(low, high)
    if dtype == "int16":
        return draw.affine(scale / 256.0, 0)
    return draw.affine(scale, draw.integer(-128, 127) + _ZERO_POINT_SHIFT[dtype])


def quantize(draw: Draw) -> tuple[list[int], list[int]]:
    """QUANTIZE: float32 to int8 or uint8; int8 cases also requantize, uint8 included, int16 cases too, with int8."""
    shape = draw.pick((draw.shape((1, 4), 400), (1, 256)))
    source_type, target_type = "float32", draw.pick(("int8", "uint8"))
    source = None
    if draw.dtype == "int16":
        source_type, target_type = draw.pick(_WIDE_PAIRS)
    elif draw.quantized:
        source_type, target_type = draw.pick(
            (("int8", "int8"), ("int8", "uint8"), ("uint8", "int8"), ("uint8", "uint8"), ("float32", "int8"))
        )
    target = _quant(draw, target_type, 2.0**-7, 2.0**-3)
    if source_type != "float32":
        coarse = target.scales[0] * (256.0 if target_type == "int16" else 1.0)
        source = _quant(draw, source_type, coarse / 4, coarse * 4)
        if "int16" not in (source_type, target_type) and draw.chance(0.3):  # a change of type only
            shift = _ZERO_POINT_SHIFT[target_type] - _ZERO_POINT_SHIFT[source_type]
            target = Quant(source.scale, source.zero_points[0] + shift)
    x = draw.activation("input", shape, source, source_type)
    y = draw.activation("output", shape, target, target_type)
    draw.writer.operator("QUANTIZE", [x], [y])
    return [x], [y]


def dequantize(draw: Draw) -> tuple[list[int], list[int]]:
    """DEQUANTIZE: int8, uint8 or int16 to float32."""
    shape = draw.pick((draw.shape((1, 4), 400), (1, 256)))
    source_type = "int16" if draw.dtype == "int16" else draw.pick(("int8", "int8", "uint8"))
    x = draw.activation("input", shape, _quant(draw, source_type, 2.0**-9, 1.0), source_type)
    y = draw.activation("output", shape, None, "float32")
    draw.writer.operator("DEQUANTIZE", [x], [y])
    return [x], [y]


GENERATORS = {"QUANTIZE": quantize, "DEQUANTIZE": dequantize}
