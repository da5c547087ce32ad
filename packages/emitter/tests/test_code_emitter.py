# SPDX-License-Identifier: Apache-2.0
"""``CodeEmitter``: its verbs and options, the emitted C under the strict flags, instances and models side by side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stm32_emitter import CodeEmitter, CompiledModel, EmitterError, ModelRefused, OptionError, UnsupportedFormatError
from tvm import relax

COMPILERS = ("gcc", "clang")
LEVELS = ("-O0", "-O2", "-Os")
RNG = np.random.default_rng(11)
WEIGHTS = RNG.normal(size=(4, 3)).astype(np.float32)
X = RNG.normal(size=(2, 4)).astype(np.float32)


def network(gain: float = 1.0) -> Any:
    """softmax(relu(x @ W) * gain), and relu(x @ W) itself."""
    builder, x = relax.BlockBuilder(), relax.Var("x", relax.TensorType((2, 4), "float32"))
    with builder.function("main", [x]):
        with builder.dataflow():
            hidden = builder.emit(relax.op.nn.relu(builder.emit(relax.op.matmul(x, relax.const(WEIGHTS)))))
            scaled = builder.emit(relax.op.multiply(hidden, relax.const(np.float32(gain))))
            out = builder.emit_output(relax.Tuple([builder.emit(relax.op.nn.softmax(scaled)), hidden]))
        builder.emit_func_output(out)
    return builder.get()


def expected(x: np.ndarray[Any, Any], gain: float = 1.0) -> list[np.ndarray[Any, Any]]:
    hidden = np.maximum(x @ WEIGHTS, 0)
    powers = np.exp(hidden * gain - (hidden * gain).max(axis=1, keepdims=True))
    return [powers / powers.sum(axis=1, keepdims=True), hidden]


def emit(folder: Path, name: str = "net", gain: float = 1.0, **options: Any) -> CompiledModel:
    emitter = CodeEmitter(**options)
    emitter.parse_module(network(gain))
    return emitter.emit_code(folder / name, name)


def assert_close(outputs: list[Any], wanted: list[Any]) -> None:
    for got, want in zip(outputs, wanted, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_it_writes_the_files_of_a_model(tmp_path: Path) -> None:
    emit(tmp_path)
    names = {path.name for path in (tmp_path / "net").iterdir()}
    assert names == {
        *("net.json", "net.params", "net.h", "net.c", "net_data.h", "net_data.c", "net_lib.c"),
        *("net_report.txt", "net_report.json", "net_report.html"),
    }


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("level", LEVELS)
def test_strict_compilers_accept_it_and_it_computes(tmp_path: Path, host: Any, compiler: str, level: str) -> None:
    model = emit(tmp_path)
    assert_close(host.run(model, [X], level, compiler=compiler), expected(X))


@pytest.mark.parametrize("inputs", [True, False])
@pytest.mark.parametrize("outputs", [True, False])
@pytest.mark.parametrize("activations", [True, False])
def test_every_placement_of_inputs_outputs_and_pool(
    tmp_path: Path, host: Any, instance: Any, inputs: bool, outputs: bool, activations: bool
) -> None:
    options = {"include_inputs": inputs, "include_outputs": outputs, "include_activations": activations}
    model = emit(tmp_path, **options)
    library = host.library([model])
    if not activations:
        assert instance(library, model).status != 0
        assert not hasattr(library, "net_activations")
    one = instance(library, model, pool=instance.pool_of(4096))
    results = [np.full(t.shape, np.nan, t.dtype) for t in model.outputs]
    if not inputs:
        one.attach("input", 0, X.copy())
    if not outputs:
        for i, array in enumerate(results):
            one.attach("output", i, array)
    if inputs:
        one.feed([X])
    assert one.call() == 0, one.error
    assert_close(results if not outputs else one.fetch(), expected(X))
    assert [entry["offset"] is None for entry in model.info["inputs"]] == [not inputs]
    assert all((entry["offset"] is None) is not outputs for entry in model.info["outputs"])


def test_external_inputs_without_memory_are_an_error(tmp_path: Path, host: Any, instance: Any) -> None:
    model = emit(tmp_path, include_inputs=False)
    one = instance(host.library([model]), model)
    assert one.status == 0
    assert one.call() != 0
    assert one.error
    one.attach("input", 0, X.copy())
    assert one.call() == 0
    assert_close(one.fetch(), expected(X))


def test_external_outputs_without_memory_are_an_error(tmp_path: Path, host: Any, instance: Any) -> None:
    model = emit(tmp_path, include_outputs=False)
    one = instance(host.library([model]), model)
    one.attach("output", 0, np.zeros((2, 3), np.float32))
    one.feed([X])
    assert one.call() != 0
    assert one.error


def test_external_tensors_make_the_pool_smaller(tmp_path: Path) -> None:
    inside = emit(tmp_path, "inside")
    outside = emit(tmp_path, "outside", include_inputs=False, include_outputs=False)
    assert outside.planned_bytes < inside.planned_bytes


def test_instances_and_models_run_interleaved(tmp_path: Path, host: Any, instance: Any) -> None:
    first, second = emit(tmp_path, "first"), emit(tmp_path, "second", gain=-2.0)
    library = host.library([first, second])
    a = instance(library, first, pool=instance.pool_of(4096))
    b = instance(library, first)
    c = instance(library, second)
    samples = [RNG.normal(size=(2, 4)).astype(np.float32) for _ in range(6)]
    for x, y, z in zip(samples, samples[1:], samples[2:], strict=False):
        a.feed([x])
        b.feed([y])
        c.feed([z])
        for one in (c, a, b):
            assert one.call() == 0, one.error
        assert_close(b.fetch(), expected(y))
        assert_close(a.fetch(), expected(x))
        assert_close(c.fetch(), expected(z, -2.0))
    assert getattr(library, "ai_second_run")(a.handle) != 0  # noqa: B009 - the instance of another model
    assert a.error


def test_compiled_with_the_observer_too(tmp_path: Path, host: Any) -> None:
    model = emit(tmp_path)
    assert_close(host.run(model, [X], "-O1", "-DAI_OBSERVER"), expected(X))


def test_the_library_format_points_to_parse_module() -> None:
    with pytest.raises(UnsupportedFormatError, match=r"parse_module\(\)"):
        CodeEmitter().parse_library_format("model.tar")


def test_emitting_without_a_module_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EmitterError, match=r"parse_module\(\)"):
        CodeEmitter().emit_code(tmp_path / "net", "net")
    assert not (tmp_path / "net").exists()


def test_an_existing_directory_is_kept_unless_forced(tmp_path: Path) -> None:
    emit(tmp_path)
    before = {path.name: path.read_bytes() for path in (tmp_path / "net").iterdir()}
    with pytest.raises(FileExistsError, match="kept"):
        emit(tmp_path, gain=3.0)
    assert {path.name: path.read_bytes() for path in (tmp_path / "net").iterdir()} == before
    emitter = CodeEmitter()
    emitter.parse_module(network(gain=3.0))
    emitter.emit_code(tmp_path / "net", "net", force=True)
    assert (tmp_path / "net" / "net.json").read_bytes() != before["net.json"]


def test_unknown_targets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"there is no target 'z80'; choose one of .*cortex-m4"):
        emit(tmp_path, target="z80")
    assert not (tmp_path / "net").exists()


def body_of(parameters: list[relax.Var], make: Callable[[relax.BlockBuilder], relax.Expr]) -> Any:
    builder = relax.BlockBuilder()
    with builder.function("main", parameters):
        with builder.dataflow():
            out = builder.emit_output(make(builder))
        builder.emit_func_output(out)
    return builder.get()


def symbolic() -> Any:
    from tvm import tirx

    x = relax.Var("x", relax.TensorType((tirx.Var("n", "int64"), 4), "float32"))
    return body_of([x], lambda b: b.emit(relax.op.add(x, x)))


def half() -> Any:
    x = relax.Var("x", relax.TensorType((2, 4), "float16"))
    return body_of([x], lambda b: b.emit(relax.op.add(x, x)))


def nothing() -> Any:
    x = relax.Var("x", relax.TensorType((0, 4), "float32"))
    return body_of([x], lambda b: b.emit(relax.op.add(x, x)))


def no_output() -> Any:
    x = relax.Var("x", relax.TensorType((2, 4), "float32"))
    return body_of([x], lambda _b: relax.Tuple([]))


def no_main() -> Any:
    builder, x = relax.BlockBuilder(), relax.Var("x", relax.TensorType((2, 4), "float32"))
    with builder.function("other", [x]):
        builder.emit_func_output(builder.emit(relax.op.add(x, x)))
    return builder.get()


def many_inputs() -> Any:
    parameters = [relax.Var(f"x{i}", relax.TensorType((1,), "float32")) for i in range(256)]
    return body_of(parameters, lambda b: b.emit(relax.op.add(parameters[0], parameters[255])))


def tuple_input() -> Any:
    x = relax.Var("x", relax.TupleType([relax.TensorType((2, 4), "float32")]))
    return body_of([x], lambda b: b.emit(x[0]))


def packed() -> Any:
    x = relax.Var("x", relax.TensorType((2, 4), "float32"))
    call = relax.op.call_dps_packed("some.extern", relax.Tuple([x]), relax.TensorType((2, 4), "float32"))
    return body_of([x], lambda b: b.emit(call))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (symbolic, r"'x' has the shape .*n.*static"),
        (half, "'x' .*float16"),
        (nothing, r"'x' .*no elements"),
        (no_output, "no output"),
        (no_main, "no function 'main'"),
        (many_inputs, "256 inputs"),
        (tuple_input, "'x' is no tensor"),
        (packed, "some.extern"),
    ],
)
def test_modules_that_cannot_be_compiled_are_refused(tmp_path: Path, make: Callable[[], Any], message: str) -> None:
    emitter = CodeEmitter()
    emitter.parse_module(make())
    with pytest.raises(ModelRefused, match=message):
        emitter.emit_code(tmp_path / "net", "net")
    assert list(tmp_path.iterdir()) == []
