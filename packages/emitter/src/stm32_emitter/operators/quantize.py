# SPDX-License-Identifier: Apache-2.0
"""QUANTIZE (from float32, or from one quantization to another) and DEQUANTIZE.

Arithmetic, established against the reference interpreter:
from float32: x / scale in float32 (a division, not a product with the inverse), rounded half away from zero, plus the
zero point, clamped; between integers: requantize(x - zero point, m) with two roundings, m = input scale / output
scale in double; DEQUANTIZE: scale * (x - zero point) in float32. Beyond 2**31 (and for not-a-number) the reference's
conversion to an integer is undefined; here large numbers saturate and not-a-number becomes the least value.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.operators.base import Attribute, Fused, KernelRequest, OperatorDefinition
from stm32_emitter.operators.fixed_point import quantize_multiplier
from stm32_emitter.operators.gemmlowp import Ints, requantize
from stm32_emitter.operators.scope import Quantized, Scope, dtype_of, shape_of
from stm32_emitter.operators.table import EIGHT_BITS, Source, TableOperator, constant_kernel, source_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder, expression

_TYPES = (*EIGHT_BITS, "int16")
"""Element types of quantized tensors."""


class Requantize(TableOperator):
    """quantize(dequantize(x)) between int8, uint8 and int16 in any combination; a table where it maps bytes."""

    kind: ClassVar[str] = "REQUANTIZE"
    dtypes: ClassVar[tuple[str, ...]] = EIGHT_BITS

    def source(self, scope: Scope, result: Quantized) -> relax.Expr | None:  # noqa: ARG002
        """The quantized value itself."""
        return result.value if result.low is result.high is None else None

    def results(self, scope: Scope, source: Source, result: Quantized) -> Ints:  # noqa: ARG002
        """Rescaled."""
        real = float(source.scale) / result.scale
        return requantize(source.centred, *quantize_multiplier(real)) + result.zero_point

    def reals(self, scope: Scope, source: Source, result: Quantized) -> NDArray[np.float32]:  # noqa: ARG002
        """The numbers themselves."""
        return source.reals

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """Inputs are x and the table; or x alone, with the parameters as attributes."""
        table = super().match(scope, root)
        result = scope.quantized(root)
        if table is not None or result is None or result.dtype not in _TYPES:
            return table
        if result.low is not None or result.high is not None:
            return None
        source = source_of(scope, result.value, (*_TYPES, "int32"))
        if source is None:
            return None
        multiplier, shift = quantize_multiplier(float(source.scale) / result.scale)
        attributes: dict[str, Attribute] = {
            "multiplier": multiplier, "shift": shift, "input_zero_point": source.zero_point,
            "output_zero_point": result.zero_point,
        }  # fmt: skip
        return Fused(self.kind, (source.value,), shape_of(root), result.dtype, attributes)

    def kernel(self, request: KernelRequest) -> Kernel:
        """x -> y of the same shape."""
        return super().kernel(request) if len(request.inputs) > 1 else _rescaled(request)


def _rescaled(request: KernelRequest) -> Kernel:
    """x -> y of the same shape, one element at a time."""
    x, info = request.inputs[0], np.iinfo(request.output.dtype)
    zero_point, offset = request.integer("input_zero_point"), request.integer("output_zero_point")
    scaling = request.integer("multiplier"), request.integer("shift")
    if x.value is not None:
        scaled = requantize(x.value.astype(np.int64) - zero_point, *scaling) + offset
        return constant_kernel("requantize", np.clip(scaled, info.min, info.max).astype(request.output.dtype))
    with KernelBuilder("requantize") as k:
        source = k.input("x", (x.elements,), x.dtype)
        y = k.output("y", (x.elements,), request.output.dtype)
        with k.loop("i", x.elements, backward=request.grows) as i:
            value = expression("ai_k_requantize", source[i].astype("int32") - zero_point, *scaling) + offset
            limited = expression("ai_k_clamp", value, int(info.min), int(info.max))
            k.store(y, [i], limited.astype(request.output.dtype))
    return k.kernel()


class Quantize(OperatorDefinition):
    """float32 to int8, uint8 or int16."""

    kind: ClassVar[str] = "QUANTIZE"
    roots: ClassVar[tuple[str, ...]] = ("quantize",)

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """quantize(x) that is an operator of its own; x is a float32 tensor that the model computes or is given."""
        result = scope.quantized(root)
        if result is None or result.dtype not in _TYPES or not scope.is_operator(root):
            return None
        x = root.args[0]
        if dtype_of(x) != "float32" or not scope.is_boundary(x):
            return None
        return Fused(
            self.kind, (x,), shape_of(root), result.dtype, {"scale": result.scale, "zero_point": result.zero_point}
        )

    def kernel(self, request: KernelRequest) -> Kernel:
        """x float32 -> y int8, uint8 or int16 of the same shape."""
        x, dtype = request.inputs[0], request.output.dtype
        scale, zero_point = np.float32(request.attributes["scale"]), request.integer("zero_point")
        info = np.iinfo(dtype)
        if x.value is not None:
            return constant_kernel("quantize", quantized(x.value, scale, zero_point, dtype))
        with KernelBuilder("quantize") as k:
            source = k.input("x", (x.elements,), "float32")
            divisor = k.constant("scale", np.array([scale], np.float32))
            y = k.output("y", (x.elements,), dtype)
            with k.loop("i", x.elements) as i:
                value = expression("ai_k_quantize", source[i], divisor[0], zero_point, int(info.min), int(info.max))
                k.store(y, [i], value.astype(dtype))
        return k.kernel()


def quantized(value: NDArray[Any], scale: np.float32, zero_point: int, dtype: str) -> NDArray[Any]:
    """``value`` float32 quantized as the kernel does it."""
    info = np.iinfo(dtype)
    real = (value.astype(np.float32) / scale).astype(np.float64)
    rounded = np.trunc(real + np.copysign(0.5, real)) + zero_point
    return np.asarray(np.clip(rounded, info.min, info.max), dtype)


class Dequantize(OperatorDefinition):
    """int8, uint8 or int16 to float32."""

    kind: ClassVar[str] = "DEQUANTIZE"
    roots: ClassVar[tuple[str, ...]] = ("dequantize",)

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """dequantize(x) that is an operator of its own."""
        source = source_of(scope, root, _TYPES) if scope.is_operator(root) else None
        if source is None:
            return None
        attributes = {"scale": float(source.scale), "zero_point": source.zero_point}
        return Fused(self.kind, (source.value,), shape_of(root), "float32", dict(attributes))

    def kernel(self, request: KernelRequest) -> Kernel:
        """x int8, uint8 or int16 -> y float32 of the same shape."""
        x = request.inputs[0]
        scale, zero_point = np.float32(request.attributes["scale"]), request.integer("zero_point")
        if x.value is not None:
            real = scale * (x.value.astype(np.int32) - zero_point).astype(np.float32)
            return constant_kernel("dequantize", real.astype(np.float32))
        with KernelBuilder("dequantize") as k:
            source = k.input("x", (x.elements,), x.dtype)
            factor = k.constant("scale", np.array([scale], np.float32))
            y = k.output("y", (x.elements,), "float32")
            with k.loop("i", x.elements) as i:
                k.store(y, [i], (source[i].astype("int32") - zero_point).astype("float32") * factor[0])
        return k.kernel()
