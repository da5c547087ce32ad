# SPDX-License-Identifier: Apache-2.0
"""Activations of int16: what the random cases cannot show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from stm32_emitter import ModelRefused, compile_model
from stm32_emitter.compiler import fuse_module
from stm32_emitter.frontends.tflite.importer import import_tflite
from stm32_emitter.operators.base import kind_of, request_of
from stm32_emitter.operators.sigmoid_16 import positions, sigmoid_table
from stm32_emitter.operators.softmax_16 import exp_table, reciprocal_table
from stm32_emitter.passes.bindings import bindings
from stm32_emitter.target import target_named
from stm32_emitter.testing.tflite_writer import ModelWriter, Quant


def dense(bias_type: type) -> bytes:
    """FULLY_CONNECTED 4 -> 3 of int16."""
    writer = ModelWriter()
    x = writer.tensor("x", (1, 4), "int16", quant=Quant(1e-4, 0))
    weights = writer.constant("w", np.arange(-6, 6, dtype=np.int8).reshape(3, 4), quant=Quant(0.01, 0))
    bias = writer.constant("b", np.array([-5, 0, 70_000]).astype(bias_type), quant=Quant(1e-6, 0))
    y = writer.tensor("y", (1, 3), "int16", quant=Quant(2e-4, 0))
    writer.operator("FULLY_CONNECTED", [x, weights, bias], [y])
    return writer.finish([x], [y])


def test_a_bias_of_int32_is_widened() -> None:
    requests = []
    for bias_type in (np.int32, np.int64):
        main = fuse_module(import_tflite(dense(bias_type)))["main"]
        (call,) = [b.value for b in bindings(main) if kind_of(b.value)]
        requests.append(request_of(call, target_named("cortex-m4")))
    narrow, wide = requests
    assert narrow.attributes == wide.attributes
    for position in range(1, 5):
        np.testing.assert_array_equal(narrow.constant(position), wide.constant(position))
    assert narrow.constant(2).dtype == np.int64


def add(scales: tuple[float, float, float], *, powers: bool = True) -> bytes:
    """ADD of two tensors of int16; ``scales`` are those of both and of the result."""
    writer = ModelWriter()
    tensors = [writer.tensor(f"t{i}", (1, 8), "int16", quant=Quant(scale, 0)) for i, scale in enumerate(scales)]
    writer.operator("ADD", tensors[:2], tensors[2:], pot_scale_int16=powers)
    return writer.finish(tensors[:2], tensors[2:])


def test_powers_of_two_that_the_reference_does_not_take_are_refused() -> None:
    assert compile_model(add((0.25, 0.125, 0.25))).nodes
    for scales in ((0.25, 0.125, 0.5), (0.25, 0.125, 0.125)):
        with pytest.raises(ModelRefused, match="scales are powers of two"):
            compile_model(add(scales))
        assert compile_model(add(scales, powers=False)).nodes


def one(op: str, kinds: tuple[str, ...], **options: float) -> bytes:
    """An operator whose operands and result (the last) are of these types."""
    writer = ModelWriter()
    tensors = [writer.tensor(f"t{i}", (1, 8), kind, quant=Quant(0.25, 0)) for i, kind in enumerate(kinds)]
    writer.operator(op, tensors[:-1], tensors[-1:], **options)
    return writer.finish(tensors[:-1], tensors[-1:])


REFUSED = (
    ("RELU_N1_TO_1", ("int16", "int16"), "int16"),
    ("HARD_SWISH", ("int16", "int16"), "int16"),
    ("DIV", ("int16",) * 3, "more than 31 bits"),
    ("PRELU", ("int16",) * 3, "reference reads them"),
    ("POW", ("int32",) * 3, "beyond 32 bits"),
)


@pytest.mark.parametrize(("op", "kinds", "reason"), REFUSED)
def test_what_the_reference_does_not_define_is_refused(op: str, kinds: tuple[str, ...], reason: str) -> None:
    with pytest.raises(ModelRefused, match=reason):
        compile_model(one(op, kinds))


def test_constants_of_int16_are_computed_at_compile_time(host: Any, instance: Any) -> None:
    """What a model computes of a constant is what the kernels would compute of it."""
    models = []
    values = np.array([[-32768, -300, -1, 0, 1, 127, 300, 32767]], np.int16)
    for op in ("RELU", "RELU6", "LEAKY_RELU", "ABS", "EXP", "LOG", "GELU"):
        writer = ModelWriter()
        x = writer.tensor("x", values.shape, "int16", quant=Quant(0.001))
        y, z = (writer.tensor(name, values.shape, "int16", quant=Quant(0.002)) for name in ("y", "z"))
        total = writer.tensor("total", values.shape, "int16", quant=Quant(0.004))
        for source, target in ((x, y), (writer.constant("c", values, quant=Quant(0.001)), z)):
            writer.operator(op, [source], [target], **({"alpha": 0.1} if op == "LEAKY_RELU" else {}))
        writer.operator("SUB", [y, z], [total])
        models.append(compile_model(writer.finish([x], [total]), name=f"constant_{op.lower()}"))
    library = host.library(models)
    for model in models:
        (result,) = instance(library, model).run([values])
        assert not result.any(), model.name


def test_tables_end_where_they_should() -> None:
    assert (int(sigmoid_table()[0]), int(sigmoid_table()[255])) == (32768, 65535)
    assert int(exp_table()[512]) == 32767
    assert np.all(np.diff(exp_table()[1:].astype(int)) >= 0)
    assert (int(reciprocal_table()[0]), int(reciprocal_table()[512])) == (32767, 16384)


def test_a_scale_beyond_the_multiplier_is_refused() -> None:
    assert positions(4.0) == (49152, 0)
    with pytest.raises(ModelRefused, match="scales up to"):
        positions(6.0)
