# SPDX-License-Identifier: Apache-2.0
"""The emitter behind another TVM flow: a Relax module built by hand, that flow's own passes, then ``CodeEmitter``.

The oracle is TVM's own virtual machine on its LLVM target; int8 results are compared with numpy arithmetic as well.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tvm
from stm32_emitter import CodeEmitter
from tvm import relax
from tvm.script import tirx as T  # noqa: N812 - as TVM spells it

RNG = np.random.default_rng(5)
X = RNG.normal(size=(1, 8, 8, 3)).astype(np.float32)
KERNEL = RNG.normal(scale=0.2, size=(4, 3, 3, 3)).astype(np.float32)
BIAS = RNG.normal(size=(4,)).astype(np.float32)
DENSE = RNG.integers(-127, 128, size=(10, 4), dtype=np.int8)
DENSE_BIAS = RNG.integers(-500, 500, size=(10,), dtype=np.int32)
SCALE, ZERO, WEIGHT_SCALE, OUT_SCALE, OUT_ZERO = 0.02, -5, 0.005, 0.03, 4


@T.prim_func(private=True, s_tir=True)
def swish_like(
    x: T.Buffer((T.int64(1), T.int64(6), T.int64(6), T.int64(4)), "float32"),
    y: T.Buffer((T.int64(1), T.int64(6), T.int64(6), T.int64(4)), "float32"),
) -> None:
    for i, j, k in T.grid(T.int64(6), T.int64(6), T.int64(4)):
        with T.sblock("swish"):
            vi, vj, vk = T.axis.remap("SSS", [i, j, k])
            y[0, vi, vj, vk] = x[0, vi, vj, vk] * (T.float32(1) / (T.float32(1) + T.exp(-x[0, vi, vj, vk])))


def quantized(value: relax.Expr, scale: float, zero: int) -> relax.Expr:
    return relax.op.quantize(value, relax.const(np.float32(scale)), relax.const(zero, "int32"), out_dtype="int8")


def dequantized(value: relax.Expr, scale: float, zero: int) -> relax.Expr:
    return relax.op.dequantize(value, relax.const(np.float32(scale)), relax.const(zero, "int32"))


def integer_dense(b: relax.BlockBuilder, features: relax.Expr) -> relax.Expr:
    """A quantized dense layer in the form that importers give: dequantize, matmul, add, quantize."""
    codes = b.emit(quantized(features, SCALE, ZERO), name_hint="codes")
    real = b.emit(dequantized(codes, SCALE, ZERO))
    weights = b.emit(relax.op.permute_dims(b.emit(dequantized(relax.const(DENSE), WEIGHT_SCALE, 0))))
    bias = b.emit(dequantized(relax.const(DENSE_BIAS), SCALE * WEIGHT_SCALE, 0))
    total = b.emit(relax.op.add(b.emit(relax.op.matmul(real, weights)), bias))
    return b.emit(dequantized(b.emit(quantized(total, OUT_SCALE, OUT_ZERO)), OUT_SCALE, OUT_ZERO))


def build() -> tvm.IRModule:
    """Convolution, a TIR function of the flow's own, global mean, dense layer: all in float32."""
    builder, x = relax.BlockBuilder(), relax.Var("image:0", relax.TensorType((1, 8, 8, 3), "float32"))
    with builder.function("main", [x]):
        with builder.dataflow():
            twice = builder.emit(relax.op.multiply(relax.const(KERNEL), relax.const(np.float32(2))))
            conv = relax.op.nn.conv2d(x, twice, data_layout="NHWC", kernel_layout="OHWI")
            activated = builder.emit(relax.op.add(builder.emit(conv), relax.const(BIAS)))
            own = builder.add_func(swish_like, "swish_like")
            kind = relax.TensorType((1, 6, 6, 4), "float32")
            shaped = builder.emit(relax.op.call_tir(own, relax.Tuple([activated]), kind))
            features = builder.emit(relax.op.mean(shaped, axis=[1, 2]))
            real = builder.emit(relax.op.matmul(features, relax.const((DENSE.T * WEIGHT_SCALE).astype(np.float32))))
            out = builder.emit_output(relax.Tuple([real, features]))
        builder.emit_func_output(out)
    return builder.get()


@tvm.transform.module_pass(opt_level=0, name="NoDivisionByOne")
def multiplications_only(mod: tvm.IRModule, _context: Any) -> tvm.IRModule:
    """A pass of the flow's own: mean(x) becomes sum(x) * (1 / n)."""

    @relax.expr_functor.mutator
    class Rewriter(relax.PyExprMutator):  # type: ignore[misc]
        def visit_call_(self, call: relax.Call) -> relax.Expr:
            call = super().visit_call_(call)
            if getattr(call.op, "name", "") != "relax.mean":
                return call
            axes = [int(a) for a in call.attrs.axis]
            count = np.prod([int(call.args[0].ty.shape[a]) for a in axes])
            total = self.builder_.emit(relax.op.sum(call.args[0], axes))
            return relax.op.multiply(total, relax.const(np.float32(1 / count)))

    rewriter = Rewriter(mod)
    rewriter.builder_.update_func(mod.get_global_var("main"), rewriter.visit_expr(mod["main"]))
    return rewriter.builder_.get()


