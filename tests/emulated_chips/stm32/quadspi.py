# SPDX-License-Identifier: Apache-2.0
"""QUADSPI (RM0399, chapter 24) in dual-flash mode with the two dies of an MT25TL01G: even bytes lie in the first die.

Modelled: indirect reads and writes of up to 32 bytes, automatic polling, memory-mapped reads, abort. A configuration
with which the memory would return wrong data is an error when it is written, not wrong data later.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import ClassVar

from tests.emulated_chips.chip.bus import Window
from tests.emulated_chips.stm32.gpio import Wire, Wiring
from tests.emulated_chips.stm32.mt25q import DIE_BYTES, Mt25q, Transaction
from tests.emulated_chips.stm32.registers import CoreClock, TimedRegisters, register

ORIGIN, SIZE = 0x90000000, 2 * DIE_BYTES
PAGE = 4096
FIFO_BYTES = 32
LIMIT_HZ = 133_000_000
WRITE, READ, POLL, MAPPED = range(4)
LINES = (0, 1, 2, 4)


def board_wires() -> list[Wire]:
    """The STM32H747I-DISCO's connections."""
    pins = (
        ("CLK", "B", 2, 9), ("BK1_NCS", "G", 6, 10), ("BK1_IO0", "D", 11, 9), ("BK1_IO1", "F", 9, 10),
        ("BK1_IO2", "F", 7, 9), ("BK1_IO3", "F", 6, 9), ("BK2_IO0", "H", 2, 9), ("BK2_IO1", "H", 3, 9),
        ("BK2_IO2", "G", 9, 9), ("BK2_IO3", "G", 14, 9),
    )  # fmt: skip
    return [Wire(f"QUADSPI_{signal}", port, pin, function, 2) for signal, port, pin, function in pins]


