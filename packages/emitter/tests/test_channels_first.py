# SPDX-License-Identifier: Apache-2.0
"""Relax modules of other flows whose images are channels first: by hand, by TVMScript, by relax.frontend.nn, legalized.

The oracle is TVM's own virtual machine on its LLVM target.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tvm
from stm32_emitter import CodeEmitter, ModelRefused, compile_model
from stm32_emitter.frontends.relax import import_relax, is_channels_first
from tvm import relax
from tvm.relax.frontend import nn
from tvm.script import tirx as T  # noqa: N812 - as TVM spells it

SHAPE = (1, 3, 8, 6)


def weights(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).normal(scale=0.3, size=shape).astype(np.float32)


def const(*shape: int) -> relax.Expr:
    return relax.const(weights(*shape))


@T.prim_func(private=True, s_tir=True)
def doubled(
    x: T.Buffer((T.int64(1), T.int64(4), T.int64(8), T.int64(6)), "float32"),
    y: T.Buffer((T.int64(1), T.int64(4), T.int64(8), T.int64(6)), "float32"),
) -> None:
    for c, i, j in T.grid(T.int64(4), T.int64(8), T.int64(6)):
        with T.sblock("doubled"):
            vc, vi, vj = T.axis.remap("SSS", [c, i, j])
            y[0, vc, vi, vj] = x[0, vc, vi, vj] * T.float32(2)


def by_hand() -> tvm.IRModule:
    """Every layout, a tuple, a bias, a TIR function of the flow's own, operators without a counterpart in ONNX."""
    b, x = relax.BlockBuilder(), relax.Var("x", relax.TensorType(SHAPE, "float32"))
    op = relax.op
    with b.function("main", [x]):
        with b.dataflow():
            conv = b.emit(op.nn.conv2d(x, const(4, 3, 3, 3), padding=1))
            biased = b.emit(op.add(conv, b.emit(op.reshape(const(4), (1, 4, 1, 1)))))
            normal = [relax.const(np.abs(weights(4)) + 0.5) for _ in range(4)]
            parts = b.emit(op.nn.batch_norm(biased, *normal, axis=1, training=False))
            called = b.emit(op.call_tir(b.add_func(doubled, "doubled"), relax.Tuple([b.emit(parts[0])]), conv.ty))
            left, right = (b.emit(part) for part in b.emit(op.split(b.emit(op.nn.gelu(called)), 2, axis=1)))
            last = b.emit(
                op.permute_dims(
                    b.emit(
                        op.concat(
                            [
                                right,
                                b.emit(op.where(b.emit(op.greater(left, right)), left, relax.const(np.float32(0.5)))),
                                left,
                            ],
                            axis=1,
                        )
                    ),
                    [0, 2, 3, 1],
                )
            )
            other = b.emit(op.nn.conv2d(last, const(3, 3, 6, 2), data_layout="NHWC", kernel_layout="HWIO"))
            pooled = b.emit(op.nn.avg_pool2d(other, (2, 2), (2, 2), layout="NHWC"))
            flat = b.emit(op.matmul(b.emit(op.flatten(b.emit(op.nn.max_pool2d(called, (4, 3), (4, 3))))), const(16, 5)))
            out = b.emit_output(relax.Tuple([pooled, flat, b.emit(op.nn.softmax(flat))]))
        b.emit_func_output(out)
    return b.get()


SCRIPT = """
@I.ir_module
class Script:
    @R.function
    def main(x: R.Tensor((1, 3, 8, 6), "float32"), scale: R.Tensor((1, 1, 8, 6), "float32")):
        with R.dataflow():
            a = R.nn.max_pool2d(x, (3, 3), (1, 1), padding=(1, 1, 1, 1))
            b = R.multiply(R.nn.leakyrelu(a, 0.2), scale)
            y = R.nn.adaptive_avg_pool2d(R.nn.silu(b), (1, 1))
            R.output(y)
        return y
"""


def by_script() -> tvm.IRModule:
    """From text."""
    return tvm.script.from_source(SCRIPT)


