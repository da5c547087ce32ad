# SPDX-License-Identifier: Apache-2.0
"""`stm32 flash` and `stm32 run` for real boards, as far as a machine without a board gets."""

import os
import shlex
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest
from stm32_board_support import load_board
from stm32_board_support.boards import builtin_folder
from stm32_cli.project import record
from stm32_cli.project.firmware import Build, build_firmware
from stm32_cli.project.models import find_models

BOARD = "nucleo-f412zg"
# A hand-written compiled model.
FIXTURE_MODEL = Path(__file__).resolve().parents[2] / "packages" / "runtime-c" / "tests" / "c" / "tiny"
MISSING = "flash program not installed (no set-up installs them)"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory, cross_compiler: str) -> Path:  # noqa: ARG001
    """A build folder, with a name that shells and programs have to be given with care."""
    folder = tmp_path_factory.mktemp("flash") / 'it\'s a "build" of $HOME'
    build_firmware(Build(load_board(BOARD), "selftest", [], folder))
    return folder


@pytest.fixture
def nothing_installed(tmp_path: Path) -> dict[str, str]:
    """An environment in which no flash program is found."""
    folder = tmp_path / "empty"
    folder.mkdir()
    return {"PATH": str(folder), "HOME": str(folder), "X_CUBE_TOOL_PATH": ""}


