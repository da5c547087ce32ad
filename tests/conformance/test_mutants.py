# SPDX-License-Identifier: Apache-2.0
"""Damaged models: refused with a reason, or compiled to C that a strict compiler accepts. Never a crash or a hang."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import stm32_runtime_c

from tests.conformance.toolchain import ROOT, STRICT, run

DIGITS_PARTS, EACH = 5, 50
ZOO = (
    "tflm_hello_world_int8", "tflm_micro_speech_int8", "tflm_test_conv_model_int8", "mltk_magic_wand_int8",
    "mlperf_tiny_kws_ref_int8",
)  # fmt: skip


def check(model: Path, first: int, folder: Path) -> None:
    command = [sys.executable, "-m", "tests.conformance.mutant_worker", str(model), str(first), str(EACH), str(folder)]
    lines = [json.loads(line) for line in run(command, ROOT, timeout=600).splitlines() if line.startswith("{")]
    assert len(lines) == EACH, "the worker ended early"
    wrong = [line for line in lines if line["verdict"] not in ("refused", "compiled")]
    assert not wrong, f"mutants of {model.name}:\n" + "\n".join(map(_told, wrong))
    assert all(line["detail"] for line in lines if line["verdict"] == "refused"), "a refusal without a reason"
    checked = set()
    for line in lines:
        if line["verdict"] == "compiled":
            sources = sorted((folder / str(line["seed"])).glob("*.[ch]"))
            assert sources, _told(line)
            text = b"".join(path.read_bytes() for path in sources)
            if text not in checked:  # a mutant may differ in nothing that is compiled
                _check_c(folder / str(line["seed"]), f"{model.name}, {_told(line)}")
            checked.add(text)


def _told(line: dict[str, str]) -> str:
    return f"seed {line['seed']} ({line['change']}): {line['verdict']} {line['detail']}"


def _check_c(folder: Path, what: str) -> None:
    """The three files as one, which saves two starts of the compiler."""
    (folder / "all.c").write_text("".join(f'#include "mutant{part}.c"\n' for part in ("_data", "_lib", "")))
    try:
        run(["gcc", *STRICT, "-fsyntax-only", f"-I{stm32_runtime_c.include_dir()}", "all.c"], folder, timeout=120)
    except RuntimeError as error:
        pytest.fail(f"{what}\n{error}")


@pytest.mark.parametrize("part", range(DIGITS_PARTS))
def test_mutants_of_the_example(part, digits, tmp_path):
    check(digits, part * EACH, tmp_path)


@pytest.mark.zoo
@pytest.mark.parametrize("name", ZOO)
def test_mutants_of_the_zoo(name, zoo, tmp_path):
    check(zoo / "models" / f"{name}.tflite", 0, tmp_path)
