# SPDX-License-Identifier: Apache-2.0
"""Models of uint8 are computed as int8, and look like uint8 from outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from stm32_emitter import compile_model
from stm32_emitter.compiler import fuse_module
from stm32_emitter.frontends.tflite.importer import import_tflite
from stm32_emitter.operators.base import kind_of, request_of
from stm32_emitter.passes.bindings import bindings
from stm32_emitter.target import target_named
from stm32_emitter.testing.cases import cases
from stm32_emitter.testing.reference import Reference
from stm32_emitter.testing.tflite_writer import ModelWriter, Quant


def dense_model(zero_point: int, rng: np.random.Generator) -> bytes:
    """FULLY_CONNECTED 8 -> 6 of uint8, RESHAPE, LOGISTIC; the weights have this zero point."""
    writer = ModelWriter()
    x = writer.tensor("x", (2, 8), "uint8", quant=Quant(0.02, 100))
    weights = writer.constant("w", rng.integers(0, 256, (6, 8)).astype(np.uint8), quant=Quant(0.01, zero_point))
    bias = writer.constant("b", rng.integers(-500, 500, 6).astype(np.int32), quant=Quant(0.0002, 0))
    hidden = writer.tensor("hidden", (2, 6), "uint8", quant=Quant(0.05, 120))
    writer.operator("FULLY_CONNECTED", [x, weights, bias], [hidden])
    flat = writer.tensor("flat", (3, 4), "uint8", quant=Quant(0.05, 120))
    shape = writer.constant("shape", np.array([3, 4], np.int32))
    writer.operator("RESHAPE", [hidden, shape], [flat], new_shape=[3, 4])
    y = writer.tensor("y", (3, 4), "uint8", quant=Quant(1 / 256, 0))
    writer.operator("LOGISTIC", [flat], [y])
    return writer.finish([x], [y])


@pytest.mark.parametrize(("zero_point", "dtype"), [(128, "int8"), (90, "int16")])
def test_weights_are_int8_where_they_fit(zero_point: int, dtype: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    main = fuse_module(import_tflite(dense_model(zero_point, rng)))["main"]
    calls = [b.value for b in bindings(main) if kind_of(b.value)]
    assert [kind_of(call) for call in calls] == ["REQUANTIZE", "FULLY_CONNECTED", "LOGISTIC", "REQUANTIZE"]
    request = request_of(calls[1], target_named("cortex-m4"))
    assert request.inputs[1].dtype == dtype
    assert request.output.dtype == "int8"


@pytest.mark.parametrize("zero_point", [128, 90])
def test_an_observer_sees_uint8(observed: Callable[..., Any], seed: int, zero_point: int) -> None:
    rng = np.random.default_rng(seed)
    data = dense_model(zero_point, rng)
    model = compile_model(data, name=f"dense{zero_point}")
    inputs = (rng.integers(0, 256, (2, 8)).astype(np.uint8),)
    reference = Reference(data, keep_all=True)
    (expected,) = reference.run(inputs)
    seen = observed(model, inputs)
    hidden = next(t for t in reference.tensors().values() if t.dtype == np.uint8 and t.shape == (2, 6) and t.size == 12)
    assert seen[0].dtype == np.uint8
    np.testing.assert_array_equal(seen[0], hidden)
    np.testing.assert_array_equal(seen[2], expected)
    assert [entry.dtype for entry in (*model.inputs, *model.outputs)] == ["uint8", "uint8"]


def test_uint8_that_is_only_moved_or_rescaled_stays(seed: int) -> None:
    for op in ("RESHAPE", "QUANTIZE", "DEQUANTIZE"):
        for case in cases(op, seed % 1000, 5, "uint8"):
            names = [node.name for node in compile_model(case.model).nodes]
            assert len(names) <= 1, (case.name, names)