class Net(nn.Module):
    """By relax.frontend.nn."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2D(3, 6, 3, stride=2, padding=1)
        self.out = nn.Linear(72, 4)

    def forward(self, x: nn.Tensor) -> nn.Tensor:
        """Convolution, activation, dense layer."""
        return self.out(nn.op.reshape(nn.op.relu(self.conv(x)), (1, 72)))


def by_frontend() -> tvm.IRModule:
    module, parameters = Net().export_tvm({"forward": {"x": nn.spec.Tensor(SHAPE, "float32")}})
    bound = {name: tvm.runtime.tensor(weights(*[int(n) for n in tensor.shape])) for name, tensor in parameters}
    bound = relax.transform.BindParams("forward", bound)(module)
    return tvm.IRModule({"main": bound["forward"].with_attr("global_symbol", "main")})


def legalized() -> tvm.IRModule:
    """A flow that turned all of it into TIR itself."""
    passes = [relax.transform.LegalizeOps(), relax.transform.AnnotateTIROpPattern(), relax.transform.FuseOps()]
    return tvm.transform.Sequential([*passes, relax.transform.FuseTIR()])(by_hand())


def virtual_machine(mod: tvm.IRModule, inputs: list[Any]) -> list[Any]:
    if not tvm.runtime.enabled("llvm"):
        pytest.skip("this TVM has no LLVM target, so its virtual machine cannot run the module")
    machine = relax.VirtualMachine(tvm.compile(mod, target="llvm"), tvm.cpu())
    result = machine["main"](*[tvm.runtime.tensor(x) for x in inputs])
    return [np.asarray(value.numpy()) for value in (result if hasattr(result, "__len__") else [result])]


BUILDERS = {"by_hand": by_hand, "by_script": by_script, "by_frontend": by_frontend, "legalized": legalized}


@pytest.mark.parametrize("name", BUILDERS)
def test_modules_give_what_tvm_computes(name: str, tmp_path: Any, host: Any) -> None:
    mod = BUILDERS[name]()
    inputs = [weights(*[int(n) for n in p.ty.shape]) for p in mod["main"].params]
    before = mod.script()
    emitter = CodeEmitter()
    emitter.parse_module(mod)
    model = emitter.emit_code(tmp_path / name, name)
    assert mod.script() == before
    for got, want in zip(host.run(model, inputs), virtual_machine(mod, inputs), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5 * float(np.ptp(want) or 1))


def test_axes_are_put_in_order_at_the_border_only() -> None:
    nodes = [node["kernel"] for node in compile_model(by_frontend()).info["nodes"]]
    assert [kernel.split("_K_")[1].rstrip("_0123456789") for kernel in nodes] == [
        "transpose", "conv_2d", "fully_connected",
    ]  # fmt: skip


def test_a_normalization_behind_a_convolution_is_part_of_its_weights() -> None:
    kernels = " ".join(node["kernel"] for node in compile_model(by_hand()).info["nodes"][:3])
    assert "conv_2d_1" in kernels
    assert "mul" not in kernels


def test_a_module_of_channels_last_stays_as_it_is() -> None:
    assert is_channels_first(by_script())
    assert not is_channels_first(import_relax(by_script()))


def test_quantized_groups_become_integer_kernels(host: Any) -> None:
    b, x = relax.BlockBuilder(), relax.Var("x", relax.TensorType(SHAPE, "int8"))
    codes = np.random.default_rng(3).integers(-127, 128, (4, 3, 3, 3), dtype=np.int8)
    scales = np.linspace(0.01, 0.02, 4, dtype=np.float32)
    zero = relax.const(np.int8(0))
    with b.function("main", [x]):
        with b.dataflow():
            real = b.emit(relax.op.dequantize(x, relax.const(np.float32(0.05)), relax.const(np.int8(3))))
            kernel = b.emit(
                relax.op.dequantize(relax.const(codes), relax.const(scales), relax.const(np.zeros(4, np.int8)), axis=0)
            )
            conv = b.emit(relax.op.nn.conv2d(real, kernel, padding=1))
            biased = b.emit(relax.op.add(conv, relax.const(weights(1, 4, 1, 1))))
            out = b.emit(relax.op.quantize(biased, relax.const(np.float32(0.06)), zero, out_dtype="int8"))
            result = b.emit_output(out)
        b.emit_func_output(result)
    mod = b.get()
    model = compile_model(mod, name="integers")
    assert [n["kernel"].split("_K_")[1] for n in model.info["nodes"]] == ["transpose_0", "conv_2d_1", "transpose_2"]
    data = np.random.default_rng(4).integers(-128, 128, SHAPE, dtype=np.int8)
    (got,), (want,) = host.run(model, [data]), virtual_machine(mod, [data])
    assert np.abs(got.astype(int) - want.astype(int)).max() <= 1
    assert np.ptp(got.astype(int)) > 100


def test_training_mode_is_refused() -> None:
    b, x = relax.BlockBuilder(), relax.Var("x", relax.TensorType(SHAPE, "float32"))
    with b.function("main", [x]):
        with b.dataflow():
            parts = b.emit(relax.op.nn.batch_norm(x, *[const(3) for _ in range(4)], axis=1, training=True))
            result = b.emit_output(b.emit(parts[0]))
        b.emit_func_output(result)
    with pytest.raises(ModelRefused, match=r"nn\.batch_norm.*training mode"):
        compile_model(b.get())
