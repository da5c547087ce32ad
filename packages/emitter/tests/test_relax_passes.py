# SPDX-License-Identifier: Apache-2.0
"""Each pass on hand-written Relax: what stands there before, and exactly what must stand there after."""

# ruff: noqa: N805 - functions of a TVMScript module are no methods
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tvm
from stm32_emitter import ModelRefused
from stm32_emitter.operators.base import Fused
from stm32_emitter.operators.float_group import LARGEST
from stm32_emitter.passes.bindings import bindings, replace_values
from stm32_emitter.passes.check import check_module
from stm32_emitter.passes.fuse import fuse_operators
from stm32_emitter.passes.lower import lower_operators
from stm32_emitter.passes.outputs import separate_outputs
from stm32_emitter.passes.schedule import schedule_library
from stm32_emitter.target import target_named
from tvm import relax
from tvm.script import ir as I  # noqa: N812 - as TVM spells it
from tvm.script import relax as R  # noqa: N812 - as TVM spells it
from tvm.script import tirx as T  # noqa: N812 - as TVM spells it

CORE = target_named("cortex-m4")
UNBOUNDED = {"low": -LARGEST, "high": LARGEST}


def same(got: Any, expected: Any) -> None:
    """Structurally equal once both have their types filled in."""
    if isinstance(got, tvm.IRModule):
        got, expected = (relax.transform.Normalize()(mod) for mod in (got, expected))
    tvm.ir.assert_structural_equal(got, expected, map_free_vars=True)


def with_values(mod: tvm.IRModule, values: dict[str, relax.Expr]) -> tvm.IRModule:
    """``mod`` with the bindings named in ``values`` bound to these; the way to write a fused call by hand."""
    return replace_values(mod, lambda var, _value: values.get(str(var.name)))


def parameter(mod: tvm.IRModule, name: str) -> relax.Var:
    named = {str(p.name): p for p in mod["main"].params}
    named |= {str(b.var.name): b.var for b in bindings(mod["main"])}
    return named[name]


@I.ir_module
class Quantized:
    @R.function
    def main(x: R.Tensor((2, 3), "float32")) -> R.Tensor((2, 3), "float32"):
        with R.dataflow():
            c = R.quantize(x, R.const(0.5, "float32"), R.const(-3, "int32"), out_dtype="int8", axis=0)
            unused = R.add(x, x)  # noqa: F841 - must be gone afterwards
            a = R.dequantize(c, R.const(0.5, "float32"), R.const(-3, "int32"), axis=0)
            d = R.add(a, a)
            R.output(d)
        return d


@I.ir_module
class QuantizedWithoutUnused:
    @R.function
    def main(x: R.Tensor((2, 3), "float32")) -> R.Tensor((2, 3), "float32"):
        with R.dataflow():
            c = R.quantize(x, R.const(0.5, "float32"), R.const(-3, "int32"), out_dtype="int8", axis=0)
            a = R.dequantize(c, R.const(0.5, "float32"), R.const(-3, "int32"), axis=0)
            d = R.add(a, a)
            R.output(d)
        return d


def test_fuse_replaces_groups_and_leaves_the_rest() -> None:
    mod = QuantizedWithoutUnused
    attributes = {"scale": 0.5, "zero_point": -3}
    expected = with_values(
        mod,
        {
            "c": Fused("QUANTIZE", (parameter(mod, "x"),), (2, 3), "int8", dict(attributes)).call(),
            "a": Fused("DEQUANTIZE", (parameter(mod, "c"),), (2, 3), "float32", dict(attributes)).call(),
            "d": Fused("ADD_F32", (parameter(mod, "a"),) * 2, (2, 3), "float32", UNBOUNDED).call(),
        },
    )
    same(fuse_operators(Quantized), expected)


