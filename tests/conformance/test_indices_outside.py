# SPDX-License-Identifier: Apache-2.0
"""Indices outside of a tensor: where the reference stops with an error, a kernel takes the nearest element inside."""

from __future__ import annotations

import numpy as np
import pytest
from stm32_emitter.testing.reference import Reference, ReferenceRefusedError
from stm32_emitter.testing.tflite_writer import ModelWriter

from tests.conformance.batch import Stored, run_batch
from tests.conformance.toolchain import MACHINES

INDICES = np.array([[-1, 2], [5, -(2**31)], [1, 2**31 - 1]])
LAST = np.array([2, 3])
"""Of each axis of a tensor [3, 4]."""


def _model(op: str, dtype: str) -> bytes:
    writer = ModelWriter()
    x = writer.tensor("x", (3, 4), "float32")
    shape, output, version = {
        "GATHER": ((3, 2), (3, 2, 4), 7), "GATHER_ND": ((3, 2), (3,), 2), "EMBEDDING_LOOKUP": ((3,), (3, 4), 3),
    }[op]  # fmt: skip
    indices, y = writer.tensor("indices", shape, dtype), writer.tensor("y", output, "float32")
    options = {"axis": 0} if op == "GATHER" else {}
    order = [indices, x] if op == "EMBEDDING_LOOKUP" else [x, indices]
    writer.operator(op, order, [y], version=version, **options)
    return writer.finish([x, indices], [y])


@pytest.mark.parametrize("machine", ["host", "host-sanitized"])
def test_the_nearest_element_inside_is_taken(machine, tmp_path):
    models = []
    for op, dtype in (("GATHER", "int32"), ("GATHER", "int64"), ("GATHER_ND", "int32"), ("EMBEDDING_LOOKUP", "int32")):
        model, given = _model(op, dtype), INDICES[:, 0] if op == "EMBEDDING_LOOKUP" else INDICES
        x = np.arange(12, dtype=np.float32).reshape(3, 4)
        with pytest.raises(ReferenceRefusedError):
            Reference(model).run([x, given.astype(dtype)])
        inside = np.clip(given, 0, LAST if op == "GATHER_ND" else LAST[0])
        expected = tuple(Reference(model).run([x, inside.astype(dtype)]))
        models.append(Stored(f"{op.lower()}_{dtype}", model, ((x, given.astype(dtype)),), (expected,)))
    outcomes = run_batch(models, MACHINES[machine], tmp_path, together=True)
    assert [outcome.status for outcome in outcomes] == ["equal"] * len(models), outcomes
