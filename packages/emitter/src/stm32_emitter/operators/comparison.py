# SPDX-License-Identifier: Apache-2.0
"""EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL on int8.

Arithmetic, established against the reference interpreter: both operands minus their zero points, shifted left by 8 bits
and requantized (two roundings) by their own scale, are compared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from tvm import relax

from stm32_emitter.operators.base import Attribute, Fused, KernelRequest, OperatorDefinition
from stm32_emitter.operators.elementwise import broadcast_axes, nest
from stm32_emitter.operators.fixed_point import quantize_multiplier
from stm32_emitter.operators.gemmlowp import Ints, ints, requantize
from stm32_emitter.operators.scope import Scope, op_name, shape_of
from stm32_emitter.operators.table import source_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder

_LEFT_SHIFT = 8
_COMPARED: dict[str, Callable[[Any, Any], Any]] = {
    "equal": lambda a, b: a.equal(b),
    "greater": lambda a, b: a > b,
    "greater_equal": lambda a, b: a >= b,
    "less": lambda a, b: a < b,
    "less_equal": lambda a, b: a <= b,
    "not_equal": lambda a, b: a != b,
}


class Comparison(OperatorDefinition):
    """compare(dequantize(a), dequantize(b)); each byte's scaled value is looked up."""

    kind: ClassVar[str] = "COMPARISON"
    roots: ClassVar[tuple[str, ...]] = tuple(_COMPARED)

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """Both int8; inputs are a, b and what each byte of them stands for."""
        sources = [source_of(scope, operand) for operand in root.args]
        if any(source is None or source.dtype != "int8" for source in sources):
            return None
        attributes: dict[str, Attribute] = {"operator": op_name(root)}
        tables = {}
        for name, source in zip(("left", "right"), sources, strict=True):
            assert source is not None  # noqa: S101 - see above
            tables[name] = [int(v) for v in _scaled(source.centred, float(source.scale))]
        values = tuple(source.value for source in sources if source is not None)
        return Fused(self.kind, values, shape_of(root), "bool", {**attributes, **tables})

    def kernel(self, request: KernelRequest) -> Kernel:
        """a int8, b int8, broadcast -> y bool."""
        first, second = request.inputs
        compare = _COMPARED[str(request.attributes["operator"])]
        with KernelBuilder(str(request.attributes["operator"])) as k:
            specs = {"a": first, "b": second}
            given = {n: k.input(n, (s.elements,), "int8") for n, s in specs.items() if s.value is None}
            given |= {n: k.constant(n, s.value.ravel()) for n, s in specs.items() if s.value is not None}
            left, right = (k.constant(n, np.array(request.integers(n), np.int32)) for n in ("left", "right"))
            y = k.output("y", (request.output.elements,), "bool")
            with nest(k, broadcast_axes(first.shape, second.shape, request.output.shape)) as (i, j, flat):
                a = left[given["a"][i].astype("int32") + 128]
                b = right[given["b"][j].astype("int32") + 128]
                k.store(y, [flat], compare(a, b))
        return k.kernel()


def _scaled(centred: Ints, scale: float) -> Ints:
    """What is compared for each byte in order, int64 [256]."""
    return ints(requantize(centred << _LEFT_SHIFT, *quantize_multiplier(scale)))
