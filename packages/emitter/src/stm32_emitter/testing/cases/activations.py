# SPDX-License-Identifier: Apache-2.0
"""Cases of operators without weights that map each value or each row: SOFTMAX, LOGISTIC, RELU and others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from stm32_emitter.testing.tflite_writer import Quant

    from .draw import Draw

MAX_ELEMENTS = 600


def any_shape(draw: Draw) -> tuple[int, ...]:
    """Any shape, or one with all values of a byte."""
    # A last dimension of 256 lets the ramp show every int8 value.
    return draw.pick((draw.shape((1, 4), MAX_ELEMENTS, 40), (1, 256), (2, 256)))


def softmax(draw: Draw) -> tuple[list[int], list[int]]:
    """SOFTMAX over the last axis of rank 1..4; the output is quantized with 1/256, -128 as the kernel demands."""
    shape = any_shape(draw)
    x = draw.activation("input", shape, draw.quant(2.0**-9, draw.pick((0.1, 0.1, 2.0))))
    y = draw.activation("output", shape, draw.fixed(1 / 256, -128))
    beta = draw.pick((1.0, 1.0, 1.0, draw.log_uniform(0.1, 4.0)))
    draw.writer.operator("SOFTMAX", [x], [y], beta=beta)
    return [x], [y]


def log_softmax(draw: Draw) -> tuple[list[int], list[int]]:
    """LOG_SOFTMAX over the last axis; the output is quantized with 16/256, 127 as the kernel demands."""
    shape = any_shape(draw)
    x = draw.activation("input", shape, draw.quant(2.0**-9, 1.0))
    y = draw.activation("output", shape, draw.fixed(16 / 256, 127))
    draw.writer.operator("LOG_SOFTMAX", [x], [y])
    return [x], [y]


def _fixed_output(op: str, scale: float, zero_point: int) -> Callable[[Draw], tuple[list[int], list[int]]]:
    def generate(draw: Draw) -> tuple[list[int], list[int]]:
        shape = any_shape(draw)
        x = draw.activation("input", shape, draw.quant(2.0**-9, 0.5))
        y = draw.activation("output", shape, draw.fixed(scale, zero_point))
        draw.writer.operator(op, [x], [y])
        return [x], [y]

    return generate


def rescaled(draw: Draw, source: Quant | None, largest: float = 4.0) -> Quant | None:
    """The same quantization, or one with another scale and zero point; None for float32."""
    if source is None or draw.chance(0.3):
        return source
    quant = draw.quant()
    return draw.affine(source.scales[0] * draw.log_uniform(0.2, largest), quant.zero_points[0] if quant else 0)


def relu(op: str) -> Callable[[Draw], tuple[list[int], list[int]]]:
    """Cases of a function of the RELU family, with the same or another output quantization."""

    def generate(draw: Draw) -> tuple[list[int], list[int]]:
        shape = any_shape(draw)
        source = draw.quant(2.0**-7, 0.3)
        x = draw.activation("input", shape, source)
        y = draw.activation("output", shape, rescaled(draw, source))
        draw.writer.operator(op, [x], [y])
        return [x], [y]

    return generate


def leaky_relu(draw: Draw) -> tuple[list[int], list[int]]:
    """LEAKY_RELU with slopes below and above one, positive and (rarely) zero or negative."""
    shape = any_shape(draw)
    source = draw.quant()
    x = draw.activation("input", shape, source)
    y = draw.activation("output", shape, rescaled(draw, source))
    alpha = draw.pick((0.01, 0.1, 0.2, 0.3, draw.log_uniform(0.001, 2.0), draw.rng.uniform(-1, 1), 0.0))
    draw.writer.operator("LEAKY_RELU", [x], [y], alpha=float(alpha))
    return [x], [y]


def hard_swish(draw: Draw) -> tuple[list[int], list[int]]:
    """HARD_SWISH with the same or another output quantization."""
    shape = any_shape(draw)
    source = draw.quant(2.0**-8, 0.2)
    x = draw.activation("input", shape, source)
    y = draw.activation("output", shape, rescaled(draw, source))
    draw.writer.operator("HARD_SWISH", [x], [y])
    return [x], [y]


GENERATORS = {
    "SOFTMAX": softmax,
    "LOG_SOFTMAX": log_softmax,
    "LOGISTIC": _fixed_output("LOGISTIC", 1 / 256, -128),
    "TANH": _fixed_output("TANH", 1 / 128, 0),
    "RELU": relu("RELU"),
    "RELU6": relu("RELU6"),
    "RELU_N1_TO_1": relu("RELU_N1_TO_1"),
    "LEAKY_RELU": leaky_relu,
    "HARD_SWISH": hard_swish,
}
