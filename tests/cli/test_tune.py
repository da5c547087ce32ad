# SPDX-License-Identifier: Apache-2.0
"""`stm32 tune` on the emulator, and that compile uses what it kept; refusals by whole message."""

import json
from pathlib import Path

import pytest


@pytest.mark.emulator
@pytest.mark.usefixtures("cross_compiler", "emulator", "nanopb")
def test_tune_then_compile(stm32, tmp_path: Path, digits: Path) -> None:
    done = stm32("tune", digits, "--json", timeout=400)
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told["cache"] == ".stm32-tune.json"
    assert told["layers"]
    for layer in told["layers"]:
        # A faster one may be left out because the pool would grow.
        assert layer["cycles"][layer["best"]] <= layer["cycles"][layer["default"]]
        assert layer["saved"] == (layer["cycles"][layer["default"]] - layer["cycles"][layer["best"]]) * len(
            layer["layers"]
        )
    assert done.err.splitlines()[-1] == "kept in .stm32-tune.json; stm32 compile --tuned .stm32-tune.json uses it"
    again = stm32("tune", digits)
    assert again.code == 0
    assert "building" not in again.err
    assert again.out.splitlines()[-1] == f"{told['saved']:,} cycles saved of one inference"
    # A file that prefers another schedule is followed, and changes no byte of the outputs.
    file = tmp_path / ".stm32-tune.json"
    record = json.loads(file.read_text())
    layer = next(layer for layer in told["layers"] if len(layer["cycles"]) > 1)
    worst = max(layer["cycles"], key=layer["cycles"].get)
    record["layers"][layer["key"]]["best"]["balanced"] = worst
    file.write_text(json.dumps(record))
    done = stm32("compile", digits, "-n", "digits", "--json")
    assert "tuned schedules of .stm32-tune.json" in done.err.splitlines()
    nodes = {node["name"]: node["schedule"]["name"] for node in json.loads(done.out)["nodes"]}
    assert all(nodes[name] == worst for name in layer["layers"])
    done = stm32("validate", digits, "--npz", digits.with_name("digits_test.npz"), "--samples", "5", timeout=300)
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1] == "passed: 0 of 50 output bytes differ"
    untuned = json.loads(stm32("compile", digits, "-n", "digits", "--force", "--tuned", "none", "--json").out)
    assert all(n["schedule"]["name"] == layer["default"] for n in untuned["nodes"] if n["name"] in layer["layers"])


def test_refusals(stm32, tmp_path: Path, digits: Path) -> None:
    done = stm32("tune", digits, "-b", "host")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: schedules are measured on a board or its emulator\nhint: name one with -b; stm32 boards lists them\n"
    )
    done = stm32("tune", digits, "--optimize", "size")
    assert done.code == 2
    assert done.err.startswith("error: --optimize size does not choose schedules by their cycles\n")
    done = stm32("compile", digits, "--tuned", "nothing.json")
    assert (done.code, done.out) == (2, "")
    assert done.err == "error: there is no tuning file nothing.json\nhint: make one with: stm32 tune MODEL\n"
    (tmp_path / "x.json").write_text("{}")
    for command in (("tune", digits, "--cache", "x.json"), ("compile", digits, "--tuned", "x.json")):
        done = stm32(*command)
        assert (done.code, done.out) == (2, "")
        assert done.err.splitlines()[-1] == "error: x.json is no tuning file: it has no layers"
    assert not (tmp_path / "build").exists()
