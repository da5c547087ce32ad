# SPDX-License-Identifier: Apache-2.0
"""Operators that do not come with the emitter, in C and through TVM; the oracle is numpy."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from stm32_emitter import ModelRefused, OperatorError, compile_model
from stm32_emitter.extension import (
    Call,
    CKernel,
    Constant,
    Fused,
    Input,
    Kernel,
    KernelBuilder,
    KernelRequest,
    Operator,
    OperatorDefinition,
    Output,
    Scope,
    Scratch,
    TeKernel,
    Tensor,
    elementwise,
    register_operator,
    relax_call,
    unregister_operator,
)
from stm32_emitter.testing.tflite_writer import ModelWriter, Quant
from tvm import relax, te
from tvm.script import tirx as T  # noqa: N812 - as TVM spells it

SHRINK = """
/* Moves a value towards 0. */
static float shrunk(float value, float by)
{
    if (value > by) {
        return value - by;
    }
    return value < -by ? value + by : 0.0f;
}

void soft_threshold_f32(const float *x, float *y, int32_t count, float by)
{
    for (int32_t i = 0; i < count; ++i) {
        y[i] = shrunk(x[i], by);
    }
}
"""
MIX = """
void mix_s8(const int8_t *x, const int8_t *w, const int16_t *table, int8_t *low, int32_t *high, int32_t *sums,
            int32_t n)
{
    for (int32_t i = 0; i < n; ++i) {
        sums[i] = x[i] * w[i] + table[i];
    }
    for (int32_t i = 0; i < n; ++i) {
        low[i] = (int8_t)(x[n - 1 - i]);
        high[i] = sums[n - 1 - i];
    }
}
"""


def same(call: Call) -> Tensor:
    return Tensor(call.inputs[0].shape, call.inputs[0].dtype)


def shrink_kernel(call: Call) -> CKernel:
    count = call.inputs[0].elements
    return CKernel("soft_threshold_f32", [Input(0), Output(0), count, float(call.options["by"])], SHRINK)


def shrink_in_place(call: Call) -> CKernel:
    made = shrink_kernel(call)
    return CKernel(made.function, made.arguments, SHRINK, lambda c: elementwise([0], 1, c[2], 4))


SOFT = Operator("SOFT_THRESHOLD", same, shrink_kernel, tflite="SoftThreshold", onnx="com.example.Soft", relax="soft")


@pytest.fixture
def registered() -> Iterator[Any]:
    """Registers operators for one test."""
    names: list[str] = []

    def register(operator: Any) -> Any:
        register_operator(operator)
        names.append(operator.kind if isinstance(operator, OperatorDefinition) else operator.name)
        return operator

    yield register
    for name in names:
        unregister_operator(name)


def soft(x: Any, by: float) -> Any:
    return np.sign(x) * np.maximum(np.abs(x) - np.float32(by), 0)


def chain(count: int = 1) -> bytes:
    writer = ModelWriter()
    tensors = [writer.tensor(f"t{i}", (1, 3, 4), "float32") for i in range(count + 1)]
    for before, after in itertools.pairwise(tensors):
        writer.custom("SoftThreshold", [before], [after], {"by": 0.25, "name": "text", "axes": [1, 2]})
    return writer.finish(tensors[:1], tensors[-1:])


X = np.random.default_rng(3).normal(size=(1, 3, 4)).astype(np.float32)


def test_a_custom_operator_of_tflite_in_c(host: Any, registered: Any) -> None:
    registered(SOFT)
    model = compile_model(chain(2), name="m")
    np.testing.assert_array_equal(host.run(model, [X])[0], soft(soft(X, 0.25), 0.25))
    assert [node["schedule"]["name"] for node in model.info["nodes"]] == ["plug-in", "plug-in"]
    assert model.info["nodes"][0]["schedule"]["description"].startswith("C function soft_threshold_f32 of ")
    assert b"soft_threshold_f32 m_E_soft_threshold_f32" in model.files["m_ext.h"]
    assert len(model.files["m_lib.c"].split(b"\nvoid m_K_")) == 3  # prototype and body: equal calls share a kernel


@pytest.mark.parametrize(("kernel", "apart"), [(shrink_kernel, True), (shrink_in_place, False)])
def test_only_a_footprint_lets_the_result_lie_on_the_input(registered: Any, kernel: Any, apart: bool) -> None:
    registered(Operator("SOFT_THRESHOLD", same, kernel, tflite="SoftThreshold"))
    offsets = [tensor["offset"] for tensor in compile_model(chain(1), name="m").info["tensors"]]
    assert (len(set(offsets)) == 2) is apart


def test_two_models_with_one_operator_in_one_program(host: Any, instance: Any, registered: Any) -> None:
    registered(SOFT)
    models = [compile_model(chain(n), name=name) for n, name in ((1, "once"), (2, "twice"))]
    library = host.library(models)
    once, twice = (instance(library, model).run([X])[0] for model in models)
    np.testing.assert_array_equal(once, soft(X, 0.25))
    np.testing.assert_array_equal(twice, soft(once, 0.25))


def test_the_signature_tells_other_c_text(registered: Any) -> None:
    registered(SOFT)
    first = compile_model(chain(1), name="m").signature
    unregister_operator("SOFT_THRESHOLD")
    changed = SHRINK.replace("0.0f", "1.0f")
    kernel = lambda call: CKernel("soft_threshold_f32", shrink_kernel(call).arguments, changed)  # noqa: E731
    register_operator(Operator("SOFT_THRESHOLD", same, kernel, tflite="SoftThreshold"))
    assert compile_model(chain(1), name="m").signature != first


def test_constants_scratch_two_results_and_quantization(host: Any, registered: Any) -> None:
    seen: list[Call] = []

    def kernel(call: Call) -> CKernel:
        seen.append(call)
        n = call.inputs[0].elements
        table = Constant("table", np.arange(n, dtype=np.int16))
        room = Scratch("sums", n, "int32")
        return CKernel("mix_s8", [Input(0), Input(1), table, Output(0), Output(1), room, n], MIX)

    results = lambda call: [same(call), Tensor(call.inputs[0].shape, "int32")]  # noqa: E731
    registered(Operator("MIX", results, kernel, tflite="Mix", macs=lambda call: call.inputs[0].elements))
    writer = ModelWriter()
    x = writer.tensor("x", (1, 6), "int8", quant=Quant(0.5, 3))
    w = writer.constant("w", np.array([[1, -2, 3, -4, 5, -6]], np.int8))
    low, high = writer.tensor("low", (1, 6), "int8", quant=Quant(0.25, -7)), writer.tensor("high", (1, 6), "int32")
    writer.custom("Mix", [x, w], [low, high])
    model = compile_model(writer.finish([x], [low, high]), name="mix")
    value = np.array([[100, -128, 3, 7, -1, 127]], np.int8)
    sums = value.astype(np.int32) * [[1, -2, 3, -4, 5, -6]] + np.arange(6)
    got = host.run(model, [value])
    np.testing.assert_array_equal(got[0], value[:, ::-1])
    np.testing.assert_array_equal(got[1], sums[:, ::-1])
    assert model.macs == 6
    assert (seen[0].inputs[0].scale, seen[0].inputs[0].zero_point) == ((0.5,), (3,))
    assert (seen[0].outputs[0].scale, seen[0].outputs[0].zero_point) == ((0.25,), (-7,))
    assert (model.outputs[0].scale, model.outputs[0].name) == ((0.25,), "low")


def test_uint8_stays_uint8_around_it(host: Any, registered: Any) -> None:
    text = (
        "void inverse_u8(const uint8_t *x, uint8_t *y, int32_t n) { while (n-- > 0) { y[n] = (uint8_t)(255 - x[n]); } }"
    )
    kernel = lambda call: CKernel("inverse_u8", [Input(0), Output(0), call.inputs[0].elements], text)  # noqa: E731
    registered(Operator("INVERSE", same, kernel, tflite="Inverse"))
    writer = ModelWriter()
    x, y, z = (writer.tensor(name, (1, 2, 2, 3), "uint8", quant=Quant(0.1, 9)) for name in "xyz")
    writer.custom("Inverse", [x], [y])
    writer.operator("RELU", [y], [z])
    value = np.arange(0, 240, 20, dtype=np.uint8).reshape(1, 2, 2, 3)
    got = host.run(compile_model(writer.finish([x], [z]), name="inverse"), [value])[0]
    np.testing.assert_array_equal(got, np.maximum(255 - value, 9))


@T.prim_func(private=True, s_tir=True)
def weighted(
    w: T.Buffer((T.int64(4),), "float32"),
    x: T.Buffer((T.int64(3), T.int64(4)), "float32"),
    y: T.Buffer((T.int64(3),), "float32"),
) -> None:
    for i, j in T.grid(T.int64(3), T.int64(4)):
        with T.sblock("sum"):
            vi, vj = T.axis.remap("SR", [i, j])
            with T.init():
                y[vi] = T.float32(0)
            y[vi] = y[vi] + x[vi, vj] * w[vj]


def weighted_te(w: te.Tensor, x: te.Tensor) -> te.Tensor:
    j = te.reduce_axis((0, 4), "j")
    return te.compute((3,), lambda i: te.sum(x[i, j] * w[j], axis=j))


def weighted_kernel(call: Call) -> Kernel:
    with KernelBuilder("weighted", 12) as k:
        x = k.input("x", (12,), "float32")
        w = k.constant("w", call.inputs[0].value)
        y = k.output("y", (3,), "float32")
        with k.loop("i", 3) as i:
            k.store(y, [i], T.float32(0))
            with k.loop("j", 4) as j:
                k.store(y, [i], y[i] + x[i * 4 + j] * w[j])
    return k.kernel()


@pytest.mark.parametrize("made", [weighted, TeKernel(weighted_te), weighted_kernel], ids=["TIR", "TE", "builder"])
def test_kernels_through_tvm_with_a_constant_first_input(host: Any, registered: Any, made: Any) -> None:
    kernel = made if made is weighted_kernel else lambda _call: made
    registered(Operator("WEIGHTED", lambda _call: Tensor((3,)), kernel))
    builder, x = relax.BlockBuilder(), relax.Var("x", relax.TensorType((3, 4), "float32"))
    w = np.array([1, -2, 0.5, 4], np.float32)
    with builder.function("main", [x]):
        with builder.dataflow():
            y = builder.emit(relax_call("WEIGHTED", [relax.const(w), x]))
            out = builder.emit_output(relax.op.nn.relu(y))
        builder.emit_func_output(out)
    value = np.random.default_rng(4).normal(size=(3, 4)).astype(np.float32)
    got = host.run(compile_model(builder.get(), name="w"), [value])[0]
    np.testing.assert_allclose(got, np.maximum(value @ w, 0), rtol=1e-6)


def module_with_extern() -> Any:
    """y = soft(x), an external function that another flow left in the module."""
    builder, x = relax.BlockBuilder(), relax.Var("x", relax.TensorType((1, 3, 4), "float32"))
    with builder.function("main", [x]):
        with builder.dataflow():
            y = builder.emit(relax.op.call_dps_packed("soft", (x,), out_ty=relax.TensorType((1, 3, 4), "float32")))
            out = builder.emit_output(relax.op.add(y, x))
        builder.emit_func_output(out)
    return builder.get()


def module_with_composite() -> Any:
    """The same as what FuseOpsByPattern makes of relu(x) * 2."""
    from tvm.relax.dpl import is_op, wildcard

    builder, x = relax.BlockBuilder(), relax.Var("x", relax.TensorType((1, 3, 4), "float32"))
    with builder.function("main", [x]):
        with builder.dataflow():
            y = builder.emit(relax.op.exp(builder.emit(relax.op.nn.relu(x))))
            out = builder.emit_output(relax.op.add(y, x))
        builder.emit_func_output(out)
    pattern = is_op("relax.exp")(is_op("relax.nn.relu")(wildcard()))
    return relax.transform.FuseOpsByPattern([("soft", pattern)], bind_constants=False)(builder.get())


@pytest.mark.parametrize("module", [module_with_extern, module_with_composite])
def test_a_function_of_a_relax_module(host: Any, registered: Any, module: Any) -> None:
    text = SHRINK.replace("shrunk(x[i], by)", "shrunk(x[i], 0.5f) + by")
    kernel = lambda call: CKernel("soft_threshold_f32", [Input(0), Output(0), call.inputs[0].elements, 1.0], text)  # noqa: E731
    mod = module()
    with pytest.raises(ModelRefused, match="has no lowering to C"):
        compile_model(mod)
    registered(Operator("SOFT_THRESHOLD", same, kernel, relax="soft"))
    got = host.run(compile_model(mod, name="m"), [X])[0]
    np.testing.assert_allclose(got, soft(X, 0.5) + 1 + X, rtol=1e-6)


def test_a_relax_module_that_declares_another_result(registered: Any) -> None:
    registered(Operator("HALF", lambda _call: Tensor((2,)), shrink_kernel, relax="soft"))
    with pytest.raises(ModelRefused, match=r"'lv' is float32\[1, 3, 4\], operator 'HALF' computes float32\[2\]"):
        compile_model(module_with_extern())


def onnx_model() -> bytes:
    """relu(soft(x)), soft of a domain of its own."""
    helper = pytest.importorskip("onnx").helper
    values = [helper.make_tensor_value_info(name, 1, [1, 3, 4]) for name in "xz"]
    nodes = [
        helper.make_node("Soft", ["x"], ["y"], domain="com.example", by=0.25),
        helper.make_node("Relu", ["y"], ["z"]),
    ]
    graph = helper.make_graph(nodes, "g", values[:1], values[1:])
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("com.example", 1)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())


def test_a_node_of_a_custom_onnx_domain(host: Any, registered: Any) -> None:
    data = onnx_model()
    with pytest.raises(ModelRefused, match=r"operator 0 \(com.example.Soft\) 'y': .*\n.*--plugin FILE.py"):
        compile_model(data)
    registered(SOFT)
    got = host.run(compile_model(data, name="o"), [X])[0]
    np.testing.assert_array_equal(got, np.maximum(soft(X, 0.25), 0))


def test_an_onnx_operator_that_fails(registered: Any) -> None:
    registered(Operator("BAD", lambda call: call.options["missing"], shrink_kernel, onnx="com.example.Soft"))
    with pytest.raises(OperatorError, match=r"'BAD': results\(\) failed with KeyError"):
        compile_model(onnx_model())


class CheapTanh(OperatorDefinition):
    """x / (1 + |x|) wherever a model has tanh: it recognises Relax itself, before the operators of the emitter."""

    kind = "CHEAP_TANH"
    roots = ("tanh",)

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        x = root.args[0]
        if str(x.ty.dtype) != "float32" or scope.constant(x) is not None:
            return None
        shape = tuple(int(dim) for dim in x.ty.shape)
        return Fused(self.kind, (x,), shape, "float32")

    def kernel(self, request: KernelRequest) -> Kernel:
        with KernelBuilder("cheap_tanh") as k:
            x = k.input("x", (request.output.elements,), "float32")
            y = k.output("y", (request.output.elements,), "float32")
            with k.loop("i", request.output.elements) as i:
                k.store(y, [i], x[i] / (T.float32(1) + T.max(x[i], -x[i])))
        return k.kernel()


def test_a_definition_that_recognises_relax_operators(host: Any, registered: Any) -> None:
    registered(CheapTanh())
    writer = ModelWriter()
    x, y = writer.tensor("x", (1, 3, 4), "float32"), writer.tensor("y", (1, 3, 4), "float32")
    writer.operator("TANH", [x], [y])
    got = host.run(compile_model(writer.finish([x], [y]), name="t"), [X])[0]
    np.testing.assert_allclose(got, X / (1 + np.abs(X)), rtol=1e-6)
