# SPDX-License-Identifier: Apache-2.0
"""MEAN and SUM of int8 and int16 over any axes.

Arithmetic, established against the reference interpreter for every set of axes and for equal scales too, with n
reduced elements and (q, s) the fixed-point form of input_scale / output_scale (in double):
k = min(floor(log2 n), 32, 31 + s); q' = q * 2**k / n, truncated;
y = requantize(sum - input_zero_point * n, q', s - k) (``ai_k_requantize``) plus the output zero point, clamped.
SUM of int8 rounds (sum - input_zero_point * n) * input_scale / output_scale once, halves away from zero
(``ai_k_requantize_once``); so does SUM of int16, with product and quotient in float32 (``ai_k_scaled``). The reference
kernel of SUM reads all elements as unsigned bytes; this is the arithmetic of LiteRT's other kernels, to which SUM is
compared. SUM of uint8, for which the reference kernel is right, rounds twice (``ai_k_requantize``). MEAN of ONNX models
is one product of float32 with input_scale / (output_scale * n), rounded to nearest (``nearest.py``).
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from tvm import relax, tirx

from stm32_emitter.errors import ModelRefused
from stm32_emitter.operators.base import Attribute, Fused, KernelRequest, OperatorDefinition
from stm32_emitter.operators.fixed_point import quantize_multiplier, single_rounding_multiplier
from stm32_emitter.operators.nearest import single_product
from stm32_emitter.operators.reduction import Group, grouped, one_by_one
from stm32_emitter.operators.scope import Scope, integers, shape_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address, expression

_LARGEST = {"int8": 1 << 23, "int16": 1 << 15}
"""Reduced elements whose sum surely fits 32 bits."""
_TWICE, _SCALED, _NEAREST = "ai_k_requantize", "ai_k_scaled", "ai_k_scale_nearest"
"""How a sum is scaled, the first one where its attributes do not say it."""


class Mean(OperatorDefinition):
    """Global pooling takes four channels at a time; other axes are summed one result at a time."""

    kind: ClassVar[str] = "MEAN"
    roots: ClassVar[tuple[str, ...]] = ("quantize",)
    operator: ClassVar[str] = "mean"
    """The Relax operator."""

    def scaling(self, real: np.float64, count: int, dtype: str, *, unsigned: bool) -> dict[str, Attribute]:  # noqa: ARG002
        """Attributes that say how the sum of ``count`` elements is scaled.

        Args:
            real: input scale / output scale.
            count: of reduced elements.
            dtype: int8 or int16.
            unsigned: whether int8 stands for uint8.
        """
        return _scaled_by(*divided_multiplier(float(real), count))

    def nearest_scaling(self, scale: np.float32, result: np.float32, count: int) -> dict[str, Attribute]:
        """The same of ONNX models: one product of float32, or what equals it for every sum of ``count`` elements."""
        factor = scale / (result * np.float32(count))
        exact = single_product(factor, 255 * count)
        if exact is not None:
            return _scaled_by(*exact)
        return {**_scaled_by(*quantize_multiplier(float(factor))), "rounding": _NEAREST, "factor": float(factor)}

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """quantize(mean(dequantize(x), axes))."""
        result = scope.quantized(root)
        if result is None or result.dtype not in _LARGEST or (result.low, result.high) != (None, None):
            return None
        call = scope.call(result.value, self.operator)
        x = None if call is None else scope.dequantized(call.args[0])
        if call is None or x is None or x.dtype != result.dtype or not x.shape:
            return None
        rank, most = len(x.shape), _LARGEST[x.dtype]
        axes = list(range(rank)) if call.attrs.axis is None else [axis % rank for axis in integers(call.attrs.axis)]
        count = math.prod(x.shape[axis] for axis in axes)
        if not axes or count > most:
            raise ModelRefused(f"it reduces {count} elements over {len(axes)} axes; 1 to {most} are supported")
        attributes: dict[str, Attribute] = {
            "axes": axes, "offset": -int(x.zero_point[0]) * count, "zero_point": result.zero_point,
        }  # fmt: skip
        if scope.nearest:
            attributes |= self.nearest_scaling(x.scale[0], np.float32(result.scale), count)
        else:
            real = np.float64(x.scale[0]) / result.scale
            attributes |= self.scaling(real, count, x.dtype, unsigned=scope.unsigned(root))
        return Fused(self.kind, (x.value,), shape_of(root), x.dtype, attributes)

    def kernel(self, request: KernelRequest) -> Kernel:
        """x [any shape] -> y [the axes that are kept], both int8 or both int16."""
        source, result = request.inputs[0], request.output
        groups = grouped(source.shape, request.integers("axes"))
        parameters = [request.integer(key) for key in ("offset", "multiplier", "shift", "zero_point")]
        rounding = str(request.attributes.get("rounding", _TWICE))
        with KernelBuilder(self.operator) as k:
            x = k.input("x", (source.elements,), source.dtype)
            y = k.output("y", (result.elements,), result.dtype)
            four_at_a_time = rounding == _TWICE and source.dtype == "int8"
            if four_at_a_time and [reduced for _, reduced in groups][-2:] == [True, False] and len(groups) <= 3:
                _pooled(k, x, y, groups, parameters)
            else:
                _one_by_one(k, x, y, groups, parameters, rounding, request.attributes.get("factor"))
        return k.kernel()


class Sum(Mean):
    """As MEAN, not divided."""

    kind: ClassVar[str] = "SUM"
    operator: ClassVar[str] = "sum"

    def scaling(self, real: np.float64, count: int, dtype: str, *, unsigned: bool) -> dict[str, Attribute]:
        """Of the sum itself; of int8 exact for every sum that ``count`` elements can have."""
        if unsigned:
            return _scaled_by(*quantize_multiplier(float(real)))
        if dtype == "int16":
            return {**_scaled_by(0, 0), "rounding": _SCALED, "factor": float(np.float32(real))}
        once = single_rounding_multiplier(float(real), 255 * count)
        return {**_scaled_by(*once), "rounding": "ai_k_requantize_once"}


def _scaled_by(multiplier: int, shift: int) -> dict[str, Attribute]:
    return {"multiplier": multiplier, "shift": shift}


def divided_multiplier(real: float, count: int) -> tuple[int, int]:
    """(multiplier, shift) of real / count as the reference computes it."""
    multiplier, shift = quantize_multiplier(real)
    bits = min(count.bit_length() - 1, 32, 31 + shift)
    return (multiplier << bits) // count, shift - bits


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
    k: KernelBuilder, x: tirx.Buffer, y: tirx.Buffer, groups: list[Group], parameters: list[int], rounding: str,
    factor: Any,
) -> None:  # fmt: skip
    """Sums scaled by ``rounding``, which takes ``factor`` (float32) if that is not None."""
    offset, multiplier, shift, zero_point = parameters
    info, total = np.iinfo(str(y.dtype)), k.local("total", "int32")
    scale = (multiplier, shift) if factor is None else (tirx.const(float(factor), "float32"),)

    def finish(at: Any) -> None:
        bounds = int(info.min), int(info.max)
        if rounding == _SCALED:
            limited = expression(rounding, total[0], *scale, zero_point, *bounds)
        else:
            limited = expression("ai_k_clamp", expression(rounding, total[0], *scale) + zero_point, *bounds)
        k.store(y, [at], limited.astype(str(y.dtype)))

    one_by_one(
        k,
        groups,
        lambda _at: k.store(total, [0], tirx.const(offset, "int32")),
        lambda at: k.store(total, [0], total[0] + x[at].astype("int32")),
        finish,
    )