@I.ir_module
class ReluGroup:
    @R.function
    def main(x: R.Tensor((2, 3), "int8")) -> R.Tensor((2, 3), "int8"):
        with R.dataflow():
            a = R.dequantize(x, R.const(0.5, "float32"), R.const(-3, "int32"), axis=0)
            b = R.nn.relu(a)
            c = R.quantize(b, R.const(0.5, "float32"), R.const(-3, "int32"), out_dtype="int8", axis=0)
            R.output(c)
        return c


@I.ir_module
class ReluExpected:
    @R.function
    def main(x: R.Tensor((2, 3), "int8")) -> R.Tensor((2, 3), "int8"):
        with R.dataflow():
            c = R.nn.relu(x)
            R.output(c)
        return c


def test_fuse_makes_one_call_of_a_group() -> None:
    q = np.arange(-128, 128)
    table = np.maximum(q, -3).astype(np.int8)  # the same scale on both sides: real 0 is -3
    call = Fused("RELU", (parameter(ReluExpected, "x"), relax.const(table)), (2, 3), "int8").call()
    same(fuse_operators(ReluGroup), with_values(ReluExpected, {"c": call}))


def test_fuse_leaves_float_alone() -> None:
    @I.ir_module
    class Float:
        @R.function
        def main(x: R.Tensor((2, 3), "float32")) -> R.Tensor((2, 3), "float32"):
            with R.dataflow():
                a = R.nn.relu(x)
                b = R.exp(a)
                R.output(b)
            return b

    same(fuse_operators(Float), Float)


@I.ir_module(check_well_formed=False)  # the scripted kernel is not in the form of s_tir
class LoweredRelu:
    @T.prim_func
    def relu(x: T.Buffer((6,), "int8"), y: T.Buffer((6,), "int8")) -> None:
        T.func_attr({"stm32.kind": "relu", "stm32.macs": 0, "stm32.scratch": 0})
        for i in range(6):
            y[i] = T.Cast("int8", T.call_extern("int32", "ai_k_clamp", T.Cast("int32", x[i]), -3, 127))

    @R.function
    def main(x: R.Tensor((2, 3), "int8")) -> R.Tensor((2, 3), "int8"):
        cls = LoweredRelu
        with R.dataflow():
            c = R.call_tir(cls.relu, (x,), out_ty=R.Tensor((2, 3), "int8"))
            R.output(c)
        return c


def test_lower_turns_fused_calls_into_calls_of_their_kernels() -> None:
    same(lower_operators(fuse_operators(ReluGroup), CORE), LoweredRelu)


def test_lower_leaves_no_relax_operator_but_aliases() -> None:
    @I.ir_module
    class Mixed:
        @R.function
        def main(x: R.Tensor((2, 3), "float32")) -> R.Tensor((1, 2), "float32"):
            with R.dataflow():
                a = R.reshape(x, R.shape([3, 2]))
                b = R.sum(a, axis=[0])
                c = R.expand_dims(b, axis=[0])
                R.output(c)
            return c

    kinds = [str(b.value.op.name) for b in bindings(lower_operators(Mixed, CORE)["main"])]
    assert kinds == ["relax.reshape", "relax.call_tir", "relax.expand_dims"]


def test_lower_refuses_quantized_arithmetic_that_nobody_recognised() -> None:
    builder, x = relax.BlockBuilder(), relax.Var("x", relax.TensorType((2, 3), "int32"))
    scale, zero = relax.const(np.float32(0.5)), relax.const(0, "int32")
    with builder.function("main", [x]):
        with builder.dataflow():
            real = builder.emit(relax.op.erf(builder.emit(relax.op.dequantize(x, scale, zero))))
            out = builder.emit_output(relax.op.quantize(real, scale, zero, out_dtype="int16"))
        builder.emit_func_output(out)
    with pytest.raises(ModelRefused, match="quantize"):
        lower_operators(fuse_operators(builder.get()), CORE)


