# SPDX-License-Identifier: Apache-2.0
"""Somebody's own TVM flow: a network in relax.frontend.nn, fixed weights, a pass of their own, their own TIR.

Nothing here knows of stm32_emitter.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tvm
from tvm import relax
from tvm.relax.frontend import nn

FEATURES, HIDDEN, CLASSES = 12, 20, 4
SEED = 3


class Gate(nn.Module):
    """Two dense layers of which one gates the other."""

    def __init__(self) -> None:
        self.value = nn.Linear(FEATURES, HIDDEN)
        self.gate = nn.Linear(FEATURES, HIDDEN)
        self.head = nn.Linear(HIDDEN, CLASSES)

    def forward(self, x: nn.Tensor) -> nn.Tensor:
        """[1, 12] -> [1, 4]."""
        return nn.op.softmax(self.head(nn.op.multiply(self.value(x), nn.op.sigmoid(self.gate(x)))), axis=-1)


def exported() -> tvm.IRModule:
    """The network as Relax with its weights bound, so that `main` takes the input only."""
    mod, parameters = Gate().export_tvm({"forward": {"x": nn.spec.Tensor((1, FEATURES), "float32")}})
    rng = np.random.default_rng(SEED)
    weights = {
        name: rng.normal(0.0, 0.4, [int(dim) for dim in parameter.shape]).astype("float32")
        for name, parameter in parameters
    }
    bound = relax.transform.BindParams("forward", weights)(mod)
    return tvm.IRModule({"main": bound["forward"].with_attr("global_symbol", "main")})


@tvm.transform.module_pass(opt_level=0, name="CheapSigmoid")
def cheap_sigmoid(mod: tvm.IRModule, _context: Any) -> tvm.IRModule:
    """The flow's own pass: sigmoid(x) becomes clip(0.2 * x + 0.5, 0, 1)."""

    @relax.expr_functor.mutator
    class Rewriter(relax.PyExprMutator):  # type: ignore[misc]
        def visit_call_(self, call: relax.Call) -> relax.Expr:
            call = super().visit_call_(call)
            if getattr(call.op, "name", "") != "relax.sigmoid":
                return call
            scaled = self.builder_.emit(relax.op.multiply(call.args[0], relax.const(np.float32(0.2))))
            return relax.op.clip(self.builder_.emit(relax.op.add(scaled, relax.const(np.float32(0.5)))), 0.0, 1.0)

    rewriter = Rewriter(mod)
    rewriter.builder_.update_func(mod.get_global_var("main"), rewriter.visit_expr(mod["main"]))
    return rewriter.builder_.get()


def optimised(mod: tvm.IRModule) -> tvm.IRModule:
    """The flow's passes in order."""
    passes = [cheap_sigmoid, relax.transform.FoldConstant(), relax.transform.DeadCodeElimination()]
    return tvm.transform.Sequential(passes)(mod)


def on_this_computer(mod: tvm.IRModule, inputs: Any) -> Any:
    """What TVM's virtual machine computes of [N, 1, 12]: the flow's own reference."""
    machine = relax.VirtualMachine(tvm.compile(mod, target="llvm"), tvm.cpu())
    return np.stack([machine["main"](tvm.runtime.tensor(x)).numpy() for x in inputs])
