# SPDX-License-Identifier: Apache-2.0
"""ADD, SUB and MUL in float32, with broadcasting and an activation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from tvm import relax, tirx

from stm32_emitter.operators.base import Attribute, Fused, KernelRequest, OperatorDefinition, TensorSpec
from stm32_emitter.operators.elementwise import broadcast_axes, nest
from stm32_emitter.operators.float_group import LARGEST, bounds_of, float_group, number
from stm32_emitter.operators.scope import Scope, dtype_of, shape_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder


class FloatBinary(OperatorDefinition):
    """Base of operators with two operands of float32 that broadcast."""

    operator: ClassVar[str]
    """The Relax operator."""

    def group(self, scope: Scope, root: relax.Call) -> tuple[tuple[relax.Expr, ...], dict[str, Attribute]] | None:
        """(both operands, bounds of the activation) of the group that ends in ``root``, or None."""
        found = float_group(scope, root, self.operator)
        return None if found is None else (tuple(found.call.args), found.bounds)

    def combined(self, left: Any, right: Any) -> Any:
        """The result in front of the activation."""
        raise NotImplementedError

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """act(a op b), both float32; one of them may be constant."""
        found = self.group(scope, root) if dtype_of(root) == "float32" else None
        if found is None or any(dtype_of(operand) != "float32" for operand in found[0]):
            return None
        if all(scope.constant(operand) is not None for operand in found[0]):
            return None
        return Fused(self.kind, found[0], shape_of(root), "float32", found[1])

    def kernel(self, request: KernelRequest) -> Kernel:
        """a float32, b float32, broadcast -> y float32."""
        first, second = request.inputs
        axes = broadcast_axes(first.shape, second.shape, request.output.shape)
        with KernelBuilder(self.kind.lower().removesuffix("_f32")) as k:
            specs = {"a": first, "b": second}
            given = {n: k.input(n, (s.elements,), "float32") for n, s in specs.items() if s.value is None}
            reads = [_reader(k, name, spec, given.get(name)) for name, spec in specs.items()]
            y = k.output("y", (request.output.elements,), "float32")
            with nest(k, axes) as (left, right, flat):
                result = self.combined(reads[0](left), reads[1](right))
                k.store(y, [flat], self.limited(result, *bounds_of(request)))
        return k.kernel()

    def limited(self, value: Any, low: float, high: float) -> Any:
        """``value`` limited to the activation's bounds."""
        return bounded(value, low, high)


class AddFloat(FloatBinary):
    """a + b."""

    kind: ClassVar[str] = "ADD_F32"
    operator: ClassVar[str] = "add"
    roots: ClassVar[tuple[str, ...]] = ("add", "nn.relu", "clip")

    def combined(self, left: Any, right: Any) -> Any:
        """The result in front of the activation."""
        return left + right


class SubFloat(FloatBinary):
    """a - b."""

    kind: ClassVar[str] = "SUB_F32"
    operator: ClassVar[str] = "subtract"
    roots: ClassVar[tuple[str, ...]] = ("subtract", "nn.relu", "clip")

    def combined(self, left: Any, right: Any) -> Any:
        """The result in front of the activation."""
        return left - right


class MulFloat(FloatBinary):
    """a * b."""

    kind: ClassVar[str] = "MUL_F32"
    operator: ClassVar[str] = "multiply"
    roots: ClassVar[tuple[str, ...]] = ("multiply", "nn.relu", "clip")

    def combined(self, left: Any, right: Any) -> Any:
        """The result in front of the activation."""
        return left * right


def bounded(value: Any, low: float, high: float) -> Any:
    """``value`` limited to the bounds that exist."""
    if low > -LARGEST:
        value = tirx.max(value, number(low))
    return tirx.min(value, number(high)) if high < LARGEST else value


def _reader(k: KernelBuilder, name: str, spec: TensorSpec, given: tirx.Buffer | None) -> Callable[[Any], Any]:
    """A function from an element's index to its value."""
    if given is not None:
        return lambda index: given[index]
    assert spec.value is not None  # noqa: S101 - a constant operand
    if spec.elements == 1:
        single = number(float(spec.value.ravel()[0]))
        return lambda _index: single
    array = k.constant(name, spec.value.ravel())
    return lambda index: array[index]
