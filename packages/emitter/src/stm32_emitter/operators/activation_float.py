# SPDX-License-Identifier: Apache-2.0
"""LOGISTIC, TANH, HARD_SWISH and ELU in float32, with an error of a few units in the last place."""

from __future__ import annotations

from typing import ClassVar

from tvm import relax, tirx

from stm32_emitter.operators.base import Fused, KernelRequest, OperatorDefinition
from stm32_emitter.operators.float_group import number
from stm32_emitter.operators.hard_swish import gated
from stm32_emitter.operators.scope import Scope, dtype_of, shape_of
from stm32_emitter.operators.unary_table import elu_operand
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address, expression


class LogisticFloat(OperatorDefinition):
    """1 / (1 + exp(-x))."""

    kind: ClassVar[str] = "LOGISTIC_F32"
    roots: ClassVar[tuple[str, ...]] = ("sigmoid",)
    function: ClassVar[str] = "logistic"
    """Part of the names of the kernel and of the C function."""

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:  # noqa: ARG002
        """f(x)."""
        return _fused(self.kind, root.args[0], root)

    def kernel(self, request: KernelRequest) -> Kernel:
        """x float32 -> y float32 of the same shape."""
        elements = request.output.elements
        with KernelBuilder(self.function) as k:
            x = k.input("x", (elements,), "float32")
            y = k.output("y", (elements,), "float32")
            k.call(f"ai_k_{self.function}_f32", address(x), address(y, write=True), elements)
        return k.kernel()


class TanhFloat(LogisticFloat):
    """tanh(x)."""

    kind: ClassVar[str] = "TANH_F32"
    roots: ClassVar[tuple[str, ...]] = ("tanh",)
    function: ClassVar[str] = "tanh"


class HardSwishFloat(LogisticFloat):
    """x * relu6(x + 3) / 6."""

    kind: ClassVar[str] = "HARD_SWISH_F32"
    roots: ClassVar[tuple[str, ...]] = ("multiply",)
    function: ClassVar[str] = "hard_swish"

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """x * (clip(x + 3, 0, 6) / 6)."""
        operands = gated(scope, root)
        if operands is None or not scope.resolve(operands[0]).same_as(scope.resolve(operands[1])):
            return None
        return _fused(self.kind, operands[0], root)


class EluFloat(OperatorDefinition):
    """x where it is positive, else exp(x) - 1."""

    kind: ClassVar[str] = "ELU_F32"
    roots: ClassVar[tuple[str, ...]] = ("add",)

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """max(x, 0) + min(exp(x) - 1, 0)."""
        x = elu_operand(scope, root)
        return None if x is None else _fused(self.kind, x, root)

    def kernel(self, request: KernelRequest) -> Kernel:
        """x float32 -> y float32 of the same shape."""
        elements = request.output.elements
        with KernelBuilder("elu") as k:
            x = k.input("x", (elements,), "float32")
            y = k.output("y", (elements,), "float32")
            with k.loop("i", elements) as i:
                below = expression("ai_k_exp", x[i], dtype="float32") - number(1.0)
                k.store(y, [i], tirx.Select(x[i] > number(0.0), x[i], below))
        return k.kernel()


def _fused(kind: str, x: relax.Expr, root: relax.Call) -> Fused | None:
    if dtype_of(root) != "float32" or not isinstance(x, relax.Var):
        return None
    return Fused(kind, (x,), shape_of(root), "float32")
