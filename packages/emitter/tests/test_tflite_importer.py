# SPDX-License-Identifier: Apache-2.0
"""The importer: names, inputs and outputs, unknown batch sizes, refusals with the operator's place."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stm32_emitter import ModelRefused, compile_model
from stm32_emitter.frontends.tflite import import_tflite
from stm32_emitter.model_info import info_of
from stm32_emitter.testing.tflite_writer import ModelWriter, Quant
from tvm import relax

Q = Quant(0.5, 1)
NAMES = (
    *("serving_default_x:0", "a;b/c d", "grün/層/ñ", '"quoted" \\ %s%n', "*/ end /* start", "line\nbreak\ttab"),
    *("1digit", "int", "same", "same", "", "??/", "\x01\x7f", "🙂", "x" * 300),
)


def chain(names: tuple[str, ...]) -> bytes:
    """RELU after RELU over tensors with these names."""
    w = ModelWriter()
    tensors = [w.tensor(name, (1, 4), "int8", quant=Q) for name in names]
    for source, target in itertools.pairwise(tensors):
        w.operator("RELU", [source], [target])
    return w.finish([tensors[0]], [tensors[-1]])


@pytest.mark.parametrize("name", NAMES)
def test_any_name_compiles_and_is_kept(host: Any, name: str) -> None:
    model = compile_model(chain((name, name, name)), name="names")
    assert model.outputs[0].name == (name or "tensor_2")
    assert model.inputs[0].name == (name or "tensor_0")
    library = host.library([model], "-O0", "-DAI_OBSERVER")
    assert library.ai_names_run(None) != 0


def test_the_compiled_descriptor_has_the_names_byte_for_byte(host: Any) -> None:
    for first, last in (("grün/層", '"\\??/'), ("line\nbreak", "\x01a")):
        model = compile_model(chain((first, "b", last)), name="names")
        built = Path(host.library([model], "-O0")._name).read_bytes()
        assert first.encode() + b"\0" in built
        assert last.encode() + b"\0" in built
        model.files["names.c"].decode("ascii")  # octal escapes only


def test_repeated_names_are_told_apart() -> None:
    module = import_tflite(chain(("same",) * 4))
    names = [str(binding.var.name) for block in module["main"].body.blocks for binding in block.bindings]
    assert len(set(names)) == len(names)
    assert [info_of(module).sources[f"op{i}"].output for i in range(3)] == ["same"] * 3


def several() -> bytes:
    w = ModelWriter()
    a = w.tensor("a", (1, 4), "int8", quant=Quant(0.5, 1))
    b = w.tensor("b", (1, 4), "int8", quant=Quant(0.25, -2))
    total = w.tensor("sum", (1, 4), "int8", quant=Quant(1.0, 3))
    product = w.tensor("product", (1, 4), "int8", quant=Quant(2.0, 0))
    w.operator("ADD", [a, b], [total])
    w.operator("MUL", [total, a], [product])
    return w.finish([b, a], [product, total])


def test_several_inputs_and_outputs_in_the_files_order(host: Any) -> None:
    model = compile_model(several(), name="several")
    assert [t.name for t in model.inputs] == ["b", "a"]
    assert [t.name for t in model.outputs] == ["product", "sum"]
    assert [(t.scale, t.zero_point) for t in model.inputs] == [((0.25,), (-2,)), ((0.5,), (1,))]
    a, b = np.array([[3, -5, 11, 127]], np.int8), np.array([[2, 6, -2, 10]], np.int8)
    product, total = host.run(model, [b, a])
    real = (a - 1.0) * 0.5 + (b + 2.0) * 0.25
    assert np.abs(total - np.clip(np.round(real) + 3, -128, 127)).max() <= 1
    assert np.abs(product - np.clip(np.round((total - 3.0) * (a - 1.0) * 0.5 / 2), -128, 127)).max() <= 1


def test_an_unknown_batch_takes_the_value_in_shape(host: Any) -> None:
    w = ModelWriter()
    x = w.tensor("x", (1, 4), "int8", quant=Q, signature=(-1, 4))
    y = w.tensor("y", (1, 4), "int8", quant=Q, signature=(-1, 4))
    w.operator("RELU", [x], [y])
    model = compile_model(w.finish([x], [y]), name="batch")
    assert model.inputs[0].shape == (1, 4)
    (out,) = host.run(model, [np.array([[-7, 0, 1, 9]], np.int8)])
    assert out.tolist() == [[1, 1, 1, 9]]


def test_every_operator_keeps_its_place_in_the_model() -> None:
    model = compile_model(several(), name="several")
    assert [(node.name, node.source_ops) for node in model.nodes] == [("0:ADD", (0,)), ("1:MUL", (1,))]
    assert [o.tensor.name for node in model.nodes for o in node.outputs] == ["sum", "product"]


def test_a_shape_that_depends_on_data_is_refused() -> None:
    w = ModelWriter()
    x = w.tensor("x", (1, 4), "int8", quant=Q)
    shape = w.tensor("wanted", (2,), "int32")
    y = w.tensor("y", (2, 2), "int8", quant=Q)
    w.operator("RESHAPE", [x, shape], [y])
    with pytest.raises(ModelRefused, match=r"operator 0 \(RESHAPE\) 'y': its shape 'wanted' is computed at run time"):
        compile_model(w.finish([x, shape], [y]))


def test_a_declared_shape_that_is_not_computed_is_refused() -> None:
    w = ModelWriter()
    x = w.tensor("x", (1, 4), "int8", quant=Q)
    y = w.tensor("y", (1, 5), "int8", quant=Q)
    w.operator("RELU", [x], [y])
    with pytest.raises(ModelRefused, match=r"operator 0 \(RELU\) 'y': the file declares int8\[1, 5\]"):
        compile_model(w.finish([x], [y]))


def test_an_operator_without_options_where_it_needs_them_is_refused() -> None:
    w = ModelWriter()
    x = w.tensor("x", (1, 4), "int8", quant=Q)
    y = w.tensor("y", (1, 4), "int8", quant=Q)
    w.operator("RELU", [x], [y])
    w.operators[0] = type(w.operators[0])("SOFTMAX", (x,), (7,), {}, 2)
    with pytest.raises(ModelRefused, match=r"operator 0 \(SOFTMAX\)"):
        compile_model(w.finish([x], [y]))


def test_all_problems_of_a_model_are_told_at_once() -> None:
    w = ModelWriter()
    x = w.tensor("x", (1, 4), "int8", quant=Q)
    shape = w.tensor("wanted", (2,), "int32")
    kinds = {"a": "int8", "b": "int16", "c": "int8"}  # no kernel computes RELU from one to the other
    tensors = [w.tensor(name, (1, 4), dtype, quant=Quant(0.5, 0)) for name, dtype in kinds.items()]
    square = w.tensor("square", (2, 2), "int8", quant=Q)
    y = w.tensor("y", (1, 2, 2), "int8", quant=Q)
    for source, target in itertools.pairwise([x, *tensors]):
        w.operator("RELU", [source], [target])
    w.operator("RESHAPE", [tensors[-1], shape], [square])
    w.operator("RELU", [square], [y])  # declares another shape than it computes
    with pytest.raises(ModelRefused) as caught:
        compile_model(w.finish([x, shape], [y]))
    problems = caught.value.problems
    assert [(p.index, p.operator, p.name) for p in problems] == [
        (1, "RELU", "b"), (2, "RELU", "c"), (3, "RESHAPE", "square"), (4, "RELU", "y"),
    ]  # fmt: skip
    assert str(caught.value).splitlines()[0] == "the model cannot be compiled, for 4 reasons:"
    for problem in problems:
        assert str(problem).splitlines()[0] in str(caught.value)
        assert problem.hint is None or problem.hint in str(caught.value)


def test_the_imported_form_is_canonical() -> None:
    w = ModelWriter()
    x = w.tensor("x", (1, 4), "int8", quant=Quant(0.5, 1))
    y = w.tensor("y", (1, 4), "int8", quant=Quant(0.25, -2))
    w.operator("RELU", [x], [y])
    text = import_tflite(w.finish([x], [y])).script()
    order = [text.index(name) for name in ("R.dequantize(", "R.nn.relu(", "R.quantize(")]
    assert order == sorted(order)
    assert "op0" in text
    assert isinstance(import_tflite(w.finish([x], [y]))["main"], relax.Function)
