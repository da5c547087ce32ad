# SPDX-License-Identifier: Apache-2.0
"""Every example, as its README says it is run, to its end on an emulated board, on less data.

The firmware's own objects are built once: the examples take turns in one folder.
"""

from __future__ import annotations

import fcntl
import importlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

from tests.conftest import ROOT

EXAMPLES = ROOT / "examples"

RUNS = {
    "anomaly_detection": (["--windows", "4"], r"area under the ROC curve on target: [01]\.\d+\n.*: 0 of 1,024"),
    "custom_operator": ([], r"passed: \d+ of 320 output bytes differ"),
    "keyword_spotting": (
        ["--seconds", "3"],
        r"on target, in 3 s of speech: (\d) of \1 words .*\n.*\n.* 149 runs: 0 of 745",
    ),
    "other_flow": (["--samples", "4"], r"4 of 4 classes as TVM's virtual machine"),
    "two_models": (["--samples", "4"], r"motor: 2 alarms, 2 damaged windows\n.*: 0 of 296"),
}
"""Example -> its arguments, what it has to print. digits is `make demo`."""


@pytest.fixture(autouse=True)
def from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Examples are run in the root of the clone: `python -m examples.digits.run`."""
    monkeypatch.syspath_prepend(ROOT)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keeps the other workers of the test run out of a folder."""
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def test_every_example_is_run() -> None:
    found = {path.parent.name for path in EXAMPLES.glob("*/run.py")}
    assert found == {*RUNS, "digits"}
    for name in found:
        readme = (EXAMPLES / name / "README.md").read_text(encoding="utf-8")
        assert len(readme.splitlines()) < 60, name
        assert f"make {'demo' if name == 'digits' else f'example NAME={name}'}" in readme


@pytest.mark.emulator
@pytest.mark.usefixtures("emulator", "cross_compiler", "nanopb")
@pytest.mark.parametrize("name", RUNS)
def test_example(name: str, shelf: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("ai_edge_litert", "tvm"):
        pytest.importorskip(package)
    words, wanted = RUNS[name]
    work = shelf / "examples"
    main = importlib.import_module(f"examples.{name}.run").main
    # Threads of the linear algebra only wait for each other beside a second test worker.
    with alone(work), threadpool_limits(1):
        monkeypatch.chdir(shelf)
        assert main([*words, "--work", str(work)]) == 0
    said = capfd.readouterr().out
    assert re.search(wanted, said), said


def test_an_unknown_board_is_a_usage_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    main = importlib.import_module("examples.custom_operator.run").main
    assert main(["--board", "no-such-board", "--work", str(tmp_path)]) == 2
    assert "no-such-board" in capfd.readouterr().err
