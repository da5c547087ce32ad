# SPDX-License-Identifier: Apache-2.0
"""`stm32 analyze`: exact where it says so, above what is linked elsewhere, and exit code 4 where nothing fits."""

import json
import re
import shutil
from pathlib import Path

import pytest
from stm32_board_support import load_board
from stm32_board_support.emulator import run_to_end
from stm32_cli.project import memory
from stm32_cli.project.firmware import Build, build_firmware
from stm32_cli.project.models import find_models

BOARD = "qemu-mps2-an386"
BOARDS = Path(__file__).resolve().parents[2] / "Boards"


@pytest.fixture
def small_boards(tmp_path: Path) -> Path:
    """A folder with the board `small`: the emulated one with 40 KB of flash-like memory, 24 KB and 8 KB of RAM."""
    folder = tmp_path / "boards" / "small"
    shutil.copytree(BOARDS / BOARD, folder)
    shutil.copytree(BOARDS / "common", folder.parent / "common")
    text = (folder / "board.toml").read_text().replace(f'name = "{BOARD}"', 'name = "small"')
    for size in ("0xA000", "0x6000", "0x2000"):
        text = re.sub(r"size = 0x[14]\w+_\w+", f"size = {size}", text, count=1)
    (folder / "board.toml").write_text(text)
    return folder.parent


def test_whole_output(stm32, digits: Path) -> None:
    done = stm32("analyze", digits, "-n", "digits")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].startswith("digits for cortex-m4: ")
    assert lines[1].startswith("  input ")
    assert [line.split(":")[0].strip() for line in lines[3:7]] == ["constants", "activations", "code", "stack"]
    start = next(i for i, line in enumerate(lines) if line.startswith("layer "))
    assert lines[start].split() == ["layer", "schedule", "MACs", "constants", "output", "scratch", "in", "use"]
    assert lines[-1] == f"fits {BOARD} in: default, external, internal"


def test_no_c_compiler_is_needed(stm32, digits: Path) -> None:
    assert stm32("analyze", digits, PATH="/nowhere", ARM_PATH="/nowhere").code == 0


def test_a_model_that_fits_nowhere(stm32, zoo: Path, small_boards: Path) -> None:
    model = zoo / "models" / "mlperf_tiny_vww_int8.tflite"
    done = stm32("analyze", model, "-n", "vww", "-b", "small", STM32_BOARDS=str(small_boards))
    assert done.code == 4
    assert done.out.splitlines()[-1] == "does not fit small"
    assert done.err.splitlines()[-2:] == [
        "error: vww does not fit small in any layout",
        "hint: try --optimize ram or size, a larger board or a smaller model",
    ]
    told = json.loads(stm32("analyze", model, "-b", "small", "--json", STM32_BOARDS=str(small_boards)).out)
    assert told["fits"] is False
    assert {layout["layout"]: layout["fits"] for layout in told["layouts"]} == dict.fromkeys(
        ("default", "internal", "external"), False
    )
    internal = next(layout for layout in told["layouts"] if layout["layout"] == "internal")
    flash = next(entry for entry in internal["memories"] if entry["memory"] == "ssram1")
    assert flash["have"] == 0xA000
    assert flash["need"] == told["constants"] + told["code"] + told["firmware_code"]
    assert flash["fits"] is False


def test_layouts_differ(stm32, digits: Path, small_boards: Path) -> None:
    """What needs 8 KB of a memory that has them in one layout and not in another is told apart."""
    told = json.loads(stm32("analyze", digits, "-b", "small", "--json", STM32_BOARDS=str(small_boards)).out)
    assert told["fits"] is any(layout["fits"] for layout in told["layouts"])
    for layout in told["layouts"]:
        assert layout["fits"] is all(entry["need"] <= entry["have"] for entry in layout["memories"])
        assert layout["default"] is (layout["layout"] == "default")


def test_unknown_board(stm32, digits: Path) -> None:
    done = stm32("analyze", digits, "-b", "qemu-mps2-an38")
    assert (done.code, done.out) == (2, "")
    assert "there is no board 'qemu-mps2-an38'; did you mean: qemu-mps2-an386" in done.err


@pytest.mark.emulator
@pytest.mark.usefixtures("cross_compiler", "emulator")
@pytest.mark.parametrize("which", ["ad01", "kws_ref"])
def test_figures_hold_against_the_image(stm32, tmp_path: Path, zoo: Path, which: str) -> None:
    model = zoo / "models" / f"mlperf_tiny_{which}_int8.tflite"
    told = json.loads(stm32("analyze", model, "-n", "net", "--json").out)
    assert stm32("compile", model, "-n", "net", "-o", "net").code == 0
    build = Build(load_board(BOARD), "perf", find_models(tmp_path / "net"), tmp_path / "b")
    elf = build_firmware(build)
    sizes = memory.measure(build).sizes
    assert sizes.activations == told["activations"]
    assert sizes.code <= told["code"] <= 3 * sizes.code
    stack = re.search(r"used stack\s*:?\s*([\d,]+)", run_to_end(build.board, elf, timeout=120)[1])
    assert stack is not None
    assert int(stack[1].replace(",", "")) <= told["stack"]
    weights = [size for r in memory.measure(build).regions for name, size in r.sections.items() if "weights" in name]
    assert sum(weights) == told["constants"]
