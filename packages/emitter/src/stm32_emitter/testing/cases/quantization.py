# SPDX-License-Identifier: Apache-2.0
"""Cases of QUANTIZE and DEQUANTIZE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stm32_emitter.testing.tflite_writer import Quant

if TYPE_CHECKING:
    from .draw import Draw

_ZERO_POINT_SHIFT = {"int8": 0, "uint8": 128}
_SOURCES = {
    "int8": ("float32", "int8", "uint8", "int16", "int32"), "uint8": ("float32", "int8", "uint8"),
    "int16": ("float32", "int8", "uint8", "int16", "int32"),
}  # fmt: skip
"""Element type of an output -> those of inputs that the reference quantizes to it."""


def _quant(draw: Draw, dtype: str, low: float, high: float) -> Quant:
    scale = draw.log_uniform(low, high)
    if dtype in ("int16", "int32"):
        return draw.affine(scale / 256.0, 0)
    return draw.affine(scale, draw.integer(-128, 127) + _ZERO_POINT_SHIFT.get(dtype, 0))


def quantize(draw: Draw) -> tuple[list[int], list[int]]:
    """QUANTIZE from float32 and from one quantization to another; int16 also becomes int32."""
    shape = draw.pick((draw.shape((1, 4), 400), (1, 256)))
    source_type, target_type = draw.pick(_SOURCES.get(draw.dtype, (draw.dtype,))), draw.dtype
    if draw.dtype == "int16" and draw.chance(0.2):
        source_type, target_type = "int16", "int32"
    target = _quant(draw, target_type, 2.0**-7, 2.0**-3)
    source = None
    if source_type != "float32":
        coarse = target.scales[0] * (256.0 if target_type in ("int16", "int32") else 1.0)
        source = _quant(draw, source_type, coarse / 4, coarse * 4)
        if {source_type, target_type} <= set(_ZERO_POINT_SHIFT) and draw.chance(0.3):  # a change of type only
            shift = _ZERO_POINT_SHIFT[target_type] - _ZERO_POINT_SHIFT[source_type]
            target = Quant(source.scale, source.zero_points[0] + shift)
    x = draw.activation("input", shape, source, source_type)
    y = draw.activation("output", shape, target, target_type)
    draw.writer.operator("QUANTIZE", [x], [y])
    return [x], [y]


def dequantize(draw: Draw) -> tuple[list[int], list[int]]:
    """DEQUANTIZE to float32."""
    shape = draw.pick((draw.shape((1, 4), 400), (1, 256)))
    x = draw.activation("input", shape, _quant(draw, draw.dtype, 2.0**-9, 1.0))
    y = draw.activation("output", shape, None, "float32")
    draw.writer.operator("DEQUANTIZE", [x], [y])
    return [x], [y]


GENERATORS = {"QUANTIZE": quantize, "DEQUANTIZE": dequantize}
