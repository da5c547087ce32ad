# SPDX-License-Identifier: Apache-2.0
"""MUL.

Arithmetic, established against the reference interpreter: the product of both operands minus their zero points,
requantized (two roundings) by left scale * right scale / output scale, product and quotient in float32. Rows of both
operands go through ai_k_mul.h; with a constant scalar the operator is a table. int16 goes one by one.
ONNX (onnxruntime's QLinearMul): rint(product * factor + output zero point), all in float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from tvm import tirx

from stm32_emitter.operators.base import Attribute, KernelRequest
from stm32_emitter.operators.elementwise import BinaryOperator, nest
from stm32_emitter.operators.fixed_point import quantize_multiplier
from stm32_emitter.operators.gemmlowp import Ints, ints, requantize
from stm32_emitter.operators.linear_sum import BYTES, named_inputs, row_axes, stored
from stm32_emitter.operators.nearest import is_nearest, product_of, real_scales, rounding
from stm32_emitter.operators.schedule import Schedule
from stm32_emitter.operators.scope import Quantized
from stm32_emitter.operators.table import Source, by_byte
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address, expression


class Mul(BinaryOperator):
    """a * b."""

    kind: ClassVar[str] = "MUL"
    operator: ClassVar[str] = "multiply"
    dtypes: ClassVar[tuple[str, ...]] = ("int8", "int16")

    def parameters(self, left: Source, right: Source, result: Quantized) -> dict[str, Attribute]:
        """Multiplier and shift of the product."""
        real = np.float32(left.scale * right.scale) / np.float32(result.scale)
        multiplier, shift = quantize_multiplier(float(real))
        return {"multiplier": multiplier, "shift": shift}

    def nearest_parameters(
        self, left: Source, right: Source, result: Quantized, *, unsigned: bool
    ) -> dict[str, Attribute]:
        """The same where it gives every byte of ONNX, which rounds once; else the factor of float32."""
        factor = left.scale * right.scale / np.float32(result.scale)
        zero_point = np.float32(result.zero_point + (128 if unsigned else 0))
        products = np.arange(-_REACH, _REACH + 1)
        wanted = ints(np.rint(products.astype(np.float32) * factor + zero_point)) - int(zero_point)
        exact = product_of(products, wanted, factor, _REACH)
        if exact is not None:
            return {"multiplier": exact[0], "shift": exact[1]}
        multiplier, shift = quantize_multiplier(float(factor))
        return {"multiplier": multiplier, "shift": shift, "zero": int(zero_point), **rounding(nearest=True)}

    def operands(self, request: KernelRequest) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
        """x - zero point."""
        left, right = request.integer("left_zero_point"), request.integer("right_zero_point")
        return (lambda value: value - left), (lambda value: value - right)

    def combined(self, request: KernelRequest, left: Any, right: Any) -> Any:
        """The requantized product."""
        if is_nearest(request):
            factor = tirx.const(float(_factor(request)), "float32")
            zero = request.integer("zero")
            return expression("ai_k_shifted_nearest", left * right, factor, zero) - zero
        return expression("ai_k_requantize", left * right, request.integer("multiplier"), request.integer("shift"))

    def schedules(self, request: KernelRequest) -> Sequence[Schedule]:
        """A table, rows of products, and products one by one, the first two where they take the layer."""
        size = request.output.elements
        plain = Schedule("plain", lambda: self.kernel(request), "one by one", _PLAIN * size)
        constant = [spec.value is not None for spec in request.inputs]
        if all(constant) or request.output.dtype != "int8":
            return (plain,)
        found = [plain]
        if any(fixed and spec.elements == 1 for fixed, spec in zip(constant, request.inputs, strict=True)):
            found.insert(0, Schedule("table", lambda: self._table(request), "256 bytes", 6.0 * size, constants=256))
        outer, row = row_axes(request)
        if row.left and row.right and not is_nearest(request) and 1 <= -request.integer("shift") <= _MOST_RIGHT:
            cycles = math.prod(axis.size for axis in outer) * (_ROW + row.size * _ELEMENT)
            text = f"rows of {row.size}, 4 products a step"
            found.insert(0, Schedule("rows", lambda: _rows(request), text, cycles, constants=20))
        return found

    def _table(self, request: KernelRequest) -> Kernel:
        """The product with one constant."""
        position = 0 if request.inputs[0].value is not None and request.inputs[0].elements == 1 else 1
        value = int(request.constant(position).ravel()[0])
        table = np.take(self.results(request), value + 128, axis=position).astype(np.int8)
        x = request.inputs[1 - position]
        with KernelBuilder("mul") as k:
            source = k.input("x", (x.elements,), "int8")
            entries = k.constant("table", by_byte(table, "int8"))
            y = k.output("y", (x.elements,), "int8")
            k.call("ai_k_table_8", address(source), address(entries), address(y, write=True), x.elements)
        return k.kernel()

    def results(self, request: KernelRequest) -> Ints:
        """What the reference computes for all values of a and b, int64 [256, 256]."""
        left, right = (prepare(BYTES) for prepare in self.operands(request))
        scaling = request.integer("multiplier"), request.integer("shift")
        products = left[:, None] * right[None, :]
        scaled = nearest_product(request, products) if is_nearest(request) else requantize(products, *scaling)
        scaled = scaled + request.integer("output_zero_point")
        return np.clip(scaled, request.integer("low"), request.integer("high"))


def nearest_product(request: KernelRequest, products: Ints) -> Ints:
    """What ONNX makes of products, less the zero point, not limited."""
    zero = request.integer("zero")
    return ints(np.rint(products.astype(np.float32) * _factor(request) + np.float32(zero))) - zero


def _factor(request: KernelRequest) -> np.float32:
    return np.float32(real_scales(request.integer("multiplier"), request.integer("shift")))


_REACH = 255 * 255
"""Largest magnitude of a product."""
_PLAIN, _ELEMENT, _ROW = 25.0, 10.3, 60.0
"""Measured Cortex-M4 cycles of an element that goes alone, of one in a row, and of a row around its elements."""
_MOST_RIGHT = 22
"""Largest shift for which zero point and rounding still fit 32 bits."""


def _rows(request: KernelRequest) -> Kernel:
    """a int8, b int8, broadcast -> y int8; neither operand is repeated inside a row."""
    outer, row = row_axes(request)
    low, high = request.integer("low"), request.integer("high")
    names = ("left_zero_point", "right_zero_point", "multiplier", "shift", "output_zero_point")
    left, right, multiplier, shift, zero = (request.integer(name) for name in names)
    with KernelBuilder("mul") as k:
        named = named_inputs(request)
        given = [k.input(n, (s.elements,), "int8") if s.value is None else None for n, s in named]
        a, b = (stored(k, n, s) if x is None else x for x, (n, s) in zip(given, named, strict=True))
        scaling = k.constant("scaling", np.array([-left, -right, multiplier, -shift, zero], np.int32))
        y = k.output("y", (request.output.elements,), "int8")
        with nest(k, outer) as (first, second, flat):
            to = address(y, flat * row.size, write=True)
            k.call("ai_k_mul_s8", address(a, first), address(b, second), to, row.size, address(scaling))
        if low > -128 or high < 127:
            k.call("ai_k_clamp_s8", address(y, write=True), request.output.elements, low, high)
    return k.kernel()
