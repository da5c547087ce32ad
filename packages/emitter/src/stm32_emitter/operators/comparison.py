# SPDX-License-Identifier: Apache-2.0
"""EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL on int8; EQUAL and NOT_EQUAL on int16.

Arithmetic, established against the reference interpreter: both operands minus their zero points, shifted left by 8 bits
and requantized (two roundings) by their own scale, are compared. In the other comparisons of int16 the reference
ignores scales: the frontend compares the elements themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from tvm import relax, tirx

from stm32_emitter.operators.base import Attribute, Fused, KernelRequest, OperatorDefinition
from stm32_emitter.operators.elementwise import broadcast_axes, nest
from stm32_emitter.operators.fixed_point import quantize_multiplier
from stm32_emitter.operators.gemmlowp import requantize
from stm32_emitter.operators.scope import Scope, op_name, shape_of
from stm32_emitter.operators.table import source_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder, expression

_LEFT_SHIFT = 8
_OF_INT16 = ("equal", "not_equal")
_COMPARED: dict[str, Callable[[Any, Any], Any]] = {
    "equal": lambda a, b: a.equal(b),
    "greater": lambda a, b: a > b,
    "greater_equal": lambda a, b: a >= b,
    "less": lambda a, b: a < b,
    "less_equal": lambda a, b: a <= b,
    "not_equal": lambda a, b: a != b,
}


class Comparison(OperatorDefinition):
    """compare(dequantize(a), dequantize(b)); the scaled value of a byte is looked up."""

    kind: ClassVar[str] = "COMPARISON"
    roots: ClassVar[tuple[str, ...]] = tuple(_COMPARED)

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """Both int8 or both int16; attributes are what each byte stands for, or zero points and scalings."""
        dtypes = ("int8", "int16") if op_name(root) in _OF_INT16 else ("int8",)
        sources = [source for operand in root.args if (source := source_of(scope, operand, dtypes)) is not None]
        if len(sources) < len(root.args) or len({source.dtype for source in sources}) > 1:
            return None
        attributes: dict[str, Attribute] = {"operator": op_name(root)}
        for name, source in zip(("left", "right"), sources, strict=True):
            scaling = quantize_multiplier(float(source.scale))
            if source.dtype == "int8":
                attributes[name] = [int(v) for v in requantize(source.centred << _LEFT_SHIFT, *scaling)]
            else:
                attributes[name] = [source.zero_point, *scaling]
        return Fused(self.kind, tuple(source.value for source in sources), shape_of(root), "bool", attributes)

    def kernel(self, request: KernelRequest) -> Kernel:
        """a, b, broadcast -> y bool."""
        first, second = request.inputs
        compare = _COMPARED[str(request.attributes["operator"])]
        with KernelBuilder(str(request.attributes["operator"])) as k:
            specs = {"left": first, "right": second}
            given = {n: k.input(n, (s.elements,), s.dtype) for n, s in specs.items() if s.value is None}
            given |= {n: k.constant(n, s.value.ravel()) for n, s in specs.items() if s.value is not None}
            values = [_scaled(k, name, given[name], request.integers(name)) for name in specs]
            y = k.output("y", (request.output.elements,), "bool")
            with nest(k, broadcast_axes(first.shape, second.shape, request.output.shape)) as (i, j, flat):
                k.store(y, [flat], compare(values[0](i), values[1](j)))
        return k.kernel()


def _scaled(k: KernelBuilder, name: str, elements: tirx.Buffer, numbers: list[int]) -> Callable[[Any], Any]:
    """A function from an element's position to what is compared."""
    if str(elements.dtype) == "int8":
        table = k.constant(f"{name}_scaled", np.array(numbers, np.int32))
        return lambda at: table[elements[at].astype("int32") + 128]
    zero_point, multiplier, shift = numbers

    def computed(at: Any) -> Any:
        shifted = (elements[at].astype("int32") - zero_point) * (1 << _LEFT_SHIFT)
        return expression("ai_k_requantize", shifted, multiplier, shift)

    return computed
