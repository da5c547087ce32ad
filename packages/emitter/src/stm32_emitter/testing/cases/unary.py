# SPDX-License-Identifier: Apache-2.0
"""Cases of functions of single elements: ABS, NEG, SQRT, EXP, GELU and others, and PRELU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stm32_emitter.testing.tflite_writer import Quant

from .activations import any_shape, relu, rescaled
from .draw import values

if TYPE_CHECKING:
    from collections.abc import Callable

    from .draw import Draw

Wiring = tuple[list[int], list[int]]
_SPREAD = 16.0
"""Exponents stay below, so that float results are finite."""


def _emit(draw: Draw, op: str, source: Quant | None, target: Quant | None, **options: bool) -> Wiring:
    shape = any_shape(draw)
    x, y = draw.activation("input", shape, source), draw.activation("output", shape, target)
    draw.writer.operator(op, [x], [y], **options)
    return [x], [y]


def _plain(op: str) -> Callable[[Draw], Wiring]:
    return lambda draw: _emit(draw, op, quant := draw.quant(), quant)


def abs_(draw: Draw) -> Wiring:
    """ABS with the same or another output quantization."""
    source = draw.quant()
    return _emit(draw, "ABS", source, rescaled(draw, source))


def neg(draw: Draw) -> Wiring:
    """NEG, which looks at no quantization."""
    source = draw.quant()
    return _emit(draw, "NEG", source, source)


def root(op: str) -> Callable[[Draw], Wiring]:
    """SQRT and RSQRT of values that are not negative."""

    def generate(draw: Draw) -> Wiring:
        largest = draw.log_uniform(0.1, 60.0)
        source = draw.activations(largest / 255, -128) if draw.quantized else None
        natural = largest**0.5 if op == "SQRT" else (255 / largest) ** 0.5
        scale, zero = natural / 255 * draw.log_uniform(0.5, 2.0), draw.integer(-128, 40)
        target = draw.activations(scale, zero) if source else None
        if draw.dtype == "int16":
            return _root_16(draw, op, source, target)
        if draw.quantized:
            return _emit(draw, op, source, target)
        shape = any_shape(draw)
        x, size, y = (draw.activation(name, shape, None) for name in ("input", "size", "output"))
        draw.writer.operator("ABS", [x], [size])
        draw.writer.operator(op, [size], [y])
        return [x], [y]

    return generate


def _root_16(draw: Draw, op: str, source: Quant | None, target: Quant | None) -> Wiring:
    """Of magnitudes."""
    shape = any_shape(draw)
    x, size, y = (draw.activation(n, shape, q) for n, q in (("input", source), ("size", source), ("output", target)))
    draw.writer.operator("ABS", [x], [size])
    draw.writer.operator(op, [size], [y])
    return [x], [y]


def exp(draw: Draw) -> Wiring:
    """EXP of values below 16."""
    source = draw.quant(2.0**-9, _SPREAD / 255)
    scale, zero = draw.log_uniform(0.002, 0.1), draw.pick((-128, draw.integer(-128, 127)))
    return _emit(draw, "EXP", source, draw.activations(scale, zero) if source else None)


def log(draw: Draw) -> Wiring:
    """LOG, for int8 with values below and above 0; for float32 of squares, which are never negative."""
    source = draw.quant(2.0**-9, 0.5)
    if draw.quantized:
        return _emit(draw, "LOG", source, draw.activations(draw.log_uniform(0.01, 0.1), draw.integer(-128, 127)))
    shape = any_shape(draw)
    x, size, y = (draw.activation(name, shape, None) for name in ("input", "size", "output"))
    draw.writer.operator("SQUARE", [x], [size])
    draw.writer.operator("LOG", [size], [y])
    return [x], [y]


def elu(draw: Draw) -> Wiring:
    """ELU with the same or another output quantization."""
    source = draw.quant(2.0**-8, 0.2)
    return _emit(draw, "ELU", source, rescaled(draw, source))


def gelu(draw: Draw) -> Wiring:
    """GELU, exact and approximate."""
    source = draw.quant(2.0**-8, 0.1)
    return _emit(draw, "GELU", source, rescaled(draw, source), approximate=draw.chance(0.5))


def prelu(draw: Draw) -> Wiring:
    """PRELU with a slope for each channel, for each element or for all."""
    shape = draw.shape((2, 4), 400, 20)
    style = draw.integer(0, 2)
    alphas = (
        shape[1:] if style == 0 else (1,) * (len(shape) - 2) + shape[-1:] if style == 1 else (1,) * (len(shape) - 1)
    )
    source = draw.quant(2.0**-8, 0.3)
    x = draw.activation("input", shape, source)
    slopes = draw.quant(2.0**-10, 0.02)
    if draw.dtype == "int16":
        data = values(draw.rng, tuple(alphas), "int8", "uniform")
        alpha = draw.writer.constant("alpha", data, quant=Quant(draw.log_uniform(2.0**-10, 0.02)))
    else:
        alpha = draw.constant("alpha", alphas, slopes)
    y = draw.activation("output", shape, rescaled(draw, source))
    draw.writer.operator("PRELU", [x, alpha], [y])
    return [x], [y]


_PLAIN = ("CEIL", "COS", "FLOOR", "ROUND", "SIGN", "SIN", "SQUARE")
GENERATORS = {
    **{op: _plain(op) for op in _PLAIN},
    "ABS": abs_,
    "RELU_0_TO_1": relu("RELU_0_TO_1"),
    "ELU": elu,
    "EXP": exp,
    "GELU": gelu,
    "LOG": log,
    "NEG": neg,
    "PRELU": prelu,
    "RSQRT": root("RSQRT"),
    "SQRT": root("SQRT"),
}