class Quadspi(TimedRegisters):
    """The controller and both dies.

    Attributes:
        dies: the memory's halves.
        content: bytes of the memory as the processor sees it, from address 0 on; the rest is erased.
    """

    name, base, size = "QUADSPI", 0x52005000, 0x1000
    flags: ClassVar[dict[str, tuple[str, str]]] = {
        "TC": ("SR", "TCF"),
        "SM": ("SR", "SMF"),
        "ABORT": ("CR", "ABORT"),
        "BUSY": ("SR", "BUSY"),
    }
    consumed = frozenset({0x20})
    layout = (
        register(
            "CR", 0x00, 0, "EN=0 ABORT=1/rs DMAEN=2 TCEN=3 SSHIFT=4 DFM=6 FSEL=7 FTHRES=12:8 TEIE=16 TCIE=17 FTIE=18"
            " SMIE=19 TOIE=20 APMS=22 PMM=23 PRESCALER=31:24",
        ),
        register("DCR", 0x04, 0, "CKMODE=0 CSHT=10:8 FSIZE=20:16"),
        register("SR", 0x08, 0, "TEF=0/r TCF=1/r FTF=2/r SMF=3/r TOF=4/r BUSY=5/r FLEVEL=13:8/r"),
        register("FCR", 0x0C, 0, "CTEF=0/w CTCF=1/w CSMF=3/w CTOF=4/w"),
        register("DLR", 0x10, 0, "DL=31:0"),
        register(
            "CCR", 0x14, 0, "INSTRUCTION=7:0 IMODE=9:8 ADMODE=11:10 ADSIZE=13:12 ABMODE=15:14 ABSIZE=17:16 DCYC=22:18"
            " DMODE=25:24 FMODE=27:26 SIOO=28 DHHC=30 DDRM=31",
        ),
        register("AR", 0x18, 0, "ADDRESS=31:0"),
        register("ABR", 0x1C, 0, "ALTERNATE=31:0"),
        register("DR", 0x20, 0, "DATA=31:0", (1, 2, 4)),
        register("PSMKR", 0x24, 0, "MASK=31:0"),
        register("PSMAR", 0x28, 0, "MATCH=31:0"),
        register("PIR", 0x2C, 0, "INTERVAL=15:0"),
        register("LPTR", 0x30, 0, "TIMEOUT=15:0"),
    )  # fmt: skip

    def __init__(self, clock: CoreClock, kernel: Callable[[], int], wiring: Wiring, content: bytes = b"") -> None:
        """Kernel: the frequency in Hz of quadspi_ker_ck; raises ChipError if it does not run."""
        self.kernel, self.wiring = kernel, wiring
        self.dies = (Mt25q(), Mt25q())
        self.content = bytearray(content) + b"\xff" * (-len(content) % PAGE or PAGE * (not content))
        super().__init__(clock)
        self.windows = [Window(ORIGIN, SIZE, self.content, self.accessible)]

    def clear(self) -> None:
        super().clear()
        self._fifo: deque[int] = deque()
        self._started = False

    def accessible(self) -> bool:
        """Whether the memory is mapped."""
        mapped = self.get("CCR", "FMODE") == MAPPED and self._started
        return mapped and bool(self.get("CR", "EN")) and not self.wiring.fault()

    def hz(self) -> int:
        """The clock on the wires."""
        return self.kernel() // (self.get("CR", "PRESCALER") + 1)

    def check_clock(self) -> None:
        """For the RCC: a mapped memory is still read correctly with other clocks."""
        if self._started and self.get("CCR", "FMODE") == MAPPED:
            self._check_bus()
            for die in self.dies:
                die.check_read(self._transaction())

    # Registers.

    def _idle(self, name: str, old: int, new: int) -> None:
        if old != new and self.get("SR", "BUSY"):
            raise self.error(f"{name} changed while SR.BUSY is 1: abort first")

    def write_cr(self, old: int, new: int) -> None:
        if new & 2:
            self.after("abort", 1e-7, self._aborted)
            return
        self._idle("CR (DFM, FSEL, SSHIFT, PRESCALER)", old & 0xFF0000D0, new & 0xFF0000D0)
        if new & 1 << 2 or new & 0x1F0000:
            raise self.error("CR: DMA and interrupts are not modelled")

    def _aborted(self) -> None:
        for key in ("TC", "SM", "finish"):
            self.cancel(key)
        self._fifo.clear()
        self._started = False
        if "ABORT" not in self._dead:
            self.put("CR", "ABORT", 0)
        if "BUSY" not in self._dead:
            self.put("SR", "BUSY", 0)

    def write_dcr(self, old: int, new: int) -> None:
        self._idle("DCR", old, new)

    def write_dlr(self, old: int, new: int) -> None:
        self._idle("DLR", old, new)

    def write_abr(self, _: int, new: int) -> None:
        if new:
            raise self.error("ABR: alternate bytes are not modelled")

    def read_sr(self) -> int:
        level = len(self._fifo)
        self.put("SR", "FLEVEL", min(level, FIFO_BYTES))
        threshold = self.get("CR", "FTHRES") + 1
        if self.get("CCR", "FMODE") == WRITE:
            full = self._started and FIFO_BYTES - level >= threshold
        else:
            full = level >= threshold or (level > 0 and bool(self.get("SR", "TCF")))
        self.put("SR", "FTF", int(full))
        return self.values["SR"]

    def write_fcr(self, _: int, new: int) -> None:
        for flag, bit in (("TEF", 0), ("TCF", 1), ("SMF", 3), ("TOF", 4)):
            if new >> bit & 1:
                self.put("SR", flag, 0)

    def write_ccr(self, _: int, new: int) -> None:
        if self.get("SR", "BUSY"):
            raise self.error("CCR written while SR.BUSY is 1: wait, or abort the memory-mapped mode")
        if not self.get("CR", "EN"):
            raise self.error("CCR written while the controller is off (CR.EN)")
        if not self.get("CCR", "IMODE"):
            raise self.error("CCR.IMODE is 0: the dies need an instruction")
        if new & 0xD0000000 or self.get("CCR", "ABMODE"):
            raise self.error("CCR: DDR, SIOO and alternate bytes are not modelled")
        self._check_bus()
        self._started = False
        mode = self.get("CCR", "FMODE")
        if mode == MAPPED:
            self._map()
        elif not self.get("CCR", "ADMODE") and (mode != WRITE or not self.get("CCR", "DMODE")):
            self._start()
        else:
            self._started = mode == WRITE and not self.get("CCR", "ADMODE")

    def write_ar(self, _: int, __: int) -> None:
        if self.get("SR", "BUSY"):
            raise self.error("AR written while SR.BUSY is 1")
        if self.get("CCR", "ADMODE") and self.get("CCR", "FMODE") in (READ, POLL):
            self._start()

    # The bus.

    def _check_bus(self) -> None:
        if fault := self.wiring.fault():
            raise self.error(fault)
        if self.hz() > LIMIT_HZ:
            raise self.error(f"the clock would run at {self.hz() / 1e6:.1f} MHz, at most {LIMIT_HZ // 10**6} MHz")
        if not self.get("CR", "DFM"):
            raise self.error("CR.DFM is 0: the board's memory is two dies side by side")
        if 2 << self.get("DCR", "FSIZE") != SIZE:
            raise self.error(f"DCR.FSIZE is {self.get('DCR', 'FSIZE')}, the memory has 2^27 bytes (26)")

    def _transaction(self) -> Transaction:
        part = {name: self.get("CCR", name) for name in ("INSTRUCTION", "IMODE", "ADMODE", "ADSIZE", "DCYC", "DMODE")}
        addressed = bool(part["ADMODE"])
        return Transaction(
            part["INSTRUCTION"], (part["ADSIZE"] + 1) * addressed, LINES[part["ADMODE"]], part["DCYC"],
            LINES[part["DMODE"]], self.hz(), LINES[part["IMODE"]],
        )  # fmt: skip

    def _map(self) -> None:
        one = self._transaction()
        for die in self.dies:
            die.begin(one, self.now)
            die.check_read(one)
        self._started = True
        self.put("SR", "BUSY", 1)

    def _length(self) -> int:
        """Bytes of the transaction, an even number in dual-flash mode (bit 0 of DLR is stuck at 1)."""
        length = (self.get("DLR", "DL") | 1) + 1 if self.get("CCR", "DMODE") else 0
        if length > FIFO_BYTES:
            raise self.error(f"indirect transfers of more than {FIFO_BYTES} bytes are not modelled ({length})")
        return length

    def _seconds(self, one: Transaction, length: int) -> float:
        """How long a transaction takes; both dies work at the same time."""
        cycles = 8 // one.lines + one.dummies
        if one.address_bytes:
            cycles += 8 * one.address_bytes // one.address_lines
        if length:
            cycles += 4 * length // one.data_lines
        return cycles / one.hz

    def _start(self) -> None:
        one, mode = self._transaction(), self.get("CCR", "FMODE")
        length = self._length() if mode != WRITE else 0
        if mode == POLL:
            self.put("SR", "BUSY", 1)
            self.after("finish", self._seconds(one, length), lambda: self._poll(one, length))
            return
        data = self._perform(one, length) if mode == READ else self._command(one)
        self._finish(one, length, data)

    def _finish(self, one: Transaction, length: int, data: bytes) -> None:
        self.put("SR", "BUSY", 1)
        self.after("finish", self._seconds(one, length), lambda: self._complete(data))

    def _complete(self, data: bytes) -> None:
        self._fifo = deque(data)
        self._started = False
        if "TC" not in self._dead:
            self.put("SR", "TCF", 1)
        if not data:
            self._release()

    def _release(self) -> None:
        if "BUSY" not in self._dead:
            self.put("SR", "BUSY", 0)

    def _command(self, one: Transaction) -> bytes:
        for die in self.dies:
            die.command(one, self.now)
        return b""

    def _perform(self, one: Transaction, length: int) -> bytes:
        """The bytes of a read: registers of both dies side by side, or the array."""
        if one.address_bytes:
            for die in self.dies:
                die.begin(one, self.now)
                die.check_read(one)
            start = self.get("AR") & ~1
            data = bytes(self.content[start : start + length])
            return data + b"\xff" * (length - len(data))
        first, second = (die.fetch(one, length // 2, self.now) for die in self.dies)
        return bytes(byte for pair in zip(first, second, strict=True) for byte in pair)

    def _poll(self, one: Transaction, length: int) -> None:
        if length > 4:
            raise self.error(f"automatic polling of {length} bytes, at most 4")
        status = int.from_bytes(self._perform(one, length), "little")
        mask, match = self.get("PSMKR"), self.get("PSMAR")
        equal = ~(status ^ match) & mask
        if equal == mask if not self.get("CR", "PMM") else equal:
            if "SM" not in self._dead:
                self.put("SR", "SMF", 1)
            if self.get("CR", "APMS"):
                self._release()
                return
        wait = self.get("PIR") / one.hz + self._seconds(one, length)
        self.after("finish", wait, lambda: self._poll(one, length))

    # Data.

    def read(self, offset: int, size: int) -> int:
        if offset != 0x20:
            return super().read(offset, size)
        if self.get("CCR", "FMODE") != READ:
            raise self.error("DR read outside of an indirect read")
        if not self._fifo and self.pending("finish"):
            # The bus stalls until the bytes are there: what was due happens, without time that the core could see.
            _, action = self._due.pop("finish")
            action()
        if len(self._fifo) < size:
            raise self.error(f"DR read of {size} bytes, {len(self._fifo)} are left")
        value = sum(self._fifo.popleft() << 8 * index for index in range(size))
        if not self._fifo:
            self._release()
        return value

    def write(self, offset: int, size: int, value: int) -> None:
        if offset != 0x20:
            super().write(offset, size, value)
            return
        if not self._started or self.get("CCR", "FMODE") != WRITE:
            raise self.error("DR written outside of an indirect write, or before its address")
        self._fifo.extend(value.to_bytes(size, "little"))
        length, one = self._length(), self._transaction()
        if len(self._fifo) > length:
            raise self.error(f"DR: {len(self._fifo)} bytes written, DLR says {length}")
        if len(self._fifo) == length:
            data = bytes(self._fifo)
            self._fifo.clear()
            for index, die in enumerate(self.dies):
                die.store(one, data[index::2], self.now)
            self._finish(one, length, b"")
