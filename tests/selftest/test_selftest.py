# SPDX-License-Identifier: Apache-2.0
"""`stm32 selftest` on emulated boards and the host: healthy, with a damaged image, with ports that have errors."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from ai_runner.drivers.tcp import SocketTransport, open_socket
from stm32_board_support import Board, Emulator, load_board
from stm32_board_support.boards import builtin_folder
from stm32_board_support.elf import ElfFile
from stm32_cli.errors import CliError
from stm32_cli.project.firmware import Build, build_firmware
from stm32_cli.project.models import find_models
from stm32_cli.selftest.checks import Check, Result
from stm32_cli.selftest.run import SelfTestReport, run_checks
from stm32_cli.selftest.session import Session
from stm32_cli.validation.target import on_host

pytestmark = pytest.mark.emulator
M4, M7 = "qemu-mps2-an386", "qemu-mps2-an500"


def selftest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, with the results as JSON; weights are in the memory that stands for an external flash."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("STM32_")}
    argv = [sys.executable, "-m", "stm32_cli", "selftest", "-b", M4, "--layout", "external", "--json", *arguments]
    return subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory, cross_compiler: str, emulator: str):  # noqa: ARG001
    """Folder and result of the command on the emulated Cortex-M4."""
    folder = tmp_path_factory.mktemp("selftest")
    return folder, selftest(folder, "--seconds", "0.5")


@pytest.fixture(scope="module")
def model(healthy) -> Path:
    """The compiled model with known answers."""
    return healthy[0] / "build" / "selftest" / M4 / "model"


def report_of(line: str, board: Board, elf: Path) -> SelfTestReport:
    transport = open_socket(line.removeprefix("socket:"))
    try:
        return run_checks(transport, board, elf, seconds=0.5)
    finally:
        transport.close()


def found(report: SelfTestReport, name: str) -> Check:
    return next(check for check in report.checks if check.name == name)


def failed(report: SelfTestReport) -> list[str]:
    return [check.name for check in report.checks if check.result is Result.FAILED]


def test_healthy_cortex_m4(healthy) -> None:
    _, done = healthy
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["passed"]
    assert report["complete"]
    results = {check["name"]: check["result"] for check in report["checks"]}
    assert results.pop("clock") == "not judged"
    names = ["identity", "counter", "uart", "content ssram1", "content psram", "RAM ssram1", "RAM ssram2", "RAM psram"]
    assert results == dict.fromkeys([*names, "inference"], "ok")
    assert report["checks"][-1]["detail"].startswith("digits_int8: 0 of 100 output bytes differ")


def damage(elf: Path, target: Path) -> int:
    """Copies an image with the largest constant, a layer's weights, damaged in the middle; returns its address."""
    image = ElfFile(elf)
    weights = max((s for s in image.symbols if s.section.startswith(".nn_weights")), key=lambda s: s.size)
    segment = next(s for s in image.segments if s.address <= weights.address < s.end)
    data = bytearray(elf.read_bytes())
    start = data.index(segment.content) + weights.address - segment.address
    middle = slice(start + weights.size // 3, start + weights.size // 2)
    data[middle] = bytes(byte ^ 0x5A for byte in data[middle])
    target.write_bytes(data)
    return weights.address


def test_damaged_weights_are_found(healthy, tmp_path: Path) -> None:
    folder, _ = healthy
    board = load_board(M4)
    psram = board.memories["psram"]
    address = damage(folder / "build" / "selftest" / M4 / "firmware" / "Project.elf", tmp_path / "Project.elf")
    assert psram.origin <= address < psram.end
    with Emulator(board, tmp_path / "Project.elf") as running:
        done = selftest(folder, "-d", running.description, "--seconds", "0.2")
    assert done.returncode == 1, done.stderr
    assert "error: 2 of 10 checks failed: content psram, inference" in done.stderr
    details = {check["name"]: check["detail"] for check in json.loads(done.stdout)["checks"]}
    assert "the image " in details["content psram"]
    assert ": 0 of 100 output bytes" not in details["inference"]


def variant(name: str, parent: Path, file: str, changes: dict[str, str]) -> Board:
    """A copy of a built-in board with an error in one of its files."""
    folder = parent / name
    shutil.copytree(builtin_folder() / name, folder)
    text = (folder / file).read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    (folder / file).write_text(text)
    return load_board(folder)


def built(board: Board, folder: Path, model: Path) -> Path:
    return build_firmware(Build(board, "selftest", find_models(model), folder))


def test_memory_that_is_not_there_is_found_on_a_cortex_m7(tmp_path: Path, model: Path) -> None:
    """The descriptor promises twice the PSRAM that the machine has; everything else is in order."""
    board = variant(M7, tmp_path, "board.toml", {"size = 0x100_0000": "size = 0x200_0000"})
    elf = built(board, tmp_path / "build", model)
    with Emulator(board, elf) as running:
        report = report_of(running.description, board, elf)
    assert failed(report) == ["RAM psram"], report
    assert "0x61" in found(report, "RAM psram").detail or "FAULT exception" in found(report, "RAM psram").detail
    assert not report.passed
    right = [check.name for check in report.checks if check.result is Result.OK]
    assert right[:3] == ["identity", "counter", "uart"]
    assert {"content ssram1", "RAM ssram1", "RAM ssram2"} < set(right)


def test_noise_on_the_line_is_no_traceback(tmp_path: Path) -> None:
    """Answers whose digits were damaged on their way."""
    near, far = socket.socketpair()

    def answer() -> None:
        with far:
            far.recv(100)
            far.sendall(b":selftest 1 host clock 1000000000 step 1 unit nanoseconds device 0x00000000\r\n")
            far.recv(100)
            far.sendall(b":count 12\xff4 7\r\n")
            far.recv(100)

    thread = threading.Thread(target=answer)
    thread.start()
    report = run_checks(SocketTransport(near, "line"), load_board("host"), tmp_path / "none.elf", seconds=0.1)
    near.close()
    thread.join()
    assert [(check.name, check.result) for check in report.checks] == [("identity", "ok"), ("clock", "failed")]
    assert "the answer is garbled" in found(report, "clock").detail
    assert not report.complete


NOW = "return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;"
DRIFTING = """const uint64_t now = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
    return now / 20u * 21u - (now / 2048u % 16u == 15u ? 1000000u : 0u);"""
BYTE = "return received_next < received_count ? (int)received[received_next++] : -1;"
WITHOUT_XON = f"""if (received_next < received_count && received[received_next] == 0x11) {{
        received_next++;
        return -1;
    }}
    {BYTE}"""


def test_defective_port_is_found(tmp_path: Path, model: Path) -> None:
    """A counter that is 5 % too fast and jumps back now and then, and a line whose driver eats XON."""
    board = variant("host", tmp_path, "port.c", {NOW: DRIFTING, BYTE: WITHOUT_XON})
    elf = built(board, tmp_path / "build", model)
    with on_host(elf) as line:
        report = report_of(line, board, elf)
    assert failed(report) == ["clock", "counter", "uart"], report
    assert report.complete
    assert found(report, "inference").result is Result.OK
    assert "was 0x11, and 0x12 came" in found(report, "uart").detail
    assert ", 0 backwards" not in found(report, "counter").detail


def test_other_firmware_is_told_from_this_one() -> None:
    near, far = socket.socketpair()
    with far:
        far.sendall(b"SystemPerformance\r\nModel kws\r\n")
        session = Session(SocketTransport(near, "line"))
        with pytest.raises(
            CliError, match=r"line: no SelfTest firmware answers; the line said: SystemPerformance\nModel kws"
        ) as caught:
            session.start(seconds=1.2)
        assert caught.value.exit_code == 6
        far.sendall(b":selftest 9 board\r\n")
        with pytest.raises(CliError, match="another version: selftest 9 board"):
            session.start(seconds=5)
        far.sendall(b"ERROR: this board does not start: the PLL does not lock\r\n")
        with pytest.raises(CliError, match=r"the firmware does not start: ERROR: .* the PLL does not lock") as caught:
            session.start(seconds=5)
        assert caught.value.exit_code == 1
    near.close()
