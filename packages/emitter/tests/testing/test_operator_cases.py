# SPDX-License-Identifier: Apache-2.0
"""Random operator cases: reproducible by seed, and every one accepted by the reference interpreter."""

import numpy as np
import pytest
import tflite
from stm32_emitter.frontends.tflite.converters import SUPPORT
from stm32_emitter.frontends.tflite.custom import CUSTOM
from stm32_emitter.testing.cases import DTYPES, GENERATORS, cases, operators
from stm32_emitter.testing.reference import Reference
from stm32_emitter.testing.tflite_options import OPERATORS

SEEDS = 25
REFUSED = {"BROADCAST_ARGS", "IF", "RANGE", "WHERE", "WHILE"}
"""Without constants, how many elements they give depends on the data, or what is computed at all."""


def test_there_are_cases_for_every_operator() -> None:
    custom = {op for op in SUPPORT if op.startswith(CUSTOM)}
    assert set(GENERATORS) == (set(OPERATORS) | custom) - REFUSED


def test_there_are_cases_for_every_format_that_is_declared() -> None:
    declared = {(op, dtype) for op, support in SUPPORT.items() for dtype in support.formats}
    assert declared <= {(op, dtype) for dtype in DTYPES for op in operators(dtype)}


@pytest.mark.parametrize("op", operators())
def test_a_case_depends_on_its_seed_only(op: str) -> None:
    several = list(cases(op, 3, 4))
    (alone,) = cases(op, 5, 1)
    assert alone.model == several[2].model
    for left, right in zip(alone.inputs, several[2].inputs, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))
    assert len({case.model for case in several}) > 1


@pytest.mark.parametrize(("op", "dtype"), [(op, dtype) for dtype in DTYPES for op in operators(dtype)])
def test_the_reference_accepts_every_case(op: str, dtype: str) -> None:
    pytest.importorskip("ai_edge_litert")
    for case in cases(op, 0, SEEDS, dtype):
        reference = Reference(case.model)
        graph = tflite.Model.GetRootAs(case.model).Subgraphs(0)
        written = graph.Tensors(graph.Outputs(0))
        shape = tuple(written.ShapeAsNumpy()) if written.ShapeLength() else ()
        assert tuple(reference.outputs[0]["shape"]) == shape, case.name
        for inputs in case.inputs:
            assert all(output.size for output in reference.run(inputs)), case.name


def test_an_unknown_operator_or_dtype_is_refused() -> None:
    with pytest.raises(ValueError, match="no cases for LSTM"):
        next(cases("LSTM", 0, 1))
    with pytest.raises(ValueError, match="dtype 'int2'"):
        next(cases("ADD", 0, 1, "int2"))
    with pytest.raises(ValueError, match="no int4 cases for ADD; there are for CONV_2D"):
        next(cases("ADD", 0, 1, "int4"))
