# SPDX-License-Identifier: Apache-2.0
"""The project's instruction counter agrees exactly with an independent one, and says what is missing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from stm32_board_support import load_board
from stm32_cli import counter
from stm32_cli.errors import CliError, Exit
from stm32_cli.project.firmware import Build, build_firmware
from stm32_cli.project.models import find_models

BOARD = "qemu-mps2-an386"


@pytest.fixture(scope="module")
def digits_elf(tmp_path_factory: pytest.TempPathFactory, digits: Path, cross_compiler: str) -> Path:  # noqa: ARG001
    """SystemPerformance with the digit classifier."""
    from stm32_emitter import compile_model

    folder = tmp_path_factory.mktemp("counter")
    emitted = compile_model(digits).write(folder / "model")
    board = load_board(BOARD)
    return build_firmware(Build(board, "perf", find_models(Path(emitted)), folder / "b", settings=(("RUNS", "2"),)))


@pytest.mark.emulator
@pytest.mark.usefixtures("emulator")
def test_agrees_with_the_reference_counter(digits_elf: Path, cycles_tool: Path) -> None:
    ours = counter.count(load_board(BOARD), digits_elf)
    arguments = ["run", "--begin", counter.BENCH_BEGIN, "--end", counter.BENCH_END, "--json", str(digits_elf)]
    argv = [sys.executable, str(cycles_tool), *arguments]
    theirs = json.loads(subprocess.run(argv, check=True, capture_output=True, text=True, timeout=120).stdout)
    assert ours.instructions == theirs["instructions"]
    assert ours.cycles == theirs["cycles_m4"]
    functions = {name: (part["instructions"], part["cycles_m4"]) for name, part in theirs["functions"].items()}
    assert {name: (part.instructions, part.cycles) for name, part in ours.functions.items()} == functions


@pytest.mark.emulator
@pytest.mark.usefixtures("emulator")
def test_counting_repeats_exactly(digits_elf: Path) -> None:
    board = load_board(BOARD)
    assert counter.count(board, digits_elf) == counter.count(board, digits_elf)


@pytest.mark.emulator
@pytest.mark.usefixtures("emulator")
def test_nodes_add_up_to_the_whole(digits_elf: Path) -> None:
    board = load_board(BOARD)
    found, whole = counter.count_nodes(board, digits_elf, "digits_int8"), counter.count(board, digits_elf)
    info = json.loads((digits_elf.parents[1] / "model" / "digits_int8.json").read_text())
    assert found.total == whole
    assert len(found.nodes) == len(info["nodes"])
    parts = [*found.nodes, found.outside]
    assert sum(part.instructions for part in parts) == whole.instructions
    assert sum(part.cycles for part in parts) == whole.cycles
    assert found.outside.instructions < 200
    for cost, node in zip(found.nodes, info["nodes"], strict=True):
        assert cost.instructions > 0
        assert node["kernel"] in cost.functions


def test_model_that_is_not_in_the_image(digits_elf: Path) -> None:
    with pytest.raises(CliError, match="holds no model 'other'") as caught:
        counter.count_nodes(load_board(BOARD), digits_elf, "other")
    assert caught.value.exit_code == Exit.USAGE


def test_function_that_is_not_there(digits_elf: Path) -> None:
    with pytest.raises(CliError, match="has no function no_such_function") as caught:
        counter.count(load_board(BOARD), digits_elf, begin="no_such_function")
    assert caught.value.exit_code == Exit.USAGE


@pytest.mark.usefixtures("emulator")
def test_no_host_compiler(digits_elf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(CliError, match="needs a C compiler for this computer") as caught:
        counter.count(load_board(BOARD), digits_elf)
    assert caught.value.exit_code == Exit.TOOL_MISSING


@pytest.mark.emulator
@pytest.mark.usefixtures("emulator")
def test_stretch_that_is_never_reached(digits_elf: Path) -> None:
    with pytest.raises(CliError, match="Fault_Handler was not reached within"):
        counter.count(load_board(BOARD), digits_elf, end="Fault_Handler", timeout=60)
