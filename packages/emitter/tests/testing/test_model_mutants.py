# SPDX-License-Identifier: Apache-2.0
"""Mutants: reproducible, different from the model, and aimed at the fields they name."""

import struct

import numpy as np
import tflite
from stm32_emitter.testing.cases import cases
from stm32_emitter.testing.mutants import mutants, spots

MODEL = next(cases("CONV_2D", 1, 1)).model


def test_the_same_seed_gives_the_same_mutants() -> None:
    assert list(mutants(MODEL, 4, 50)) == list(mutants(MODEL, 4, 50))
    assert [data for _, data in mutants(MODEL, 4, 20)] != [data for _, data in mutants(MODEL, 5, 20)]


def test_every_mutant_differs_and_says_how() -> None:
    for name, data in mutants(MODEL, 0, 300):
        assert data != MODEL, name
        assert name.startswith("mutant ")


def test_spots_lie_where_the_reader_reads() -> None:
    found = {spot.name: spot for spot in spots(MODEL)}
    graph = tflite.Model.GetRootAs(MODEL).Subgraphs(0)
    expected = {
        "tensor 0 shape[1]": graph.Tensors(0).Shape(1),
        "tensor 0 type": graph.Tensors(0).Type(),
        "tensor 1 buffer": graph.Tensors(1).Buffer(),
        "tensor 0 scale[0]": graph.Tensors(0).Quantization().Scale(0),
        "tensor 0 zero point[0]": graph.Tensors(0).Quantization().ZeroPoint(0),
        "operator 0 inputs[1]": graph.Operators(0).Inputs(1),
        "operator 0 inputs length": graph.Operators(0).InputsLength(),
        "tensors length": graph.TensorsLength(),
        "operators length": graph.OperatorsLength(),
    }
    for name, value in expected.items():
        spot = found[name]
        assert np.isclose(struct.unpack_from(spot.form, MODEL, spot.position)[0], value), name
