# SPDX-License-Identifier: Apache-2.0
"""From lowered Relax to the program: lifetimes, aliases, constants, names; and what other compilers say of the C."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from stm32_emitter import CompiledModel, ModelRefused, OptionError, compile_model
from stm32_emitter.codegen.model import Options
from stm32_emitter.testing.graphs import graphs
from tvm import relax
from tvm.script import tirx as T  # noqa: N812 - as TVM spells it

SHAPE = (2, 3)


def module(body: Callable[..., Any], inputs: int = 1) -> Any:
    builder = relax.BlockBuilder()
    parameters = [relax.Var(f"x{i}", relax.TensorType(SHAPE, "float32")) for i in range(inputs)]
    with builder.function("main", parameters):
        with builder.dataflow():
            out = builder.emit_output(body(builder, *parameters))
        builder.emit_func_output(out)
    return builder.get()


def lives(model: CompiledModel) -> list[tuple[int, int]]:
    return [(buffer.first, buffer.last) for buffer in model.program.buffers]


def test_lifetimes_reach_from_the_writer_to_the_last_reader() -> None:
    def body(b: Any, x: Any) -> Any:
        first = b.emit(relax.op.exp(x))  # node 0
        second = b.emit(relax.op.tanh(first))  # node 1
        third = b.emit(relax.op.sin(second))  # node 2
        return b.emit(relax.op.add(third, first))  # node 3

    assert lives(compile_model(module(body))) == [(0, 0), (0, 3), (1, 2), (2, 3), (3, 3)]


def test_an_early_output_lives_to_the_end() -> None:
    def body(b: Any, x: Any) -> Any:
        early = b.emit(relax.op.exp(x))
        return relax.Tuple([early, b.emit(relax.op.sin(b.emit(relax.op.tanh(x))))])

    assert lives(compile_model(module(body)))[1] == (0, 2)


def test_a_reshaped_tensor_is_the_same_buffer() -> None:
    def body(b: Any, x: Any) -> Any:
        flat = b.emit(relax.op.reshape(b.emit(relax.op.exp(x)), (6,)))
        wide = b.emit(relax.op.expand_dims(flat, axis=0))
        return b.emit(relax.op.tanh(b.emit(relax.op.squeeze(wide))))

    model = compile_model(module(body))
    assert len(model.program.buffers) == 3
    assert len(model.nodes) == 2


def test_equal_constants_and_kernels_are_emitted_once() -> None:
    def body(b: Any, x: Any) -> Any:
        value = np.arange(6, dtype=np.float32).reshape(SHAPE)
        first = b.emit(relax.op.add(x, relax.const(value)))
        return b.emit(relax.op.add(b.emit(relax.op.tanh(first)), relax.const(value.copy())))

    model = compile_model(module(body))
    assert [c.value.size for c in model.program.constants] == [6]
    assert len(model.program.kernels) == 2
    assert [node.kernel for node in model.nodes] == [0, 1, 0]


@T.prim_func(private=True, s_tir=True)
def two_weights(
    x: T.Buffer((T.int64(2), T.int64(3)), "float32"),
    W: T.Buffer((T.int64(3),), "float32"),  # noqa: N803 - differs from the next in case only
    w: T.Buffer((T.int64(3),), "float32"),
    y: T.Buffer((T.int64(2), T.int64(3)), "float32"),
) -> None:
    for i, j in T.grid(T.int64(2), T.int64(3)):
        with T.sblock("y"):
            vi, vj = T.axis.remap("SS", [i, j])
            y[vi, vj] = x[vi, vj] * W[vj] + w[vj]


def test_names_that_differ_in_case_only_stay_apart(host: Any) -> None:
    def body(b: Any, x: Any) -> Any:
        own = b.add_func(two_weights, "a-strange.name 7")
        factors, offsets = relax.const(np.array([2, 3, 4], np.float32)), relax.const(np.array([1, 0, 5], np.float32))
        return b.emit(relax.op.call_tir(own, relax.Tuple([x, factors, offsets]), relax.TensorType(SHAPE, "float32")))

    x = np.ones(SHAPE, np.float32)
    (got,) = host.run(compile_model(module(body), name="case"), [x])
    np.testing.assert_array_equal(got, [[3, 3, 9]] * 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimize": "fast"}, "optimize cannot be 'fast'; choose one of speed, balanced, size, ram"),
        ({"target": "m4"}, "there is no target 'm4'; choose one of"),
    ],
)
def test_bad_options_are_refused_before_anything_else(options: dict[str, str], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        compile_model(b"no model", **options)  # type: ignore[arg-type]


def test_the_defaults_are_those_of_the_options() -> None:
    model = compile_model(module(lambda b, x: b.emit(relax.op.exp(x))))
    assert Options(**model.info["options"]) == Options()
    assert model.name == "model"


def test_no_model_file_is_an_os_error(tmp_path: Any) -> None:
    with pytest.raises(FileNotFoundError):
        compile_model(tmp_path / "absent.tflite")


def test_a_call_of_another_relax_function_is_refused() -> None:
    builder = relax.BlockBuilder()
    inner = relax.Var("y", relax.TensorType(SHAPE, "float32"))
    with builder.function("helper", [inner]):
        builder.emit_func_output(builder.emit(relax.op.exp(inner)))
    x = relax.Var("x", relax.TensorType(SHAPE, "float32"))
    with builder.function("main", [x]):
        builder.emit_func_output(builder.emit(relax.Call(builder.get().get_global_var("helper"), [x])))
    with pytest.raises(ModelRefused, match="call of the function 'helper'"):
        compile_model(builder.get())


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A random int8 graph with float edges, on disk."""
    graph = next(g for g in graphs(0, 50) if "QUANTIZE" in g.operators and len(g.operators) > 6)
    return compile_model(graph.model, name="net").write(tmp_path_factory.mktemp("net") / "net")


@pytest.mark.parametrize("level", ["-O0", "-O2", "-Os"])
def test_the_cross_compiler_accepts_it(host: Any, written: Any, level: str) -> None:
    """On Cortex-M int32_t is long: other conversions than on this machine."""
    for source in sorted(written.glob("*.c")):
        flags = ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", level)
        host.compile(*flags, "-c", source, "-o", written.parent / "out.o", compiler="arm-none-eabi-gcc")


def test_the_header_is_cpp_too(host: Any, written: Any) -> None:
    import stm32_runtime_c

    (written.parent / "app.cpp").write_text(
        '#include "net.h"\nextern "C" unsigned pool_bytes() { return _NET_ACTIVATION_BYTES_ + net_network.n_nodes; }\n'
    )
    argv = [host.need("g++"), "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{stm32_runtime_c.include_dir()}"]
    result = subprocess.run(
        [*argv, f"-I{written}", str(written.parent / "app.cpp")], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_another_major_version_of_the_runtime_is_an_error(host: Any, written: Any) -> None:
    import stm32_runtime_c

    api = (stm32_runtime_c.include_dir() / "ai_runtime_api.h").read_text(encoding="utf-8")
    include = written.parent / "include"
    include.mkdir()
    for path in stm32_runtime_c.include_dir().iterdir():
        (include / path.name).write_bytes(path.read_bytes())
    assert "#define AI_API_VERSION_MAJOR 1" in api
    (include / "ai_runtime_api.h").write_text(
        api.replace("#define AI_API_VERSION_MAJOR 1", "#define AI_API_VERSION_MAJOR 2"), encoding="utf-8"
    )
    argv = [host.need("gcc"), "-fsyntax-only", f"-I{include}", str(written / "net.c")]
    result = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "compile the model again for this runtime" in result.stderr
