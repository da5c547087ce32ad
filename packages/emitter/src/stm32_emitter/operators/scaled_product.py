# SPDX-License-Identifier: Apache-2.0
"""MUL as one product with a factor and one shift (ai_k_mul.h), proved for each layer by trying all 65536 pairs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from stm32_emitter.operators.base import KernelRequest
from stm32_emitter.operators.elementwise import nest
from stm32_emitter.operators.gemmlowp import INT32_MAX, Ints
from stm32_emitter.operators.linear_sum import BYTES, constant_range, named_inputs, row_axes, stored
from stm32_emitter.operators.schedule import Schedule
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

_PRODUCT_SHIFT = 18
"""Bits that the kernel takes off product times factor."""
_FRACTIONS = range(22, 7, -1)
_GROWTHS = (0.0, *(2.0**-exponent for exponent in range(30, 17, -1)))
_ELEMENT, _ROW = 8.8, 60.0
"""Measured Cortex-M4 cycles of an element, and of a row around its elements."""


@dataclass(frozen=True)
class ScaledProduct:
    """(constant + floor((a - left) * (b - right) * factor / 2**18)) >> shift, limited to int8."""

    left: int
    right: int
    factor: int
    constant: int
    shift: int


def scaled_product(
    results: Ints, real: float, zero_points: tuple[int, int], bounds: tuple[int, int]
) -> ScaledProduct | None:
    """The form that equals ``results`` on every pair, or None if none is found.

    A factor that is a little larger than the real one moves ties away from zero, as the reference rounds them.

    Args:
        results: int8 values [256, 256] that the operator gives for all a and b.
        real: the real factor of the product, above 0.
        zero_points: of a and b.
        bounds: least and greatest value that a result is limited to after the form is computed.
    """
    left, right = zero_points
    product = (BYTES - left)[:, None] * (BYTES - right)[None, :]
    for fraction in _FRACTIONS:
        for growth in _GROWTHS:
            factor = round(real * (1.0 + growth) * 2.0 ** (fraction + _PRODUCT_SHIFT))
            if factor > INT32_MAX:
                break
            total = (product * factor) >> _PRODUCT_SHIFT
            least, most, fits = constant_range(results, bounds, total, total, fraction)
            if least <= most:
                return ScaledProduct(left, right, factor, (least + most) // 2, fraction)
            if not fits:
                break
    return None


def product_schedule(request: KernelRequest, form: ScaledProduct) -> Schedule | None:
    """The schedule that computes ``form`` row by row; None where a row repeats one of the operands."""
    outer, row = row_axes(request)
    if not (row.left and row.right):
        return None
    cycles = math.prod(axis.size for axis in outer) * (_ROW + row.size * _ELEMENT)
    text = f"rows of {row.size}, 4 products a step, one multiplication and a shift"
    return Schedule("product", lambda: _kernel(request, form), text, cycles)


def _kernel(request: KernelRequest, form: ScaledProduct) -> Kernel:
    """a int8, b int8, broadcast -> y int8."""
    outer, row = row_axes(request)
    low, high = request.integer("low"), request.integer("high")
    scaling = np.array([form.left, form.right, form.factor, form.constant, form.shift], np.int32)
    with KernelBuilder("mul") as k:
        names = named_inputs(request)
        given = [k.input(n, (s.elements,), "int8") if s.value is None else None for n, s in names]
        a, b = (stored(k, n, s) if x is None else x for x, (n, s) in zip(given, names, strict=True))
        factors = k.constant("scaling", scaling)
        y = k.output("y", (request.output.elements,), "int8")
        with nest(k, outer) as (left, right, flat):
            to = address(y, flat * row.size, write=True)
            k.call("ai_k_mul_s8", address(a, left), address(b, right), to, row.size, address(factors))
        if low > -128 or high < 127:
            k.call("ai_k_clamp_s8", address(y, write=True), request.output.elements, low, high)
    return k.kernel()
