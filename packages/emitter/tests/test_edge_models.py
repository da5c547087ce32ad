# SPDX-License-Identifier: Apache-2.0
"""Models at the edges of what a graph can be: compiled, built under the strict flags, run, compared with numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from stm32_emitter import compile_model
from stm32_emitter.testing.tflite_writer import ModelWriter, Quant
from tvm import relax

Q = Quant(0.5, -3)


def add_one(dtype: str = "float32", shape: tuple[int, ...] = (2, 3)) -> Any:
    """A Relax module x -> x + 1."""
    return module([(shape, dtype)], lambda b, x: b.emit(relax.op.add(x, relax.const(1, dtype))))


def module(inputs: list[tuple[tuple[int, ...], str]], body: Callable[..., Any]) -> Any:
    """A Relax module whose function main is made by ``body(builder, *inputs)``, which gives the result."""
    builder = relax.BlockBuilder()
    parameters = [relax.Var(f"x{i}", relax.TensorType(s, d)) for i, (s, d) in enumerate(inputs)]
    with builder.function("main", parameters):
        with builder.dataflow():
            result = body(builder, *parameters)
            fields = relax.Tuple(list(result)) if isinstance(result, tuple) else result
            output = builder.emit_output(fields)
        builder.emit_func_output(output)
    return builder.get()


def check(host: Any, mod: Any, inputs: list[Any], expected: list[Any], **options: Any) -> Any:
    compiled = compile_model(mod, name="edge", **options)
    outputs = host.run(compiled, inputs)
    assert len(outputs) == len(expected)
    for got, want in zip(outputs, expected, strict=True):
        assert got.dtype == np.asarray(want).dtype
        assert got.shape == np.asarray(want).shape
        np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6)
    return compiled


X = np.arange(6, dtype=np.float32).reshape(2, 3) - 2


def test_a_model_without_parameters(host: Any) -> None:
    mod = module([((2, 3), "float32")], lambda b, x: b.emit(relax.op.nn.relu(x)))
    compiled = check(host, mod, [X], [np.maximum(X, 0)])
    assert compiled.params_size == 0
    assert b"return NULL;" in compiled.files["edge_data.c"]


def test_a_reshape_as_the_last_node(host: Any) -> None:
    def body(b: Any, x: Any) -> Any:
        return b.emit(relax.op.reshape(b.emit(relax.op.add(x, x)), (3, 2)))

    check(host, module([((2, 3), "float32")], body), [X], [(2 * X).reshape(3, 2)])


def test_nothing_but_a_reshape(host: Any) -> None:
    mod = module([((2, 3), "float32")], lambda b, x: b.emit(relax.op.reshape(x, (6,))))
    check(host, mod, [X], [X.reshape(6)])


def test_an_output_that_is_an_input(host: Any) -> None:
    mod = module([((2, 3), "float32")], lambda b, x: (x, b.emit(relax.op.add(x, x))))
    check(host, mod, [X], [X, 2 * X])


def test_an_output_that_is_an_input_alone(host: Any) -> None:
    check(host, module([((2, 3), "float32")], lambda _b, x: x), [X], [X])


def test_an_output_that_is_consumed_further(host: Any) -> None:
    def body(b: Any, x: Any) -> Any:
        y = b.emit(relax.op.add(x, x))
        z = b.emit(relax.op.multiply(y, y))
        return y, b.emit(relax.op.subtract(z, x))

    check(host, module([((2, 3), "float32")], body), [X], [2 * X, 4 * X * X - X])


def test_an_output_that_is_a_reshape_of_another(host: Any) -> None:
    def body(b: Any, x: Any) -> Any:
        y = b.emit(relax.op.add(x, x))
        return b.emit(relax.op.reshape(y, (6,))), y

    check(host, module([((2, 3), "float32")], body), [X], [(2 * X).reshape(6), 2 * X])


def test_a_constant_output(host: Any) -> None:
    value = np.array([1, -2, 3], np.float32)
    mod = module([((2, 3), "float32")], lambda b, x: (b.emit(relax.op.add(x, x)), relax.const(value)))
    check(host, mod, [X], [2 * X, value])


def test_nothing_but_a_constant_output(host: Any) -> None:
    value = np.array([1, -2, 3], np.int32)
    check(host, module([], lambda b: b.emit(relax.const(value))), [], [value])


def test_duplicated_outputs(host: Any) -> None:
    def body(b: Any, x: Any) -> Any:
        y = b.emit(relax.op.add(x, x))
        return y, y, x, x

    check(host, module([((2, 3), "float32")], body), [X], [2 * X, 2 * X, X, X])


def test_a_model_without_inputs(host: Any) -> None:
    value = np.array([1, -2, 3], np.float32)
    mod = module([], lambda b: b.emit(relax.op.nn.relu(relax.const(value))))
    check(host, mod, [], [np.maximum(value, 0)])


def test_an_unused_input(host: Any) -> None:
    mod = module([((2, 3), "float32"), ((4,), "int8")], lambda b, x, _y: b.emit(relax.op.add(x, x)))
    check(host, mod, [X, np.zeros(4, np.int8)], [2 * X])


def test_scalars(host: Any) -> None:
    check(host, add_one("float32", ()), [np.float32(2.5)], [np.float32(3.5)])


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "int64", "float32", "float64"])
def test_every_element_type(host: Any, dtype: str) -> None:
    x = np.array([[1, 2, 3], [100, 0, 7]], dtype)
    check(host, add_one(dtype), [x], [x + np.dtype(dtype).type(1)])


def test_booleans(host: Any) -> None:
    def body(b: Any, x: Any, y: Any) -> Any:
        return b.emit(relax.op.logical_and(x, y)), b.emit(relax.op.logical_not(x))

    x, y = np.array([True, True, False]), np.array([True, False, True])
    check(host, module([((3,), "bool"), ((3,), "bool")], body), [x, y], [x & y, ~x])


def test_a_comparison_gives_booleans(host: Any) -> None:
    mod = module([((2, 3), "float32")], lambda b, x: b.emit(relax.op.greater(x, relax.const(0.0, "float32"))))
    check(host, mod, [X], [X > 0])


def test_two_outputs_of_one_operator(host: Any) -> None:
    def body(b: Any, x: Any) -> Any:
        parts = b.emit(relax.op.split(x, 3, axis=1))
        return b.emit(parts[2]), b.emit(parts[0])

    check(host, module([((2, 3), "float32")], body), [X], [X[:, 2:], X[:, :1]])


def test_external_inputs_and_outputs_of_edge_graphs(host: Any, instance: Any) -> None:
    mod = module([((2, 3), "float32")], lambda b, x: (x, b.emit(relax.op.reshape(x, (6,)))))
    model = compile_model(mod, name="edge", include_inputs=False, include_outputs=False)
    one = instance(host.library([model]), model)
    first, second, x = np.zeros((2, 3), np.float32), np.zeros(6, np.float32), X.copy()
    for kind, index, array in (("input", 0, x), ("output", 0, first), ("output", 1, second)):
        one.attach(kind, index, array)
    assert one.call() == 0, one.error
    np.testing.assert_array_equal(first, X)
    np.testing.assert_array_equal(second, X.reshape(6))


def tflite(op: str, shape: tuple[int, ...], out: tuple[int, ...], dtype: str = "int8", **options: Any) -> bytes:
    writer = ModelWriter()
    quant = Q if dtype == "int8" else None
    x = writer.tensor("x", shape, dtype, quant=quant)
    y = writer.tensor("y", out, dtype, quant=quant)
    inputs = [x]
    if op == "RESHAPE":
        inputs.append(writer.constant("shape", np.asarray(out, np.int32)))
    writer.operator(op, inputs, [y], **options)
    return writer.finish([x], [y])


def test_a_tflite_reshape_alone(host: Any) -> None:
    x = np.arange(6, dtype=np.int8).reshape(1, 6)
    check(host, tflite("RESHAPE", (1, 6), (2, 3)), [x], [x.reshape(2, 3)])


def test_a_tflite_graph_whose_output_is_its_input(host: Any) -> None:
    writer = ModelWriter()
    x = writer.tensor("x", (1, 4), "int8", quant=Q)
    c = writer.constant("c", np.array([[9, 8]], np.int8), quant=Q)
    model = writer.finish([x], [x, c, x])
    value = np.array([[1, 2, -3, 4]], np.int8)
    compiled = check(host, model, [value], [value, np.array([[9, 8]], np.int8), value])
    assert [t.name for t in compiled.outputs] == ["x", "c", "x"]


def test_a_tflite_scalar(host: Any) -> None:
    check(host, tflite("RELU", (), (), dtype="float32"), [np.float32(-1)], [np.float32(0)])
