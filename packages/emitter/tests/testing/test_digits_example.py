# SPDX-License-Identifier: Apache-2.0
"""The committed digit model: its stored outputs are the reference's, and it is as accurate as its README says."""

from pathlib import Path

import numpy as np
import pytest
from stm32_emitter.testing.reference import Reference

FOLDER = Path(__file__).resolve().parents[4] / "examples" / "digits"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the examples are not beside this package")


def test_outputs_and_accuracy() -> None:
    pytest.importorskip("ai_edge_litert")
    model = (FOLDER / "digits_int8.tflite").read_bytes()
    samples = np.load(FOLDER / "digits_test.npz")
    reference = Reference(model)
    outputs = np.stack([reference.run([sample])[0] for sample in samples["in0"]])
    assert np.array_equal(outputs, samples["out0"])
    correct = int((outputs[:, 0].argmax(-1) == samples["labels"]).sum())
    assert (len(outputs), correct) == (400, 395)
    assert len(model) < 30_000
