# SPDX-License-Identifier: Apache-2.0
"""Number formats that are not declared: refused by name, and without a form in the reference unless a reason is given.

What docs/operators.md shows as `-` is what :func:`undeclared` lists; the reference interpreter is asked about each. It
may end its process over a model that it does not check, so it runs in one of its own (``reference_worker.py``).
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from stm32_emitter import ModelRefused, compile_model
from stm32_emitter.frontends.support import NO_REFERENCE
from stm32_emitter.frontends.tflite.converters import SUPPORT
from stm32_emitter.testing.cases import DTYPES, GENERATORS, any_case

ROOT = Path(__file__).resolve().parents[2]
WITH_WEIGHTS = {
    *("BATCH_MATMUL", "BIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_RNN", "CONV_2D", "DEPTHWISE_CONV_2D"),
    *("EMBEDDING_LOOKUP", "FULLY_CONNECTED", "RNN", "SVDF", "TRANSPOSE_CONV", "UNIDIRECTIONAL_SEQUENCE_LSTM"),
    "UNIDIRECTIONAL_SEQUENCE_RNN",
}
"""The other operators have nothing that could be int4 or int8 beside other activations."""
UNWRITTEN = {
    ("SVDF", "uint8"), ("SVDF", "int4"), ("SVDF", "bool"),
    *(("UNIDIRECTIONAL_SEQUENCE_LSTM", dtype) for dtype in ("int4", "int32", "int64", "bool")),
}  # fmt: skip
"""Of these a generator makes no model, or one of another format."""


def undeclared():
    """(operator, format) without a form in the reference, as the declarations say."""
    for op in sorted(set(GENERATORS) & set(SUPPORT)):
        for dtype in DTYPES:
            known = SUPPORT[op].reason(dtype) != NO_REFERENCE or (op, dtype) in UNWRITTEN
            if not known and (dtype not in ("hybrid", "int4") or op in WITH_WEIGHTS):
                yield op, dtype


@pytest.mark.parametrize(("op", "dtype"), [("DIV", "int16"), ("ELU", "int16"), ("POW", "int32"), ("PACK", "bool")])
def test_a_format_that_is_not_declared_is_refused(op, dtype):
    with pytest.raises(ModelRefused, match=rf"operator \d \({op}\) 'output'"):
        compile_model(any_case(op, 0, dtype).model)


def test_the_reference_has_no_form_in_formats_that_are_refused_for_that(tmp_path):
    pytest.importorskip("ai_edge_litert")
    asked = list(undeclared())
    assert len(asked) > 100
    request = tmp_path / "asked.json"
    request.write_text(json.dumps(asked), encoding="utf-8")
    command = [sys.executable, "-m", "tests.conformance.reference_worker", str(request)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    assert [answer[:2] for answer in answers] == [list(pair) for pair in asked], done.stderr[-2000:]
    accepted = [f"{op} {dtype}" for op, dtype, refusal in answers if not refusal]
    assert not accepted, f"the reference computes {', '.join(accepted)}; declare them, or say why they are refused"
