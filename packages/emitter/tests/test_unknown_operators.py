# SPDX-License-Identifier: Apache-2.0
"""Operators without converter are refused with what helps; shape arithmetic on constants is done while importing."""

from __future__ import annotations

import numpy as np
import pytest
from stm32_emitter import ModelRefused, compile_model
from stm32_emitter.frontends.tflite.importer import import_tflite
from stm32_emitter.testing.tflite_writer import ModelWriter


def model(op: str) -> bytes:
    writer = ModelWriter()
    x, y = (writer.tensor(name, (1,), "float32") for name in ("x", "y"))
    if op.startswith("CUSTOM "):
        writer.custom(op.removeprefix("CUSTOM "), [x], [y])
    else:
        writer.operator(op, [x] * (3 if op == "RANGE" else 1), [y])
    return writer.finish([x], [y])


@pytest.mark.parametrize(
    ("op", "helps"),
    [
        ("WHILE", "unroll=True"),
        ("IF", "tf.where"),
        ("RANGE", "constant shapes"),
        ("CUSTOM FlexErf", "TFLITE_BUILTINS"),
        ("CUSTOM Mine", "--plugin"),
    ],
)
def test_the_refusal_says_what_helps(op: str, helps: str) -> None:
    with pytest.raises(ModelRefused, match=helps) as refusal:
        compile_model(model(op))
    assert op in str(refusal.value)


def folded(op: str, *values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """What an operator on constants gives, as the value of the only constant of the module."""
    writer = ModelWriter()
    dtype = values[0].dtype.name
    x, y, z = writer.tensor("x", shape, dtype), writer.tensor("y", shape, dtype), writer.tensor("z", shape, dtype)
    writer.operator(op, [writer.constant(f"c{i}", value) for i, value in enumerate(values)], [y])
    writer.operator("MAXIMUM", [x, y], [z], version=1)
    (binding,) = import_tflite(writer.finish([x], [z]))["main"].body.blocks[0].bindings[:1]
    return binding.value.args[1].value.numpy()


def test_a_range_of_float32_adds_up_with_rounding_as_the_reference_does() -> None:
    found = folded("RANGE", *(np.array(v, np.float32) for v in (0.0, 1.0, 0.1)), shape=(10,))
    steps = [np.float32(0.0)]
    while len(steps) < 10:
        steps.append(np.float32(steps[-1] + np.float32(0.1)))
    np.testing.assert_array_equal(found, np.array(steps, np.float32))
    assert found[8] != np.float32(0.8)


def test_shapes_that_broadcast_are_computed() -> None:
    found = folded("BROADCAST_ARGS", np.array([2, 1], np.int32), np.array([3, 1, 4], np.int32), shape=(3,))
    np.testing.assert_array_equal(found, [3, 2, 4])
