# SPDX-License-Identifier: Apache-2.0
"""From a PrimFunc to the text of a C function: pointers, scratch, const, element types."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from stm32_emitter import ModelRefused, compile_model
from stm32_emitter.tir.builder import KernelBuilder, address, expression
from stm32_emitter.tir.c_source import body, c_type, signature
from stm32_emitter.tir.lowering import MAX_LOCAL_BYTES, check_element, element_bytes, lower
from tvm import relax
from tvm.script import tirx as T  # noqa: N812 - as TVM spells it


def with_local(elements: int) -> Any:
    """y = reverse(x) through a local array."""
    with KernelBuilder("mirror", macs=5) as k:
        x, y = k.input("x", (elements,), "int8"), k.output("y", (elements,), "int8")
        copy = k.local("copy", "int8", elements)
        with k.loop("i", elements) as i:
            k.store(copy, [i], x[i])
        with k.loop("j", elements) as j:
            k.store(y, [j], copy[elements - 1 - j])
    return k.kernel().function


def test_a_small_local_stays_on_the_stack() -> None:
    kernel = lower(with_local(MAX_LOCAL_BYTES), "mirror")
    assert kernel.hoisted == 0
    assert [p.name for p in kernel.parameters] == ["x", "y"]
    assert f"int8_t copy_ptr[{MAX_LOCAL_BYTES}];" in body(kernel, "mirror")


def test_a_large_local_becomes_a_parameter() -> None:
    kernel = lower(with_local(MAX_LOCAL_BYTES + 1), "mirror")
    assert kernel.hoisted == 1
    assert [(p.name, p.bytes) for p in kernel.parameters] == [("x", 65), ("y", 65), ("scratch0", 65)]
    assert "scratch0[" in body(kernel, "mirror")
    assert "copy" not in body(kernel, "mirror")


@T.prim_func(private=True, s_tir=True)
def inner_scratch(
    x: T.Buffer((T.int64(3), T.int64(100)), "float32"), y: T.Buffer((T.int64(3), T.int64(100)), "float32")
) -> None:
    """Two large locals, one of them inside a loop and a condition."""
    for r in range(T.int64(3)):
        with T.sblock("row"):
            vr = T.axis.spatial(T.int64(3), r)
            T.reads(x[vr, 0:100])
            T.writes(y[vr, 0:100])
            row = T.alloc_buffer((T.int64(100),), "float32")
            for i in range(T.int64(100)):
                row[i] = x[vr, i] * T.float32(2)
            for i in range(T.int64(100)):
                y[vr, i] = row[T.int64(99) - i]


def test_scratch_inside_a_loop_is_hoisted_and_lies_in_the_pool(host: Any) -> None:
    builder, x = relax.BlockBuilder(), relax.Var("x", relax.TensorType((3, 100), "float32"))
    own = builder.add_func(inner_scratch, "inner_scratch")
    with builder.function("main", [x]):
        with builder.dataflow():
            call = relax.op.call_tir(own, relax.Tuple([x]), relax.TensorType((3, 100), "float32"))
            out = builder.emit_output(builder.emit(call))
        builder.emit_func_output(out)
    model = compile_model(builder.get(), name="inner")
    scratch = [t for t in model.info["tensors"] if t["label"].startswith("scratch")]
    assert [t["bytes"] for t in scratch] == [400]
    assert model.planned_bytes == 3 * 400 + 400  # the output overwrites the input
    value = np.arange(300, dtype=np.float32).reshape(3, 100)
    (got,) = host.run(model, [value])
    np.testing.assert_array_equal(got, 2 * value[:, ::-1])


def test_only_written_parameters_are_not_const() -> None:
    kernel = lower(with_local(65), "mirror")
    assert signature("m_mirror_0", kernel, frozenset({1, 2})) == (
        "void m_mirror_0(const int8_t *x, int8_t *y, int8_t *scratch0)"
    )


def test_kind_and_macs_come_from_the_kernel() -> None:
    kernel = lower(with_local(8), "whatever")
    assert (kernel.kind, kernel.macs) == ("mirror", 5)


@pytest.mark.parametrize(("name", "kind"), [("conv2d3", "conv2d"), ("add", "add"), ("12", "kernel"), ("a.b-1", "a_b_")])
def test_other_functions_are_called_by_their_name(name: str, kind: str) -> None:
    assert lower(inner_scratch, name).kind == kind


def test_parameters_order_and_constants() -> None:
    with KernelBuilder("scale") as k:
        x = k.input("x", (4,), "int8")
        factor = k.constant("factor", np.arange(4, dtype=np.int32))
        y = k.output("y", (4,), "int32")
        work = k.scratch("work", 100, "int16")
        with k.loop("i", 4) as i:
            k.store(work, [i], expression("ai_k_clamp", x[i].astype("int32"), -5, 5).astype("int16"))
            k.store(y, [i], work[i].astype("int32") * factor[i])
        k.call("memset", address(work, write=True), 0, 8)
    kernel = k.kernel()
    lowered = lower(kernel.function, "scale")
    assert [(p.name, p.dtype, p.elements) for p in lowered.parameters] == [
        *(("x", "int8", 4), ("factor", "int32", 4), ("y", "int32", 4), ("work", "int16", 100)),
    ]
    assert [c.tolist() for c in kernel.constants] == [[0, 1, 2, 3]]
    assert int(kernel.function.attrs["stm32.scratch"]) == 1


def test_an_error_inside_a_kernel_is_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError), KernelBuilder("broken"):
        raise ZeroDivisionError


def test_the_body_is_plain_c(host: Any) -> None:
    kernel = lower(with_local(65), "mirror")
    text = f"{signature('mirror', kernel, frozenset({1, 2}))}\n{body(kernel, 'mirror')}"
    assert not any(word in text for word in ("TVM", "DLTensor", "void*", "packed", "malloc"))
    folder = host.folder()
    (folder / "k.c").write_text(
        f"#include <stdint.h>\n{signature('mirror', kernel, frozenset({1, 2}))};\n{text}", encoding="ascii"
    )
    host.compile("-c", folder / "k.c", "-o", folder / "k.o")


def test_element_types() -> None:
    sizes = {"bool": 1, "int8": 1, "uint8": 1, "int16": 2, "int32": 4, "float32": 4, "int64": 8, "float64": 8}
    assert {dtype: element_bytes(dtype) for dtype in sizes} == sizes
    assert [c_type(d) for d in ("int8", "bool", "float32", "float64")] == ["int8_t", "uint8_t", "float", "double"]
    with pytest.raises(ModelRefused, match=r"'x' has elements of type bfloat16, which C99 does not have\nConvert it"):
        check_element("bfloat16", "x")
