# SPDX-License-Identifier: Apache-2.0
"""Activations of int16: what the random cases cannot show."""

from __future__ import annotations

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


def add(scales: tuple[float, float, float]) -> bytes:
    """ADD of two tensors of int16; ``scales`` are those of both and of the result."""
    writer = ModelWriter()
    tensors = [writer.tensor(f"t{i}", (1, 8), "int16", quant=Quant(scale, 0)) for i, scale in enumerate(scales)]
    writer.operator("ADD", tensors[:2], tensors[2:])
    return writer.finish(tensors[:2], tensors[2:])


def test_powers_of_two_that_the_reference_does_not_take_are_refused() -> None:
    assert compile_model(add((0.25, 0.125, 0.25))).nodes
    for scales in ((0.25, 0.125, 0.5), (0.25, 0.125, 0.125)):
        with pytest.raises(ModelRefused, match="scales are powers of two"):
            compile_model(add(scales))


def test_tables_end_where_they_should() -> None:
    assert (int(sigmoid_table()[0]), int(sigmoid_table()[255])) == (32768, 65535)
    assert int(exp_table()[512]) == 32767
    assert np.all(np.diff(exp_table()[1:].astype(int)) >= 0)
    assert (int(reciprocal_table()[0]), int(reciprocal_table()[512])) == (32767, 16384)


def test_a_scale_beyond_the_multiplier_is_refused() -> None:
    assert positions(4.0) == (49152, 0)
    with pytest.raises(ModelRefused, match="scales up to"):
        positions(6.0)
