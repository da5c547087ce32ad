# SPDX-License-Identifier: Apache-2.0
"""Operators that choose elements, matrix products and casts: what is refused, and with which reason."""

from __future__ import annotations

import numpy as np
import pytest
from stm32_emitter import ModelRefused, compile_model
from stm32_emitter.testing.tflite_writer import ModelWriter, Quant


def _refusal(writer: ModelWriter, inputs: list[int], outputs: list[int]) -> str:
    with pytest.raises(ModelRefused) as caught:
        compile_model(writer.finish(inputs, outputs))
    return str(caught.value)


def test_constant_indices_must_be_inside() -> None:
    for op, shape, options in (("GATHER", (2,), {"axis": 0}), ("GATHER_ND", (1, 2), {})):
        writer = ModelWriter()
        x = writer.tensor("x", (3, 4), "float32")
        y = writer.tensor("y", (2, 4) if op == "GATHER" else (1,), "float32")
        indices = writer.constant("indices", np.full(shape, 3, np.int32))
        writer.operator(op, [x, indices], [y], **options)
        assert "an index is outside" in _refusal(writer, [x], [y])


def test_a_list_of_unknown_length_is_refused() -> None:
    writer = ModelWriter()
    x, y = writer.tensor("x", (3, 4), "float32"), writer.tensor("y", (5, 2), "int64")
    condition = writer.tensor("condition", (3, 4), "bool")
    writer.operator("GREATER", [x, writer.constant("zero", np.zeros((), np.float32))], [condition])
    writer.operator("WHERE", [condition], [y])
    text = _refusal(writer, [x], [y])
    assert "operator 1 (WHERE)" in text
    assert "depends on the data" in text


def test_a_transposed_convolution_that_leaves_a_gap_is_refused() -> None:
    writer = ModelWriter()
    x, y = writer.tensor("x", (1, 2, 2, 1), "float32"), writer.tensor("y", (1, 9, 4, 1), "float32")
    shape = writer.constant("shape", np.array([1, 9, 4, 1], np.int32))
    weights = writer.constant("weights", np.ones((1, 2, 2, 1), np.float32))
    writer.operator("TRANSPOSE_CONV", [shape, weights, x], [y], padding="VALID", stride_h=2, stride_w=2)
    assert "larger than an input" in _refusal(writer, [x], [y])


def test_a_table_with_a_zero_point_is_refused() -> None:
    writer = ModelWriter()
    ids, y = writer.tensor("ids", (2,), "int32"), writer.tensor("y", (2, 3), "float32")
    table = writer.constant("table", np.ones((4, 3), np.int8), quant=Quant(0.5, 7))
    writer.operator("EMBEDDING_LOOKUP", [ids, table], [y])
    assert "zero point" in _refusal(writer, [ids], [y])
