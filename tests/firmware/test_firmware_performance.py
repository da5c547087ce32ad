# SPDX-License-Identifier: Apache-2.0
"""SystemPerformance: its batch report on every board, its console, and how a model's crash ends it."""

import re
import socket
import subprocess

import pytest
from stm32_board_support import Emulator, load_board
from stm32_board_support.emulator import run_to_end

pytestmark = pytest.mark.emulator
BOARDS = ["qemu-mps2-an386", "qemu-mps2-an500"]
FAULT = 70


def number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    assert found, f"{pattern} is not in:\n{text}"
    return int(found[1])


@pytest.mark.parametrize(("board", "core"), [(BOARDS[0], "Cortex-M4"), (BOARDS[1], "Cortex-M7")])
def test_batch_reports_and_ends(builder, board, core):
    elf = builder.image(board=board, app="perf", models=("tiny", "odd"), RUNS=4)
    status, text = run_to_end(load_board(board), elf, timeout=60)
    assert status == 0, text
    for line in (
        "compiler       : GCC",
        f"core           : {core}\n",
        "clock          : 25000000 Hz",
        "Model tiny\n",
        "signature      : 0x12345678",
        "nodes          : 2\n",
        "MACs           : 12\n",
        "input          : 0 serving/image:0, int8 [1,2,2,3], 12 bytes, scale 5.000000e-01, zero point -1",
        "input          : 0 x, uint8 [1,2,1,2,2], 8 bytes, scale 2.500000e-01, zero point 128",
        "input          : 2 , bool8 [3], 3 bytes",
        "Results of tiny, 4 inferences on random inputs",
        "used heap      : none",
        "END: ok",
    ):
        assert line in text
    assert "Layers of" not in text
    average = number(r"instructions +: (\d+) average", text)
    assert number(r"min (\d+)", text) <= average <= number(r"max (\d+)", text)
    assert 0 < average < 2000
    assert number(r"used stack +: (\d+) bytes", text) < 300


def test_two_runs_are_the_same_to_the_byte(builder):
    elf = builder.image(app="perf", models=("tiny", "odd"), RUNS=4, board=BOARDS[0])
    board = load_board(BOARDS[0])
    assert run_to_end(board, elf) == run_to_end(board, elf)


def test_layers_are_timed_when_compiled_in(builder):
    elf = builder.image(app="perf", models=("odd",), PER_LAYER="ON", RUNS=1)
    status, text = run_to_end(load_board(BOARDS[0]), elf)
    assert status == 0
    rows = dict(re.findall(r"^  (\S+) +(\d+) +\d+  \d+\.\d{3}$", text, re.MULTILINE))
    assert list(rows) == ["0:MUL", "1:SUM", "2:LOGICAL_NOT", "sum"]
    assert int(rows["sum"]) == sum(int(rows[name]) for name in list(rows)[:3])
    assert int(rows["1:SUM"]) > 3000


def test_host_runs_the_same_program(builder):
    elf = builder.image(board="host", app="perf", models=("tiny", "odd"), RUNS=3)
    done = subprocess.run([str(elf)], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0
    assert "Results of odd, 3 inferences" in done.stdout
    assert "END: ok" in done.stdout


def test_without_a_model_it_says_so(builder):
    status, text = run_to_end(load_board(BOARDS[0]), builder.image(app="perf"))
    assert status == 0
    assert "No model is linked." in text


class Terminal:
    def __init__(self, address):
        self.line = socket.create_connection(address)
        self.line.settimeout(30)
        self.text = ""

    def wait_for(self, what: str) -> None:
        while what not in self.text:
            data = self.line.recv(4096)
            assert data, f"closed before {what!r} came: {self.text}"
            self.text += data.decode()

    def press(self, key: str, what: str) -> None:
        self.text = ""
        self.line.sendall(key.encode())
        self.wait_for(what)


def test_console_keys(builder):
    elf = builder.image(app="perf", models=("tiny",), BATCH="OFF", RUNS=5)
    with Emulator(load_board(BOARDS[0]), elf) as emulator:
        terminal = Terminal(emulator.address)
        terminal.wait_for("keys: q quit")
        terminal.wait_for("Results of tiny, 5 inferences")
        terminal.press("x", "Results of tiny, 50 inferences")
        terminal.press("h", "keys: q quit")
        terminal.press("p", "paused")
        terminal.press("p", "Results of tiny")
        terminal.press("r", "Model tiny")
        terminal.press("q", "END: quit")
        assert emulator.wait(10) == 0
        terminal.line.close()


LOOP = "for (int32_t i = 0; i < 12; i++) {\n        y[i]"
LARGE_FRAME = """volatile uint8_t large[20000];
    for (int32_t i = 0; i < 20000; i++) {
        large[19999 - i] = 1;
    }
    """
CRASHES = {
    "wild": {LOOP: "*(volatile int32_t *)0x30000000 = 1;\n    " + LOOP},
    "deep": {LOOP: LARGE_FRAME + LOOP},
}


@pytest.mark.parametrize("board", [*BOARDS, "qemu-netduinoplus2"])
@pytest.mark.parametrize(("name", "says"), [("wild", ": pc 0"), ("deep", "stack overflow")])
def test_crash_is_reported_and_ends_with_a_status(builder, board, name, says):
    model = builder.variant(name, CRASHES[name])
    status, text = run_to_end(
        load_board(board), builder.image(board=board, app="perf", models=(str(model),)), timeout=30
    )
    assert status == FAULT, text
    assert "FAULT exception" in text
    assert says in text
    assert (name == "deep") != all(f" {register} " in text for register in ("r0", "r1", "r2", "r3", "r12", "xpsr"))


def test_model_without_a_pool_fails_with_its_reason(builder):
    model = builder.variant("poolless", {".activations = tiny_activations": ".activations = 0"})
    status, text = run_to_end(load_board(BOARDS[0]), builder.image(app="perf", models=(str(model),)))
    assert status == 1
    assert "ERROR: model poolless: no instance: pool is NULL and the model has no activations of its own" in text
    assert "END: failed" in text