@I.ir_module
class Outputs:
    @R.function
    def main(x: R.Tensor((2, 3), "float32")) -> R.Tuple(
        R.Tensor((2, 3), "float32"), R.Tensor((6,), "float32"), R.Tensor((2, 3), "float32")
    ):
        with R.dataflow():
            a = R.nn.relu(x)
            b = R.reshape(a, R.shape([6]))
            R.output(a, b)
        return (x, b, a)


@I.ir_module
class SeparatedOutputs:
    @R.function
    def main(x: R.Tensor((2, 3), "float32")) -> R.Tuple(
        R.Tensor((2, 3), "float32"), R.Tensor((6,), "float32"), R.Tensor((2, 3), "float32")
    ):
        with R.dataflow():
            a = R.nn.relu(x)
            b = R.reshape(a, R.shape([6]))
            output0 = R.nn.relu(x)
            output2 = R.nn.relu(a)
            R.output(b, output0, output2)
        return (output0, b, output2)


def test_outputs_get_memory_of_their_own() -> None:
    mod = SeparatedOutputs
    copies = {
        "output0": Fused("COPY", (parameter(mod, "x"),), (2, 3), "float32").call(),
        "output2": Fused("COPY", (parameter(mod, "a"),), (2, 3), "float32").call(),
    }
    same(separate_outputs(Outputs), with_values(mod, copies))


def test_outputs_that_have_memory_stay() -> None:
    assert separate_outputs(ReluGroup).same_as(ReluGroup)


@T.prim_func(private=True, s_tir=True)
def total(x: T.Buffer((T.int64(2), T.int64(5)), "float32"), y: T.Buffer((T.int64(2),), "float32")) -> None:
    T.func_attr({"tirx.noalias": True})
    for i, k in T.grid(T.int64(2), T.int64(5)):
        with T.sblock("total"):
            vi, vk = T.axis.remap("SR", [i, k])
            T.reads(x[vi, vk])
            T.writes(y[vi])
            with T.init():
                y[vi] = T.float32(0)
            y[vi] = y[vi] + x[vi, vk]


@T.prim_func(private=True, s_tir=True)
def total_scheduled(x: T.Buffer((T.int64(2), T.int64(5)), "float32"), y: T.Buffer((T.int64(2),), "float32")) -> None:
    T.func_attr({"tirx.noalias": True})
    for i in range(T.int64(2)):
        with T.sblock("total_init"):
            vi = T.axis.spatial(T.int64(2), i)
            T.reads()
            T.writes(y[vi])
            y[vi] = T.float32(0)
        for k in range(T.int64(5)):
            with T.sblock("total_update"):
                vi, vk = T.axis.remap("SR", [i, k])
                T.reads(y[vi], x[vi, vk])
                T.writes(y[vi])
                y[vi] = y[vi] + x[vi, vk]


def module_of(function: Any) -> tvm.IRModule:
    return tvm.IRModule({"total": function})


def test_schedule_moves_the_start_value_in_front_of_the_reduction() -> None:
    got = schedule_library(module_of(total))["total"]
    same(got.without_attr("global_symbol"), total_scheduled.without_attr("global_symbol"))


def test_schedule_leaves_functions_alone_that_are_not_the_librarys() -> None:
    own = total.without_attr("tirx.noalias")
    same(schedule_library(module_of(own)), module_of(own))


def test_passes_do_not_change_what_they_are_given() -> None:
    for apply, mod in (
        (fuse_operators, Quantized),
        (separate_outputs, Outputs),
        (lambda m: lower_operators(m, CORE), fuse_operators(ReluGroup)),
        (schedule_library, module_of(total)),
    ):
        before = mod.script()
        apply(mod)
        assert mod.script() == before


def test_replace_values_keeps_names_and_order() -> None:
    got = replace_values(Quantized, lambda _var, _value: None)
    same(got, Quantized)
    assert [str(b.var.name) for b in bindings(got["main"])] == ["c", "unused", "a", "d"]


def test_check_gives_back_a_module_that_can_be_compiled() -> None:
    assert check_module(ReluGroup).same_as(ReluGroup)
