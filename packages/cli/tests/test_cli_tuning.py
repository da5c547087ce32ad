# SPDX-License-Identifier: Apache-2.0
"""Which schedules are measured when, what is kept, and that an interrupted run goes on."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from stm32_cli.errors import CliError, Exit
from stm32_cli.project.measured import LayerFigures, Measurement
from stm32_cli.project.tuning import Cache, Session, Trial

A, B = "conv_2d-00000000000000aa", "add-00000000000000bb"
CYCLES = {(A, "slow"): 900, (A, "fast"): 400, (A, "mid"): 500, (B, "plain"): 70, (B, "linear"): 30}


def node(name: str, key: str, schedule: str, *offered: str) -> dict[str, Any]:
    return {"name": name, "layer": key, "offered": list(offered), "schedule": {"name": schedule}}


NODES = [
    node("0:CONV_2D", A, "slow", "slow", "fast", "mid"),
    node("1:SOFTMAX", "", "plain"),
    node("2:ADD", B, "linear", "plain", "linear"),
    node("3:CONV_2D", A, "slow", "slow", "fast", "mid"),
]


class Machine:
    """Builds that cost what CYCLES says; the second convolution takes 10 cycles more."""

    def __init__(self, *, stop_at: int = 0, wrong: str = "") -> None:
        self.tried: list[dict[str, str]] = []
        self._stop_at = stop_at
        self._wrong = wrong

    def attempt(self, chosen: Mapping[str, str]) -> Trial:
        self.tried.append(dict(chosen))
        if len(self.tried) == self._stop_at:
            raise KeyboardInterrupt
        nodes = [n | {"schedule": {"name": chosen.get(n["layer"], n["schedule"]["name"])}} for n in NODES]
        figures = tuple(
            LayerFigures(n["name"], None, CYCLES.get((n["layer"], n["schedule"]["name"]), 5) + 10 * (i == 3))
            for i, n in enumerate(nodes)
        )
        total = LayerFigures("one inference", None, sum(f.cycles for f in figures))
        outputs = b"other" if self._wrong in chosen.values() else b"bytes"
        return Trial({"nodes": nodes}, Measurement("m", 1, "board", "", total, figures), outputs)


def memory(chosen: Mapping[str, str]) -> int:
    return 100 + 0 * len(chosen)


def tune(machine: Machine, file: Path, board: str = "board") -> Any:
    return Session(machine.attempt, Cache.open(file), board, "balanced", memory).run(NODES)


def test_every_schedule_is_measured_in_as_few_builds_as_can_be(tmp_path: Path) -> None:
    machine, file = Machine(), tmp_path / "t.json"
    rows = tune(machine, file)
    assert machine.tried == [{}, {A: "fast", B: "plain"}, {A: "mid"}]
    assert [(row.default, row.best, row.gain) for row in rows] == [("slow", "fast", 1000), ("linear", "linear", 0)]
    assert rows[0].layers == ("0:CONV_2D", "3:CONV_2D")
    stored = json.loads(file.read_text())
    assert stored["schema"] == 1
    assert {key: layer["best"] for key, layer in stored["layers"].items()} == {
        A: {"balanced": "fast"},
        B: {"balanced": "linear"},
    }
    assert tune(again := Machine(), file) == rows
    assert again.tried == []


@pytest.mark.parametrize("stop_at", [1, 2, 3])
def test_an_interrupted_run_goes_on(tmp_path: Path, stop_at: int) -> None:
    file = tmp_path / "t.json"
    with pytest.raises(KeyboardInterrupt):
        tune(Machine(stop_at=stop_at), file)
    machine = Machine()
    rows = tune(machine, file)
    assert rows == tune(Machine(), tmp_path / "whole.json")
    # The default build is made again, for its outputs; what else was measured is not.
    assert machine.tried == [{}, {A: "fast", B: "plain"}, {A: "mid"}][: 1] + [
        [{A: "fast", B: "plain"}, {A: "mid"}],
        [{A: "fast", B: "plain"}, {A: "mid"}],
        [{A: "mid"}],
    ][stop_at - 1]  # fmt: skip


@pytest.mark.parametrize(("goal", "best"), [("balanced", "mid"), ("speed", "fast")])
def test_balanced_takes_no_more_memory(tmp_path: Path, goal: str, best: str) -> None:
    def larger(chosen: Mapping[str, str]) -> int:
        return 101 if chosen.get(A) == "fast" else 100

    rows = Session(Machine().attempt, Cache.open(tmp_path / "t.json"), "board", goal, larger).run(NODES)
    assert [row.best for row in rows] == [best, "linear"]


def test_another_board_is_measured_anew(tmp_path: Path) -> None:
    file = tmp_path / "t.json"
    tune(Machine(), file)
    tune(machine := Machine(), file, board="other")
    assert machine.tried[0] == {}


def test_other_bytes_are_never_kept(tmp_path: Path) -> None:
    file = tmp_path / "t.json"
    with pytest.raises(CliError, match="one of these is not exact: 0:CONV_2D fast, 2:ADD plain") as caught:
        tune(Machine(wrong="fast"), file)
    assert caught.value.exit_code == Exit.OUTPUTS_DIFFER
    layers = json.loads(file.read_text())["layers"]
    assert {key: list(layer["measured"]) for key, layer in layers.items()} == {A: ["slow"], B: ["linear"]}
    assert all(layer["best"] == {} for layer in layers.values())
