# SPDX-License-Identifier: Apache-2.0
"""Cases of ADD, SUB and MUL with broadcasting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stm32_emitter.testing.tflite_writer import Quant

from .draw import ACTIVATIONS, Draw

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_ELEMENTS = 400


def broadcast_shapes(draw: Draw, rank: int = 5) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """(left, right, output) shapes of operands that broadcast, of at most ``rank`` axes."""
    full = draw.shape((1, rank), MAX_ELEMENTS, 17)
    style = draw.integer(0, 4)
    if style <= 1:
        return full, full, full
    if style == 2:  # a scalar, as rank 0 or rank 1
        return full, draw.pick(((), (1,))), full
    left, right = _thin(draw, full), _thin(draw, full)
    if style == 3:  # leading dimensions missing on one side
        return full, right[draw.integer(0, len(full) - 1) :], full
    output = tuple(max(a, b) for a, b in zip(left, right, strict=True))
    return left, right, output


def _thin(draw: Draw, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(1 if draw.chance(0.4) else dim for dim in shape)


def _powers(draw: Draw) -> tuple[Quant, Quant, Quant]:
    """Scales of int16 that are powers of two, as ADD and SUB take them: the result's is that of one operand."""
    exponent, further = draw.integer(-12, -6), draw.integer(0, 5)
    pair = [Quant(2.0**exponent, 0), Quant(2.0 ** (exponent - further), 0)]
    if draw.chance(0.5):
        pair.reverse()
    return pair[0], pair[1], Quant(2.0**exponent, 0)


def _output_quant(draw: Draw, op: str, left: Quant | None, right: Quant | None) -> Quant | None:
    if left is None or right is None:
        return None
    first, second = left.scales[0], right.scales[0]
    natural = first * second * 64.0 * draw.steps if op == "MUL" else max(first, second) * 1.5
    quant = draw.quant()
    scale = natural * draw.log_uniform(0.1, 4.0)
    if op == "MUL" and draw.chance(0.1):
        scale = first * second / draw.log_uniform(1.0, 16.0)
    return draw.affine(scale, quant.zero_points[0] if quant else 0)


def _binary(op: str) -> Callable[[Draw], tuple[list[int], list[int]]]:
    def generate(draw: Draw) -> tuple[list[int], list[int]]:
        left_shape, right_shape, shape = broadcast_shapes(draw)
        left_quant, right_quant = draw.quant(2.0**-6, 1.0), draw.quant(2.0**-6, 1.0)
        output_quant, general = None, draw.dtype == "int16" and draw.dyadic and draw.chance(0.4)
        if draw.dtype == "int16" and op != "MUL" and not general:
            powers = draw.dyadic and left_shape == right_shape  # the reference aborts where it would broadcast
            draw.dyadic = False
            left_quant, right_quant = draw.quant(2.0**-6, 1.0), draw.quant(2.0**-6, 1.0)
            if powers:
                left_quant, right_quant, output_quant = _powers(draw)
        x = draw.activation("left", left_shape, left_quant)
        inputs = [x]
        if left_shape == right_shape and draw.chance(0.1):
            right, right_quant = x, left_quant
            output_quant = output_quant and left_quant
        elif draw.chance(0.4):
            right = draw.constant("right", right_shape, right_quant)
        else:
            right = draw.activation("right", right_shape, right_quant)
            inputs.append(right)
        result_quant = output_quant or _output_quant(draw, op, left_quant, right_quant)
        y = draw.activation("output", shape, result_quant)
        operands = [right, x] if draw.chance(0.3) else [x, right]
        options = {"pot_scale_int16": not general} if op != "MUL" else {}
        draw.writer.operator(op, operands, [y], fused_activation_function=draw.pick(ACTIVATIONS), **options)
        return inputs, [y]

    return generate


GENERATORS = {op: _binary(op) for op in ("ADD", "SUB", "MUL")}
