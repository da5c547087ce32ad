# SPDX-License-Identifier: Apache-2.0
"""ADD and SUB as one linear form of two bytes (ai_k_add.h), proved for each layer by trying all 65536 pairs.

The reference scales three times with rounding; seen from outside it is round(a * left + b * right + constant) with an
error of a few 2**-20, which matters only where the exact value is that close to the middle between two results. A form
with 31-bit factors is as close, so for nearly all scales one exists that gives every byte of the reference. Ties are
where it may not: the reference rounds them away from zero, a linear form upwards. Factors that are a little larger or
smaller move ties to the right side.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from tvm import tirx

from stm32_emitter.operators.base import KernelRequest, TensorSpec
from stm32_emitter.operators.elementwise import Axis, broadcast_axes, nest
from stm32_emitter.operators.gemmlowp import INT32_MAX, INT32_MIN, Ints, ints
from stm32_emitter.operators.schedule import Schedule
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

BYTES = np.arange(-128, 128, dtype=np.int64)
"""All values of an operand, in the order of the axes of a table of results."""

FRACTIONS = (22, 21, 20)
"""Fractional bits of the sum for which the runtime has kernels; fewer leave more room for large factors."""

_WORD_SHIFT = 8
"""A factor has this many bits more than the sum (SMLAW drops 16 bits of a product with a byte that is 8 bits up)."""
_FAR = 1 << 40
"""Beyond every sum."""
_HARD = 256
"""Pairs, on each side, that tell most factors that are not right from those that may be."""
_GROWTHS = tuple(2.0**-exponent for exponent in range(30, 15, -1))
_DIRECTIONS = ((1, 1), (1, 2), (2, 1), (1, -1), (-1, 1), (-1, -1), (1, 0), (0, 1), (-1, 0), (0, -1))


@dataclass(frozen=True)
class LinearSum:
    """(constant + floor(left * a / 256) + floor(right * b / 256)) >> fraction, all int32, limited to int8."""

    fraction: int
    left: int
    right: int
    constant: int

    def values(self) -> Ints:
        """Its results for all pairs, int64 [256, 256] over a and b."""
        total = self.constant + _term(self.left)[:, None] + _term(self.right)[None, :]
        return ints(np.clip(total >> self.fraction, -128, 127))


def linear_sum(results: Ints, left: float, right: float, bounds: tuple[int, int]) -> LinearSum | None:
    """The form that equals ``results`` on every pair, or None if none is found.

    Args:
        results: int8 values [256, 256] that the operator gives for all a and b.
        left: the real factor of a, |left| < 2**3.
        right: the real factor of b.
        bounds: least and greatest value that a result is limited to after the form is computed.
    """
    for fraction in FRACTIONS:
        scale = 2.0 ** (fraction + _WORD_SHIFT)
        if max(abs(left), abs(right)) * scale >= INT32_MAX * 0.999:
            continue
        table = _Table(results, bounds, fraction)
        hard: tuple[Ints, Ints] | None = None
        for factors in _factors(left * scale, right * scale):
            if hard is not None and not table.holds(factors, hard):
                continue
            least, most, fits = table.constants(factors)
            if least <= most:
                return LinearSum(fraction, *factors, (least + most) // 2)
            if not fits:
                break
            hard = table.hardest(factors) if hard is None else hard
    return None


def _term(factor: int) -> Ints:
    return ints((factor * BYTES) >> _WORD_SHIFT)


def _factors(left: float, right: float) -> Iterator[tuple[int, int]]:
    yield round(left), round(right)
    for growth in _GROWTHS:
        for a, b in _DIRECTIONS:
            yield round(left * (1.0 + a * growth)), round(right * (1.0 + b * growth))


class _Table:
    """Results of all pairs as bounds of the sum: low <= factors * pair + constant < high.

    Args:
        results: int8 values [256, 256].
        bounds: at which a result is limited; what is beyond them may be any sum on that side.
        fraction: fractional bits of the sum.
    """

    def __init__(self, results: Ints, bounds: tuple[int, int], fraction: int) -> None:
        self._low = np.where(results > bounds[0], results << fraction, -_FAR)
        self._high = np.where(results < bounds[1], ((results + 1) << fraction) - 1, _FAR)

    def constants(self, factors: tuple[int, int]) -> tuple[int, int, bool]:
        """(least, greatest) constant that is right for all pairs, and whether 32 bits are enough for them."""
        left, right = _term(factors[0]), _term(factors[1])
        total = left[:, None] + right[None, :]
        least, most = int((self._low - total).max()), int((self._high - total).min())
        # The kernel adds the left term first; with one operand alone (the other folded) either may come first.
        partial = np.concatenate([total.ravel(), left, right])
        floor, ceiling = INT32_MIN - int(partial.min()), INT32_MAX - int(partial.max())
        fits = max(least, floor) <= min(most, ceiling) or least > most
        return max(least, floor), min(most, ceiling), fits

    def hardest(self, factors: tuple[int, int]) -> tuple[Ints, Ints]:
        """Places of the pairs that leave the constant the least room; those of factors nearby are mostly the same."""
        total = (_term(factors[0])[:, None] + _term(factors[1])[None, :]).ravel()
        lowest = np.argpartition(total - self._low.ravel(), _HARD)[:_HARD]
        highest = np.argpartition(self._high.ravel() - total, _HARD)[:_HARD]
        left, right = np.divmod(np.concatenate([lowest, highest]), BYTES.size)
        return ints(left), ints(right)

    def holds(self, factors: tuple[int, int], pairs: tuple[Ints, Ints]) -> bool:
        """Whether some constant is right for these pairs; none is for all of them otherwise."""
        total = _term(factors[0])[pairs[0]] + _term(factors[1])[pairs[1]]
        return bool((self._low[pairs] - total).max() <= (self._high[pairs] - total).min())


_ELEMENT, _ROW = 6.8, 45.0
"""Measured Cortex-M4 cycles of an element, and of a row around its elements."""


def linear_schedule(name: str, request: KernelRequest, form: LinearSum) -> Schedule:
    """The schedule that computes ``form`` with ai_k_add.h, row by row; a row is the innermost axis of the broadcast."""
    outer, row = row_axes(request)
    cycles = math.prod(axis.size for axis in outer) * (_ROW + row.size * _ELEMENT)
    text = f"rows of {row.size}, 4 sums a step, linear with {form.fraction} fractional bits"
    return Schedule("linear", lambda: _kernel(name, request, form), text, cycles)


def row_axes(request: KernelRequest) -> tuple[list[Axis], Axis]:
    """(axes around a row, the row)."""
    first, second = request.inputs
    axes = broadcast_axes(first.shape, second.shape, request.output.shape) or [Axis(1, 1, 1)]
    return axes[:-1], axes[-1]


def _kernel(name: str, request: KernelRequest, form: LinearSum) -> Kernel:
    """a int8, b int8, broadcast -> y int8; an operand that a row repeats goes into the constant."""
    outer, row = row_axes(request)
    low, high = request.integer("low"), request.integer("high")
    with KernelBuilder(name) as k:
        given = [k.input(n, (s.elements,), "int8") if s.value is None else None for n, s in named_inputs(request)]
        a, b = (
            stored(k, n, s) if buffer is None else buffer
            for buffer, (n, s) in zip(given, named_inputs(request), strict=True)
        )
        y = k.output("y", (request.output.elements,), "int8")
        with nest(k, outer) as (left, right, flat):
            operands = [(a, left, form.left), (b, right, form.right)]
            moves = zip(operands, (row.left, row.right), strict=True)
            steps = [step and not isinstance(operand[0], int) for operand, step in moves]
            streamed = [o for o, step in zip(operands, steps, strict=True) if step]
            repeated = [o for o, step in zip(operands, steps, strict=True) if not step]
            constant = form.constant + sum(_repeated_term(*operand) for operand in repeated)
            (first, at, factor), (second, other, weight) = (*streamed, (*streamed[0][:2], 0))[:2]
            k.call(
                f"ai_k_add_q{form.fraction}_s8", address(first, at), address(second, other),
                address(y, flat * row.size, write=True), row.size, factor, weight, constant,
            )  # fmt: skip
        if low > -128 or high < 127:
            k.call("ai_k_clamp_s8", address(y, write=True), request.output.elements, low, high)
    return k.kernel()


def named_inputs(request: KernelRequest) -> list[tuple[str, TensorSpec]]:
    """Both operands with their names in the kernel."""
    return list(zip(("a", "b"), request.inputs, strict=True))


def stored(k: KernelBuilder, name: str, spec: TensorSpec) -> tirx.Buffer | int:
    """A constant operand; a single element is known when the kernel is made."""
    assert spec.value is not None  # noqa: S101 - else it is an input
    return int(spec.value.ravel()[0]) if spec.elements == 1 else k.constant(name, spec.value.ravel())


def _repeated_term(operand: tirx.Buffer | int, at: Any, factor: int) -> Any:
    """floor(factor * value / 256) in 32 bits."""
    if isinstance(operand, int):
        return (factor * operand) >> _WORD_SHIFT
    value = operand[at].astype("int32")
    return value * (factor >> _WORD_SHIFT) + ((value * (factor & 255)) >> _WORD_SHIFT)
