# SPDX-License-Identifier: Apache-2.0
"""ADD, SUB and MUL in float32, with broadcasting and an activation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from tvm import relax, tirx

from stm32_emitter.operators.base import Fused, KernelRequest, OperatorDefinition, TensorSpec
from stm32_emitter.operators.elementwise import broadcast_axes, nest
from stm32_emitter.operators.float_group import LARGEST, bounds_of, float_group, number
from stm32_emitter.operators.scope import Scope, dtype_of, shape_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder


class AddFloat(OperatorDefinition):
    """a + b."""

    kind: ClassVar[str] = "ADD_F32"
    operator: ClassVar[str] = "add"
    roots: ClassVar[tuple[str, ...]] = ("add", "nn.relu", "clip")

    def combined(self, left: Any, right: Any) -> Any:
        """The result in front of the activation."""
        return left + right

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """act(a op b), both float32; one of them may be constant."""
        group = float_group(scope, root, self.operator)
        if group is None or any(dtype_of(operand) != "float32" for operand in group.call.args):
            return None
        inputs = tuple(group.call.args)
        if all(scope.constant(operand) is not None for operand in inputs):
            return None
        return Fused(self.kind, inputs, shape_of(root), "float32", group.bounds)

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
                k.store(y, [flat], bounded(result, *bounds_of(request)))
        return k.kernel()


class SubFloat(AddFloat):
    """a - b."""

    kind: ClassVar[str] = "SUB_F32"
    operator: ClassVar[str] = "subtract"
    roots: ClassVar[tuple[str, ...]] = ("subtract", "nn.relu", "clip")

    def combined(self, left: Any, right: Any) -> Any:
        """The result in front of the activation."""
        return left - right


class MulFloat(AddFloat):
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
