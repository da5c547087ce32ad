# SPDX-License-Identifier: Apache-2.0
"""The checks: each asks the firmware and judges its answers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from stm32_cli.selftest.session import DeviceProblemError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from stm32_board_support import Board

    from stm32_cli.selftest.image import Content, FreeRam
    from stm32_cli.selftest.session import Session

CLOCK_TOLERANCE = 0.02  # an oscillator inside of a chip is within 1 %, a wrong divider is off by far more
_ECHO_ROUNDS = 16  # of 256 bytes: more than a port's receive buffer holds
_ECHO_PATIENCE = 2.5  # seconds; the firmware waits 2 for the next byte
_READS = 20_000
_TURNS = 100_000
_INPUT_PIECE = 64
_RAM_BYTES_PER_SECOND = 200_000  # expected at the very least
_CRC_BYTES_PER_SECOND = 50_000


class Result(StrEnum):
    """How a check ended."""

    OK = "ok"
    FAILED = "failed"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True)
class Check:
    """One line of the report: what was checked, how it ended, what was found."""

    name: str
    result: Result
    detail: str


def _verdict(name: str, ok: bool, detail: str) -> Check:
    return Check(name, Result.OK if ok else Result.FAILED, detail)


def identity(board: Board, greeting: Sequence[str]) -> Check:
    """The firmware was built for this board, and the chip is the one that the descriptor names.

    Args:
        board: the board.
        greeting: as `Session.start` returns it.
    """
    name, clock, device = greeting[0], int(greeting[2]), int(greeting[8], 16)
    expected = board.descriptor.device_id
    if name != board.name or clock != board.descriptor.clock_hz:
        return _verdict("identity", ok=False, detail=f"the firmware is for {name} at {clock:,} Hz")
    if device != expected:
        return _verdict("identity", ok=False, detail=f"the chip says {device:#x}, the descriptor {expected:#x}")
    return _verdict("identity", ok=True, detail=f"{name}, device id {device:#x}")


def _sample(session: Session) -> tuple[float, float, int, int]:
    """The counter at a moment of this computer: (time in s, its uncertainty in s, count, milliseconds)."""
    best = None
    for _ in range(5):
        before = time.monotonic()
        count, milliseconds = session.ask("count", "count")
        wait = (time.monotonic() - before) / 2
        if best is None or wait < best[1]:
            best = (before + wait, wait, int(count), int(milliseconds))
    assert best is not None  # noqa: S101 - five samples were taken
    return best


def expected_rate(board: Board) -> int:
    """What board_counter() counts in a second: clocks, nanoseconds, or the emulator's instructions (one a ns)."""
    unit = board.descriptor.counter.value
    return board.descriptor.clock_hz if unit == "cycles" else 1_000_000_000


def clock(session: Session, board: Board, seconds: float) -> Check:
    """The core's clock, by its counter, against this computer's."""
    t0, wait0, count0, ms0 = _sample(session)
    time.sleep(seconds)
    t1, wait1, count1, ms1 = _sample(session)
    took, unsure = t1 - t0, (wait0 + wait1) / (t1 - t0)
    rate, rate_ms = (count1 - count0) / took, (ms1 - ms0) / took / 1000
    off = rate / expected_rate(board) - 1
    detail = (
        f"{rate:,.0f} {board.descriptor.counter.value} per second, {off:+.2%} of expected; the line adds {unsure:.2%}"
    )
    if board.descriptor.counter.value == "instructions":
        return Check("clock", Result.NOT_JUDGED, f"time is virtual on the emulator: {detail}")
    limit = CLOCK_TOLERANCE + unsure
    return _verdict(
        "clock", abs(off) <= limit and abs(rate_ms - 1) <= limit, f"{detail}; milliseconds {rate_ms - 1:+.2%}"
    )


