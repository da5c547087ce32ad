# SPDX-License-Identifier: Apache-2.0
"""docs/operators.md is what scripts/operators_table.py writes, and it says what the declarations say."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from stm32_emitter.frontends.support import Limit, takes

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("operators_table", ROOT / "scripts" / "operators_table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_is_up_to_date(script: ModuleType) -> None:
    written = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")
    assert written == script.document(), "run python scripts/operators_table.py"


def test_a_row_tells_formats_reasons_and_limits(script: ModuleType) -> None:
    limit = Limit("the block is 2 x 2")
    declared = {"X": takes("int8", "float32", limits=(limit,), constants={1: "axis"}, refused={"int16": "why"})}
    rows, notes = script.tflite_rows(declared, ["X", "FILL"])
    header = [title.strip() for title in rows[0].split("|")]
    row = dict(zip(header, [value.strip() for value in rows[-1].split("|")], strict=True))
    assert (row["operator"], row["int8"], row["float32"], row["int16"]) == ("X", "exact", "1e-5", "(1)")
    assert (row["uint8"], row["folded"], row["limits"]) == ("-", "yes", "the block is 2 x 2; constant: axis")
    assert notes[0] == "1. why"
    assert rows[2].startswith("| FILL |")


def test_a_limit_that_many_have_stands_below(script: ModuleType) -> None:
    declared = dict.fromkeys("ABC", takes("int8", limits=(Limit("it is small"),)))
    rows, notes = script.tflite_rows(declared, [])
    assert all(row.endswith("| (a) |") for row in rows[2:])
    assert "- (a) it is small" in notes
