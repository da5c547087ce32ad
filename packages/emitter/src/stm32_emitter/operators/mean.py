# SPDX-License-Identifier: Apache-2.0
"""MEAN and SUM int8 over any axes.

Arithmetic, established against the reference interpreter for every set of axes and for equal scales too, with n
reduced elements and (q, s) the fixed-point form of input_scale / output_scale (in double):
k = min(floor(log2 n), 32, 31 + s); q' = q * 2**k / n, truncated;
y = requantize(sum - input_zero_point * n, q', s - k) (``ai_k_requantize``) plus the output zero point, clamped.
SUM rounds (sum - input_zero_point * n) * input_scale / output_scale once, halves away from zero
(``ai_k_requantize_once``). The reference kernel of SUM reads signed bytes as unsigned ones; this is the arithmetic of
LiteRT's other kernels, to which SUM is compared.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

from tvm import relax, tirx

from stm32_emitter.errors import ModelRefused
from stm32_emitter.operators.base import Attribute, Fused, KernelRequest, OperatorDefinition
from stm32_emitter.operators.fixed_point import quantize_multiplier, single_rounding_multiplier
from stm32_emitter.operators.scope import Scope, integers, shape_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address, expression

Group = tuple[int, bool]
"""(elements, whether they are reduced) of neighbouring axes."""
_LARGEST = 1 << 23
"""Reduced elements whose sum surely fits 32 bits."""


class Mean(OperatorDefinition):
    """Global pooling takes four channels at a time; other axes are summed one result at a time."""

    kind: ClassVar[str] = "MEAN"
    roots: ClassVar[tuple[str, ...]] = ("quantize",)
    operator: ClassVar[str] = "mean"
    """The Relax operator."""
    rounding: ClassVar[str] = "ai_k_requantize"
    """The C function that scales a sum."""

    def scaling(self, real: float, count: int) -> tuple[int, int]:
        """(multiplier, shift) of the sum of ``count`` elements; ``real`` is input scale / output scale."""
        return divided_multiplier(real, count)

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """quantize(mean(dequantize(x), axes))."""
        result = scope.quantized(root)
        if result is None or result.dtype != "int8" or (result.low, result.high) != (None, None):
            return None
        call = scope.call(result.value, self.operator)
        x = None if call is None else scope.dequantized(call.args[0])
        if call is None or x is None or x.dtype != "int8" or not x.shape:
            return None
        rank = len(x.shape)
        axes = list(range(rank)) if call.attrs.axis is None else [axis % rank for axis in integers(call.attrs.axis)]
        count = math.prod(x.shape[axis] for axis in axes)
        if not axes or count > _LARGEST:
            raise ModelRefused(f"it reduces {count} elements over {len(axes)} axes; 1 to {_LARGEST} are supported")
        multiplier, shift = self.scaling(float(x.scale[0]) / result.scale, count)
        attributes: dict[str, Attribute] = {
            "axes": axes, "multiplier": multiplier, "shift": shift,
            "offset": -int(x.zero_point[0]) * count, "zero_point": result.zero_point,
        }  # fmt: skip
        return Fused(self.kind, (x.value,), shape_of(root), "int8", attributes)

    def kernel(self, request: KernelRequest) -> Kernel:
        """x int8 [any shape] -> y int8 [the axes that are kept]."""
        source, result = request.inputs[0], request.output
        groups = grouped(source.shape, request.integers("axes"))
        parameters = [request.integer(key) for key in ("offset", "multiplier", "shift", "zero_point")]
        with KernelBuilder(self.operator) as k:
            x = k.input("x", (source.elements,), "int8")
            y = k.output("y", (result.elements,), "int8")
            four_at_a_time = self.rounding == "ai_k_requantize"
            if four_at_a_time and [reduced for _, reduced in groups][-2:] == [True, False] and len(groups) <= 3:
                _pooled(k, x, y, groups, parameters)
            else:
                _one_by_one(k, x, y, groups, parameters, self.rounding)
        return k.kernel()


class Sum(Mean):
    """As MEAN, not divided, rounded once."""

    kind: ClassVar[str] = "SUM"
    operator: ClassVar[str] = "sum"

    rounding: ClassVar[str] = "ai_k_requantize_once"

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """quantize(sum(dequantize(x), axes)); the reference rounds uint8 in another way."""
        return None if scope.unsigned(root) else super().match(scope, root)

    def scaling(self, real: float, count: int) -> tuple[int, int]:
        """Of the sum itself; exact for every sum that ``count`` elements can have."""
        return single_rounding_multiplier(real, 255 * count)


def divided_multiplier(real: float, count: int) -> tuple[int, int]:
    """(multiplier, shift) of real / count as the reference computes it."""
    multiplier, shift = quantize_multiplier(real)
    bits = min(count.bit_length() - 1, 32, 31 + shift)
    return (multiplier << bits) // count, shift - bits


def grouped(shape: tuple[int, ...], axes: list[int]) -> list[Group]:
    """Neighbouring axes that are both reduced or both kept, as one; axes of one element are left out."""
    groups: list[Group] = []
    for axis, size in enumerate(shape):
        reduced = axis in axes
        if size == 1:
            continue
        if groups and groups[-1][1] == reduced:
            groups[-1] = (groups[-1][0] * size, reduced)
        else:
            groups.append((size, reduced))
    return groups


def _pooled(k: KernelBuilder, x: tirx.Buffer, y: tirx.Buffer, groups: list[Group], parameters: list[int]) -> None:
    """[outer,] count, channels: sums over count."""
    outer = groups[0][0] if len(groups) == 3 else 1
    (count, _), (channels, _) = groups[-2:]
    with k.loop("n", outer) as n:
        k.call(
            "ai_k_mean_s8", address(x, n * (count * channels)), address(y, n * channels, write=True),
            count, channels, *parameters,
        )  # fmt: skip


def _one_by_one(
    k: KernelBuilder, x: tirx.Buffer, y: tirx.Buffer, groups: list[Group], parameters: list[int], rounding: str
) -> None:
    strides = [math.prod(size for size, _ in groups[i + 1 :]) for i in range(len(groups))]
    kept = [(size, stride) for (size, reduced), stride in zip(groups, strides, strict=True) if not reduced]
    summed = [(size, stride) for (size, reduced), stride in zip(groups, strides, strict=True) if reduced]
    offset, multiplier, shift, zero_point = parameters
    total = k.local("total", "int32")

    def result(depth: int, at: Any, start: Any) -> None:
        if depth < len(kept):
            size, stride = kept[depth]
            with k.loop(f"i{depth}", size) as i:
                result(depth + 1, at * size + i, start + i * stride)
            return
        k.store(total, [0], tirx.const(offset, "int32"))
        add(0, start)
        scaled = expression(rounding, total[0], multiplier, shift) + zero_point
        k.store(y, [at], expression("ai_k_clamp", scaled, -128, 127).astype("int8"))

    def add(depth: int, start: Any) -> None:
        if depth == len(summed):
            k.store(total, [0], total[0] + x[start].astype("int32"))
            return
        size, stride = summed[depth]
        with k.loop(f"r{depth}", size) as r:
            add(depth + 1, start + r * stride)

    result(0, 0, 0)