def counter(session: Session, board: Board) -> Check:
    """The counter never goes back, its steps are no finer than said, and a loop of twice the turns counts twice."""
    backwards, smallest, largest = map(int, session.ask(f"reads {_READS}", "reads", 60))
    one, two, three = (int(session.ask(f"loop {n * _TURNS}", "loop", 60)[0]) for n in (1, 2, 3))
    detail = f"{_READS:,} reads: steps {smallest} to {largest}, {backwards} backwards"
    step = board.descriptor.counter_step
    if backwards or smallest < step:
        return _verdict("counter", ok=False, detail=f"{detail}; the descriptor says steps of {step}")
    detail += f"; {(two - one) / _TURNS:.2f} per turn of a loop"
    if board.descriptor.counter.value == "nanoseconds":
        return _verdict("counter", one > 0, detail)
    even = abs((three - two) - (two - one)) <= (two - one) // 50 + 4 * step
    return _verdict("counter", even and two > one, f"{detail}{'' if even else ', but another one in a longer loop'}")


def uart(session: Session, board: Board) -> Check:
    """All byte values come back over the console, at the speed of its line."""
    data = bytes((value * step + step) % 256 for step in range(1, 2 * _ECHO_ROUNDS, 2) for value in range(256))
    line_seconds = 10 * len(data) / board.descriptor.console.baud
    back, took = session.echo(data, 5 + 4 * line_seconds)
    if back != data:
        place = next((i for i, (a, b) in enumerate(zip(data, back, strict=False)) if a != b), len(back))
        got = f"{back[place]:#04x}" if place < len(back) else "nothing more"
        detail = f"{len(back)} of {len(data)} bytes came back; byte {place} was {data[place]:#04x}, and {got} came"
        session.settle(_ECHO_PATIENCE)
        return _verdict("uart", ok=False, detail=detail)
    session.expect("echoed", "echo")
    detail = f"{len(data):,} bytes, every value, back in {took:.2f} s"
    if board.kind.value == "hardware":
        detail += f"; the line alone takes {line_seconds:.2f} s"
    return _verdict("uart", ok=True, detail=detail)


def content(session: Session, piece: Content) -> Check:
    """A piece of the image is in its memory as the ELF file has it."""
    name = f"content {piece.memory}"
    command = f"crc {piece.address} {piece.size}"
    found = int(session.ask(command, "crc", 20 + piece.size / _CRC_BYTES_PER_SECOND)[0], 16)
    where = f"{piece.size:,} bytes at {piece.address:#010x}"
    if found == piece.crc:
        return _verdict(name, ok=True, detail=f"{where}, CRC-32 {found:08x}")
    return _verdict(name, ok=False, detail=f"{where} have CRC-32 {found:08x}, the image {piece.crc:08x}")


def ram(session: Session, region: FreeRam) -> Check:
    """Walking bits, byte lanes and address tests on the free parts of a RAM."""
    name = f"RAM {region.name}"
    for start, size in region.ranges:
        words = session.ask(f"ram {start} {size}", "ram", 20 + size / _RAM_BYTES_PER_SECOND)
        if words != ["ok"]:
            return _verdict(name, ok=False, detail=" ".join(words))
    return _verdict(name, ok=True, detail=f"{region.free:,} of {region.size:,} bytes; the rest is in use")


def inference(session: Session, inputs: np.ndarray, outputs: np.ndarray) -> Check:
    """The model's outputs are the stored ones of the reference kernels, byte for byte.

    Args:
        session: the firmware.
        inputs: int8 [N, ...].
        outputs: int8 [N, ...].
    """
    model = session.ask("begin", "model")[0]
    wrong, counted = 0, 0
    for sample, expected in zip(inputs, outputs, strict=True):
        data = sample.tobytes()
        for offset in range(0, len(data), _INPUT_PIECE):
            session.ask(f"input {offset} {data[offset : offset + _INPUT_PIECE].hex()}", "input")
        count, output = session.ask("run", "run", 60)
        wrong += sum(a != b for a, b in zip(bytes.fromhex(output), expected.tobytes(), strict=True))
        counted = int(count)
    detail = f"{model}: {wrong} of {outputs.size} output bytes differ from the reference"
    return _verdict("inference", wrong == 0, f"{detail}; {counted:,} counted for one run")


def problem(name: str, error: Exception) -> Check:
    """A check that the firmware did not survive, or whose answer makes no sense (a ValueError: noise on the line)."""
    text = str(error) if isinstance(error, DeviceProblemError) else f"the answer is garbled: {error}"
    return _verdict(name, ok=False, detail=text)