@tvm.transform.module_pass(opt_level=0, name="QuantizeDense")
def quantize_dense(mod: tvm.IRModule, _context: Any) -> tvm.IRModule:
    """Another one: the dense layer in int8, with the scales that a calibration would give."""

    @relax.expr_functor.mutator
    class Rewriter(relax.PyExprMutator):  # type: ignore[misc]
        def visit_call_(self, call: relax.Call) -> relax.Expr:
            call = super().visit_call_(call)
            return integer_dense(self.builder_, call.args[0]) if call.op.name == "relax.matmul" else call

    rewriter = Rewriter(mod)
    rewriter.builder_.update_func(mod.get_global_var("main"), rewriter.visit_expr(mod["main"]))
    return rewriter.builder_.get()


def flow(mod: tvm.IRModule) -> tvm.IRModule:
    """The other flow's passes."""
    # Folding comes before quantizing: dequantize(weights) must stay for the emitter to see integers.
    passes = [
        multiplications_only,
        relax.transform.FoldConstant(),
        quantize_dense,
        relax.transform.DeadCodeElimination(),
    ]
    return tvm.transform.Sequential(passes)(mod)


def fused_flow(mod: tvm.IRModule) -> tvm.IRModule:
    """A flow that lowers and fuses everything itself: only call_tir is left."""
    passes = [
        relax.transform.LegalizeOps(),
        relax.transform.AnnotateTIROpPattern(),
        relax.transform.FuseOps(),
        relax.transform.FuseTIR(),
    ]
    return tvm.transform.Sequential(passes)(mod)


def virtual_machine(mod: tvm.IRModule, x: Any) -> list[Any]:
    if not tvm.runtime.enabled("llvm"):
        pytest.skip("this TVM has no LLVM target, so its virtual machine cannot run the module")
    built = tvm.compile(mod, target="llvm")
    machine = relax.VirtualMachine(built, tvm.cpu())
    return [np.asarray(value.numpy()) for value in machine["main"](tvm.runtime.tensor(x))]


def emitted(host: Any, folder: Path, mod: tvm.IRModule) -> tuple[Any, list[Any]]:
    emitter = CodeEmitter()
    emitter.parse_module(mod)
    model = emitter.emit_code(folder / "flow", "flow")
    return model, host.run(model, [X])


def dense_in_numpy(features: Any) -> Any:
    codes = np.clip(np.round(features / np.float32(SCALE)) + ZERO, -128, 127).astype(np.int64)
    total = (codes - ZERO) @ DENSE.T.astype(np.int64) + DENSE_BIAS
    real = total * (np.float64(np.float32(SCALE)) * np.float32(WEIGHT_SCALE) / np.float32(OUT_SCALE))
    return (np.clip(np.round(real) + OUT_ZERO, -128, 127) - OUT_ZERO) * OUT_SCALE


def assert_same(got: list[Any], want: list[Any]) -> None:
    final, features = got
    np.testing.assert_allclose(features, want[1], rtol=1e-5, atol=1e-5 * float(np.ptp(want[1])))
    # Floats that differ in the last bit, and halves, may round apart: one step of the output.
    assert np.abs(final - want[0]).max() <= OUT_SCALE * 1.01
    assert np.abs(final - dense_in_numpy(features)).max() <= OUT_SCALE * 1.01
    assert np.ptp(final) > 5 * OUT_SCALE


def test_a_module_after_the_flows_own_passes(tmp_path: Path, host: Any) -> None:
    mod = flow(build())
    assert "relax.mean" not in mod.script()
    model, outputs = emitted(host, tmp_path, mod)
    assert_same(outputs, virtual_machine(mod, X))
    assert [(t.shape, t.dtype) for t in model.outputs] == [((1, 10), "float32"), ((1, 4), "float32")]


def test_its_quantized_part_becomes_an_integer_kernel_and_its_tir_stays(tmp_path: Path, host: Any) -> None:
    model, _ = emitted(host, tmp_path, flow(build()))
    kernels = {node["kernel"].rstrip("0123456789") for node in model.info["nodes"]}
    expected = ("fully_connected", "swish_like", "conv_2d", "sum", "dequantize")
    assert {f"flow_K_{kind}_" for kind in expected} <= kernels
    library = model.files["flow_lib.c"].decode()
    body = library[library.rindex("void flow_K_fully_connected_") :]
    assert "float" not in body[: body.index("\n}\n")]


def test_a_module_of_call_tir_only(tmp_path: Path, host: Any) -> None:
    mod = fused_flow(flow(build()))
    _, outputs = emitted(host, tmp_path, mod)
    assert_same(outputs, virtual_machine(flow(build()), X))


def test_the_module_is_left_as_it_was(tmp_path: Path) -> None:
    mod = flow(build())
    before = mod.script()
    emitter = CodeEmitter()
    emitter.parse_module(mod)
    emitter.emit_code(tmp_path / "flow", "flow")
    assert mod.script() == before
