# SPDX-License-Identifier: Apache-2.0
"""`compile --explain` and `run --explain`: expected figures, then measured ones, which a later compile finds again."""

import json
from pathlib import Path
from typing import Any

import pytest
from stm32_cli.project.explain import explain_text
from stm32_cli.project.measured import from_console
from stm32_cli.project.models import find_models

BOARD = "qemu-mps2-an386"


@pytest.mark.emulator
@pytest.mark.usefixtures("cross_compiler", "emulator")
def test_measured_after_a_run(stm32, digits: Path) -> None:
    done = stm32("compile", digits, "-n", "digits", "--explain")
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1] == "not measured: stm32 build DIR --app perf, then stm32 run --explain"
    assert "measured" not in done.out.split("\n\n")[1].splitlines()[0]
    assert stm32("build", "build/models/digits", "--app", "perf").code == 0
    done = stm32("run", "--explain")
    assert done.code == 0, done.err
    assert done.err == (
        f"counting the layers of digits on {BOARD}: # s\n"
        f"stored in CWD/build/{BOARD}/stm32-measured.json; stm32 compile --explain shows it, too\n"
    )
    name, table = done.out.split("\n", 1)
    assert name == "digits"
    again = stm32("compile", digits, "-n", "digits", "--explain", "--force")
    assert again.out.split("\n\n", 1)[1] == table
    told = json.loads(stm32("compile", digits, "-n", "digits", "--explain", "--json", "--force").out)
    nodes = told["measured"]["nodes"]
    assert [node["name"] for node in nodes] == [node["name"] for node in told["nodes"]]
    assert sum(node["cycles"] for node in nodes) <= told["measured"]["total"]["cycles"]
    (as_json,) = json.loads(stm32("run", "--explain", "--json").out)
    assert as_json == told
    # Another model of the same name is not taken for it, and a build forgets what it measured before.
    assert stm32("build", "build/models/digits", "--app", "perf").code == 0
    told = json.loads(stm32("compile", digits, "-n", "digits", "--explain", "--json", "--force").out)
    assert told["measured"] is None


def test_layers_without_an_estimate_are_named() -> None:
    def node(kernel: str, cycles: int) -> dict[str, Any]:
        schedule = {"name": "plain", "description": "", "cycles": cycles}
        return {"name": "0:X", "kernel": f"m_K_{kernel}", "schedule": schedule, "macs": 0}

    some = [node("conv_2d_0", 900), node("quantize_rows_1", 0), node("quantize_rows_2", 0)]
    lines = explain_text({"nodes": some, "macs": 0}, None).splitlines()
    assert lines[-2] == "no estimate for 2 of 3 layers: quantize_rows"
    assert "900" not in next(line for line in lines if line.startswith("one inference"))
    assert "no estimate" not in explain_text({"nodes": some[:1], "macs": 0}, None)


@pytest.mark.usefixtures("cross_compiler")
def test_what_cannot_be_explained(stm32, digits: Path) -> None:
    assert stm32("compile", digits, "-n", "digits").code == 0
    assert stm32("build", "build/models/digits", "--app", "perf", "--per-layer", "-d", "a").code == 0
    done = stm32("run", "--explain", "-d", "a")
    assert (done.code, done.out) == (2, "")
    assert "cannot be counted by layer" in done.err
    assert done.err.splitlines()[-1] == "hint: build it without --per-layer, from this model"
    assert stm32("build", "--app", "perf", "-d", "b").code == 0
    done = stm32("run", "--explain", "-d", "b")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: layers are measured in SystemPerformance on a board or its emulator\n"
        "hint: build it with: stm32 build MODEL_DIR --app perf, for a real board with --per-layer\n"
    )


@pytest.mark.usefixtures("cross_compiler", "emulator")
def test_what_a_board_prints_is_read(stm32, tmp_path: Path, digits: Path) -> None:
    """The console of a --per-layer build; the emulator's counts instructions, so the word is replaced."""
    assert stm32("compile", digits, "-n", "digits", "-o", "m").code == 0
    assert stm32("build", "m", "--app", "perf", "--per-layer", "-d", "b").code == 0
    text = stm32("run", "-d", "b").out.replace("instructions", "cycles")
    models = find_models(tmp_path / "m")
    (found,) = from_console("a-board", models, text)
    assert [layer.name for layer in found.nodes] == [node["name"] for node in models[0].info["nodes"]]
    assert sum(layer.cycles for layer in found.nodes) == found.total.cycles > 0
    cut = text[: text.index("  sum ")]
    assert from_console("a-board", models, cut) == []
