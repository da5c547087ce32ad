# SPDX-License-Identifier: Apache-2.0
"""A layer's schedules: which one is chosen, what the records say of it, and that a tuning file decides."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from stm32_emitter import CompiledModel, OptionError, compile_model
from stm32_emitter.operators import BY_KIND
from stm32_emitter.operators.base import KernelRequest, OperatorDefinition
from stm32_emitter.operators.conv_2d import Conv2D
from stm32_emitter.operators.schedule import Schedule
from stm32_emitter.testing.graphs import graphs

SLOW = Schedule("zz-slow", lambda: None, "pixel by pixel, for tests", cycles=900.0)  # type: ignore[arg-type,return-value]
FAST = Schedule("zz-fast", lambda: None, "as it comes", cycles=400.0)  # type: ignore[arg-type,return-value]


class TwoWays(Conv2D):
    """The convolution under two names: a tuning file can tell them apart, and results cannot."""

    def schedules(self, request: KernelRequest) -> Sequence[Schedule]:
        plain = BEFORE.schedules(request)[0]
        return (replace(SLOW, build=plain.build), replace(FAST, build=plain.build))


BEFORE: OperatorDefinition = BY_KIND["CONV_2D"]


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A graph with a convolution that has two schedules."""
    monkeypatch.setitem(BY_KIND, "CONV_2D", TwoWays())
    found = (g.model for g in graphs(3, 40))
    return next(m for m in found if any(n["name"].endswith(":CONV_2D") for n in compile_model(m).info["nodes"]))


def convolution(model: CompiledModel) -> dict[str, object]:
    return next(node for node in model.info["nodes"] if node["name"].endswith(":CONV_2D"))


def test_the_cheapest_is_chosen_and_recorded(model: bytes) -> None:
    compiled = compile_model(model)
    node = convolution(compiled)
    assert node["schedule"] == {"name": "zz-fast", "description": "as it comes", "cycles": 400}
    assert node["offered"] == ["zz-slow", "zz-fast"]
    assert "zz-fast; as it comes; 400 cycles expected" in compiled.report_text
    others = [n for n in compiled.info["nodes"] if not n["offered"]]
    assert all(n["layer"] == "" and n["schedule"]["name"] for n in others)


def test_a_tuning_file_decides(model: bytes, tmp_path: Path) -> None:
    key = str(convolution(compile_model(model))["layer"])
    file, best = tmp_path / "tune.json", {"balanced": "zz-slow", "speed": "zz-fast"}
    file.write_text(json.dumps({"schema": 1, "layers": {key: {"best": best}, "conv_2d-0": {"best": {}}}}))
    for tuned in (file, str(file), {key: "zz-slow"}):
        assert convolution(compile_model(model, tuned=tuned))["schedule"]["name"] == "zz-slow"  # type: ignore[index]
    unknown = compile_model(model, tuned={key: "of-another-version"})
    assert convolution(unknown)["schedule"]["name"] == "zz-fast"  # type: ignore[index]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 1, "layers": []}', '{"schema": 9, "layers": {}}'])
def test_what_is_no_tuning_file_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text(text)
    with pytest.raises(OptionError, match=r"x\.json"):
        compile_model(next(iter(graphs(3, 1))).model, tuned=file)
