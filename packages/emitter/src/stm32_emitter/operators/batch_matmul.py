# SPDX-License-Identifier: Apache-2.0
"""BATCH_MATMUL: y[..., m, n] = sum of a[..., m, k] * b[..., k, n]; leading axes broadcast, both sides at run time.

Arithmetic, established against the reference interpreter: sums of (a - zero point) * (b - zero point) with 32 bits,
scaled by a_scale * b_scale / output_scale, whose product is rounded to float32, with two roundings
(``ai_k_requantize``), plus the output zero point, clamped to the type. For int16, zero points are 0, sums have 64 bits
and the scaling is that of ``ai_k_requantize_64``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from tvm import relax, tirx

from stm32_emitter.operators.base import Attribute, Fused, KernelRequest, OperatorDefinition, TensorSpec
from stm32_emitter.operators.conv_2d import Conv2D
from stm32_emitter.operators.convolution import centred
from stm32_emitter.operators.fixed_point import quantize_multiplier
from stm32_emitter.operators.matrices import Sizes, batches, merged, operands, sizes_of, swapped
from stm32_emitter.operators.schedule import Schedule
from stm32_emitter.operators.scope import Scope, shape_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

_CONVOLUTION = Conv2D()
_COLUMNS, _GROUP = 4, 4
"""Of a block (ai_k_matmul.h)."""


class BatchMatmul(OperatorDefinition):
    """Four columns of the right side at a time are widened, then multiplied with all rows of the left one."""

    kind: ClassVar[str] = "BATCH_MATMUL"
    roots: ClassVar[tuple[str, ...]] = ("quantize",)

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """quantize(matmul(dequantize(a), dequantize(b))), all int8 or all int16, of rank 2 at least."""
        result = scope.quantized(root)
        call = None if result is None else scope.call(result.value, "matmul")
        if result is None or call is None or result.dtype not in ("int8", "int16") or result.low is not result.high:
            return None
        a, b = (scope.dequantized(argument) for argument in call.args)
        if a is None or b is None or {a.dtype, b.dtype} != {result.dtype} or min(len(a.shape), len(b.shape)) < 2:
            return None
        if len(a.scale) > 1 or len(b.scale) > 1:
            return None
        product = np.float64(a.scale[0] * b.scale[0])
        multiplier, shift = quantize_multiplier(float(product / np.float64(result.scale)))
        right, right_swapped = swapped(scope, b.value)
        attributes: dict[str, Attribute] = {
            "left_zero_point": int(a.zero_point[0]), "right_zero_point": int(b.zero_point[0]),
            "output_zero_point": result.zero_point, "multiplier": multiplier, "shift": shift,
            "left_swapped": 0, "right_swapped": right_swapped,
        }  # fmt: skip
        return Fused(self.kind, (a.value, right), shape_of(root), result.dtype, attributes)

    def schedules(self, request: KernelRequest) -> Sequence[Schedule]:
        """Those of CONV_2D where the right side is one constant matrix of 8 bits; else one."""
        same = as_convolution(request)
        if same is not None:
            return _CONVOLUTION.schedules(same)
        s, outputs = merged(sizes_of(request)), request.output.elements
        product = 4.0 if request.output.dtype == "int16" else 2.0
        return (
            Schedule(
                "columns-4", lambda: self.kernel(request), "4 columns at a time, widened to 16 bits",
                cycles=outputs * (s.depth * (product + 8.0 / s.rows) + 25.0),
                scratch=2 * _block_elements(s.depth) + 4 * _COLUMNS, code=600,
            ),
        )  # fmt: skip

    def kernel(self, request: KernelRequest) -> Kernel:
        """a, b int8 or int16 -> y of the same type; scratch: 4 columns of b as int16, and 4 sums of int8."""
        s = merged(sizes_of(request))
        with KernelBuilder("batch_matmul", request.output.elements * s.depth) as k:
            a, b = operands(k, request)
            y = k.output("y", (request.output.elements,), request.output.dtype)
            nest = _Nest(k, request, s, a, b, y)
            with batches(k, s) as places:
                if s.columns >= _COLUMNS:
                    with k.loop("block", s.columns // _COLUMNS) as block:
                        nest.columns(*places, block * _COLUMNS, _COLUMNS)
                if s.columns % _COLUMNS:
                    nest.columns(*places, s.columns // _COLUMNS * _COLUMNS, s.columns % _COLUMNS)
        return k.kernel()


def as_convolution(request: KernelRequest) -> KernelRequest | None:
    """The same layer as a convolution with a window of one pixel: x [1,M,1,K], weights [N,1,1,K], y [1,M,1,N].

    None where the right side is not one constant matrix whose elements minus the zero point are of 8 bits.
    """
    s, value = merged(sizes_of(request)), request.inputs[1].value
    if value is None or request.inputs[0].value is not None or request.output.dtype != "int8" or s.batch:
        return None
    matrix = value.reshape((s.columns, s.depth) if request.integer("right_swapped") else (s.depth, s.columns))
    weights = centred(matrix if request.integer("right_swapped") else matrix.T, request.integer("right_zero_point"))
    if weights.dtype != np.int8:
        return None
    arrays = (
        weights.reshape(s.columns, 1, 1, s.depth), np.zeros(s.columns, np.int32),
        np.full(s.columns, request.integer("multiplier"), np.int32),
        np.full(s.columns, request.integer("shift"), np.int8),
    )  # fmt: skip
    attributes = {
        "strides": [1, 1], "dilation": [1, 1], "padding": [0, 0, 0, 0], "groups": 1, "low": -128, "high": 127,
        "input_zero_point": request.integer("left_zero_point"),
        "output_zero_point": request.integer("output_zero_point"),
    }  # fmt: skip
    x = replace(request.inputs[0], shape=(1, s.rows, 1, s.depth))
    constants = [TensorSpec(array.shape, str(array.dtype), np.ascontiguousarray(array)) for array in arrays]
    y = replace(request.output, shape=(1, s.rows, 1, s.columns))
    return replace(request, inputs=(x, *constants), output=y, attributes=attributes)


def _block_elements(depth: int) -> int:
    return _COLUMNS * _GROUP * -(-depth // _GROUP)


class _Nest:
    """The calls for some columns of a matrix."""

    def __init__(
        self, k: KernelBuilder, request: KernelRequest, s: Sizes, a: tirx.Buffer, b: tirx.Buffer, y: tirx.Buffer
    ) -> None:
        self.k, self.request, self.s, self.a, self.b, self.y = k, request, s, a, b, y
        self.wide = request.output.dtype == "int16"
        self.block = k.scratch("block", _block_elements(s.depth), "int16")
        self.bias = None if self.wide else k.scratch("bias", _COLUMNS, "int32")

    def columns(self, left: Any, right: Any, at: Any, first: Any, count: int) -> None:
        """Columns ``first`` .. of the matrices that begin at ``left``, ``right`` and ``at``."""
        k, s, number = self.k, self.s, self.request.integer
        source, result = address(self.b, right + first * s.right_steps[1]), address(self.y, at + first, write=True)
        scaling, steps = (number("multiplier"), number("shift")), (s.depth, *s.right_steps, count)
        rows, block = (s.rows, s.depth, count, s.columns), address(self.block, write=True)
        if self.bias is None:
            k.call("ai_k_matmul_block_s16", block, source, *steps)
            k.call("ai_k_matmul_s16", address(self.a, left), address(self.block), result, *rows, *scaling)
            return
        zeros = number("left_zero_point"), number("right_zero_point")
        k.call("ai_k_matmul_block_s8", block, address(self.bias, write=True), source, *steps, *zeros)
        k.call(
            "ai_k_matmul_s8", address(self.a, left), address(self.block), address(self.bias), result, *rows, *scaling,
            number("output_zero_point"),
        )  # fmt: skip
