# SPDX-License-Identifier: Apache-2.0
"""Hybrid recurrent layers give the reference interpreter's floats to the last bit, as their states are quantized again.

The bits are those of the interpreter on x86, whose vector code the kernels follow.
"""

from __future__ import annotations

import platform

import numpy as np
import pytest
from stm32_emitter.testing.cases import cases
from stm32_emitter.testing.reference import Reference

from tests.conformance.batch import Stored, run_batch
from tests.conformance.toolchain import MACHINES

OPERATORS = (
    *("BIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_RNN", "RNN"),
    *("UNIDIRECTIONAL_SEQUENCE_LSTM", "UNIDIRECTIONAL_SEQUENCE_RNN"),
)
COUNTS = {"host": 4, "mps2-an386": 2}

pytestmark = pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the bits of x86")


def stored(op: str, count: int) -> list[Stored]:
    """Cases whose expected floats are given as the integers with the same bits."""
    found = []
    for case in cases(op, 1000, count, "hybrid"):
        reference = Reference(case.model, keep_all=True)
        runs = [[np.array(y).view(np.int32) for y in reference.run(list(inputs))] for inputs in case.inputs]
        found.append(Stored(case.name, case.model, case.inputs, tuple(tuple(run) for run in runs)))
    return found


@pytest.mark.parametrize("machine", COUNTS)
def test_every_bit_is_that_of_the_reference(machine, tmp_path) -> None:
    models = [model for op in OPERATORS for model in stored(op, COUNTS[machine])]
    outcomes = run_batch(models, MACHINES[machine], tmp_path)
    assert [o for o in outcomes if o.status != "equal"] == []
    assert sum(o.compared for o in outcomes) > 1000 * COUNTS[machine]