def words_of(line: str) -> list[str]:
    """What a real shell makes of a line."""
    done = subprocess.run(["sh", "-c", f"printf '%s\\n' {line}"], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


RUNNERS = {
    "stm32cubeprogrammer": "Project.elf",
    "openocd": "Project.elf",
    "st-flash": "Project.hex",
    "probe-rs": "Project.elf",
    "pyocd": "Project.elf",
}


@pytest.mark.parametrize(("runner", "file"), RUNNERS.items())
def test_dry_run_prints_what_a_shell_can_run(stm32, image: Path, nothing_installed, runner: str, file: str) -> None:
    argv = ["flash", "-d", image, "-r", runner, "--probe", "066EFF", "--dry-run"]
    done = stm32(*argv, **nothing_installed)
    assert done.code == 0, done.err
    calls = [words_of(line) for line in done.out.splitlines()]
    assert calls == [shlex.split(line) for line in done.out.splitlines()]
    path = str(image / file)
    tcl = "".join("\\" + char if char in '"$' else char for char in path)
    assert any(path in word or tcl in word for word in calls[0])
    assert any("066EFF" in word for word in calls[0])


def test_dry_run_without_any_program_takes_the_first(stm32, image: Path, nothing_installed) -> None:
    done = stm32("flash", "-d", image, "--dry-run", **nothing_installed)
    assert done.code == 0, done.err
    assert words_of(done.out.strip())[:6] == ["STM32_Programmer_CLI", "-c", "port=swd", "mode=UR", "reset=HWrst", "-d"]


def test_nothing_installed_says_how_to_get_each(stm32, image: Path, nothing_installed) -> None:
    done = stm32("flash", "-d", image, **nothing_installed)
    assert done.code == 5
    assert "no flash program that can write this image to nucleo-f412zg is installed" in done.err
    for name in RUNNERS:
        assert f"{name}: " in done.err


def test_old_hex_file_is_not_written(stm32, image: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(image, folder)
    os.utime(folder / "Project.hex", (1, 1))
    done = stm32("flash", "-d", folder, "-r", "st-flash", "--dry-run")
    assert done.code == 2
    assert "older than Project.elf" in done.err
    (folder / "Project.hex").unlink()
    assert stm32("flash", "-d", folder, "-r", "st-flash", "--dry-run").code == 2


@pytest.mark.parametrize("runner", ["openocd", "st-flash"])
def test_no_probe_is_told_as_such(stm32, image: Path, runner: str) -> None:
    if not shutil.which(runner):
        pytest.skip(f"{runner}: {MISSING}")
    done = stm32("flash", "-d", image, "-r", runner)
    assert done.code == 6
    assert f"error: {runner}: no debug probe was found; it said:" in done.err
    assert "hint: plug the board's ST-LINK connector in" in done.err


def test_run_asks_for_the_console_before_it_flashes(stm32, image: Path) -> None:
    if not shutil.which("openocd"):
        pytest.skip(f"openocd: {MISSING}")
    done = stm32("run", "-d", image, "-r", "openocd", "--probe", "066EFF")
    assert done.code == 6
    assert "no serial port of a probe with serial number 066EFF found" in done.err
    assert "flashing" not in done.err


def test_run_shows_the_first_words_after_the_flash(stm32, image: Path, tmp_path: Path) -> None:
    """A stand-in for st-flash, which only says that it ran, and a pseudo-terminal for the board, which then starts."""
    import tty

    flashed = tmp_path / "flashed"
    program = tmp_path / "bin" / "st-flash"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" > "{flashed}.part" && mv "{flashed}.part" "{flashed}"\nsleep 1\n'
    )
    program.chmod(0o755)
    board, port = os.openpty()
    tty.setraw(port)

    def run_board() -> None:
        while not flashed.is_file():
            time.sleep(0.01)
        os.write(board, b"first words\r\n")

    thread = threading.Thread(target=run_board, daemon=True)
    thread.start()
    device = f"serial:{os.ttyname(port)}"
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    done = stm32(
        "run", "-d", image, "-r", "st-flash", "--device", device, "--timeout", "0.5", "--log", "log", PATH=path
    )
    thread.join(5)
    os.close(board)
    os.close(port)
    assert done.code == 0, done.err
    assert done.out == "first words\n"
    assert (tmp_path / "log").read_text() == "first words\n"
    assert flashed.read_text().splitlines()[-1] == str(image / "Project.hex")


def test_memory_that_no_program_can_write(stm32, image: Path, tmp_path: Path) -> None:
    """A board whose programs do not write the memory that holds the code."""
    folder = tmp_path / BOARD
    shutil.copytree(builtin_folder() / BOARD, folder)
    text = (folder / "board.toml").read_text().replace('writes = ["flash"]', 'writes = ["ram"]')
    cube, rest = text.split("[flash.openocd]")
    (folder / "board.toml").write_text(
        cube.replace('writes = ["ram"]', 'writes = ["flash"]') + "[flash.openocd]" + rest
    )
    build = tmp_path / "build"
    shutil.copytree(image, build)
    record.save(build, record.BuildRecord(str(folder), "selftest"))
    done = stm32("flash", "-d", build, "-r", "openocd", "--dry-run")
    assert done.code == 2
    assert "error: openocd cannot write memory flash of nucleo-f412zg, which the image touches" in done.err
    assert "hint: able to write it: stm32cubeprogrammer;" in done.err
    assert done.out == ""


def test_log_is_for_real_boards(stm32, tmp_path: Path) -> None:
    record.save(tmp_path, record.BuildRecord("host", "perf"))
    (tmp_path / "Project.elf").touch()
    done = stm32("run", "-d", tmp_path, "--log", "x.txt")
    assert done.code == 2
    assert "hint: of host: stm32 run | tee x.txt" in done.err


@pytest.fixture(scope="module")
def external(tmp_path_factory: pytest.TempPathFactory, cross_compiler: str) -> Path:  # noqa: ARG001
    """An image of the Discovery whose weights are in its QSPI flash."""
    folder = tmp_path_factory.mktemp("external") / "build"
    build_firmware(Build(load_board("disco-h747i"), "selftest", find_models(FIXTURE_MODEL), folder, "config4"))
    return folder


def test_external_flash_takes_the_loader_or_is_refused(stm32, external: Path, nothing_installed) -> None:
    done = stm32("flash", "-d", external, "--dry-run", **nothing_installed)
    assert done.code == 0, done.err
    words = words_of(done.out.strip())
    assert words[words.index("--extload") + 1] == "MT25TL01G_STM32H747I-DISCO.stldr"
    done = stm32("flash", "-d", external, "-r", "openocd", "--dry-run", **nothing_installed)
    assert done.code == 0, done.err
    for runner in ("st-flash", "probe-rs", "pyocd"):
        done = stm32("flash", "-d", external, "-r", runner, "--dry-run", **nothing_installed)
        assert done.code == 2
        assert f"error: {runner} cannot write memory qspi of disco-h747i" in done.err
        assert "hint: able to write it: stm32cubeprogrammer, openocd;" in done.err
