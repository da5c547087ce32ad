# SPDX-License-Identifier: Apache-2.0
"""Register files as data: what each bit is, and what a program must not do to it.

A register's fields are written as a string, one token a field: `NAME=high:low/access`, `NAME=bit` for one bit; without
an access the field is `rw`. Bits that no field names are reserved: they read as in the reset value and have to be
written so.

Accesses: `rw`; `r` read-only; `w` reads 0; `rc_w0`, `rc_w1` cleared by hardware when 0 (1) is written; `rs` can be set,
but not cleared, by the program.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from tests.emulated_chips.chip.bus import ChipError, Peripheral, always

ACCESSES = ("rw", "r", "w", "rc_w0", "rc_w1", "rs")


@dataclass(frozen=True)
class Field:
    """Bits `high` to `low` of a register, and how they may be accessed."""

    name: str
    high: int
    low: int
    access: str = "rw"

    @property
    def mask(self) -> int:
        """The field's bits in the register."""
        return ((1 << (self.high - self.low + 1)) - 1) << self.low


def parse_fields(text: str) -> tuple[Field, ...]:
    """The fields of a string of tokens.

    Raises:
        ValueError: an unknown access, or two fields that overlap.
    """
    fields: list[Field] = []
    for token in text.split():
        name, _, place = token.partition("=")
        bits, _, access = place.partition("/")
        high, _, low = bits.partition(":")
        one = Field(name, int(high), int(low or high), access or "rw")
        if one.access not in ACCESSES or any(one.mask & other.mask for other in fields):
            raise ValueError(f"field {token}: unknown access, or it overlaps another one")
        fields.append(one)
    return tuple(fields)


@dataclass(frozen=True)
class Register:
    """One register.

    Attributes:
        name: as in the reference manual.
        offset: bytes from the peripheral's base.
        reset: value after reset, 32 bits; gives the reserved bits' values, too.
        fields: see the module.
        sizes: widths in bytes that the manual allows.
    """

    name: str
    offset: int
    reset: int
    fields: tuple[Field, ...]
    sizes: tuple[int, ...] = (4,)
    by_name: dict[str, Field] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {one.name: one for one in self.fields})

    def mask(self, *accesses: str) -> int:
        """Bits of all fields with one of these accesses."""
        return sum(one.mask for one in self.fields if one.access in accesses)

    @property
    def reserved(self) -> int:
        """Bits that no field names."""
        return 0xFFFFFFFF & ~sum(one.mask for one in self.fields)

    def names(self, mask: int) -> str:
        """The fields of some bits, by name, and reserved bits by number."""
        found = [one.name for one in self.fields if one.mask & mask]
        found += [f"reserved bit {bit}" for bit in range(32) if mask & self.reserved & 1 << bit]
        return ", ".join(found)


def register(name: str, offset: int, reset: int, fields: str, sizes: tuple[int, ...] = (4,)) -> Register:
    """A register from the text of its fields."""
    return Register(name, offset, reset, parse_fields(fields), sizes)


class Registers(Peripheral):
    """A peripheral made of such registers.

    What a register does beyond storing is a method of the subclass: `read_<name>()` gives the value of a read,
    `write_<name>(old, new)` is called after the bits were checked and stored; `new` still has the bits of `w` fields.

    Attributes:
        layout: the registers.
        values: contents by register name.
        gate: whether the bus clock reaches the peripheral.
    """

    layout: tuple[Register, ...] = ()

    def __init__(self) -> None:
        super().__init__()
        self.gate: Callable[[], bool] = always
        self.values: dict[str, int] = {}
        self._seen: dict[str, int] = {}
        self._at = {one.offset: one for one in self.layout}
        self._named = {one.name: one for one in self.layout}
        self.clear()

    def clear(self) -> None:
        """Puts the reset values into all registers."""
        self.values = {one.name: one.reset for one in self.layout}
        self._seen = {}

    def reset(self) -> None:
        self.clear()

    def clocked(self) -> bool:
        return self.gate()

    def get(self, name: str, part: str | None = None) -> int:
        """A register's contents, or a field's value, without side effects."""
        value = self.values[name]
        if part is None:
            return value
        bits = self._named[name].by_name[part]
        return (value & bits.mask) >> bits.low

    def put(self, name: str, part: str, value: int) -> None:
        """Sets a field as the hardware does."""
        bits = self._named[name].by_name[part]
        self.values[name] = self.values[name] & ~bits.mask | value << bits.low & bits.mask

    def error(self, what: str) -> ChipError:
        """A broken rule of this peripheral."""
        return ChipError(f"{self.name}: {what}")

    def read(self, offset: int, size: int) -> int:
        one = self._find(offset, size)
        if not one.mask("rw", "r", "rc_w0", "rc_w1", "rs"):
            raise self.error(f"{one.name} is write-only, it was read")
        hook = getattr(self, f"read_{one.name.lower()}", None)
        value = self.values[one.name] if hook is None else int(hook())
        value &= ~one.mask("w")
        self._seen[one.name] = value
        return value >> 8 * (offset & 3)

    def write(self, offset: int, size: int, value: int) -> None:
        one = self._find(offset, size)
        lanes = (1 << 8 * size) - 1 << 8 * (offset & 3)
        written = value << 8 * (offset & 3) & lanes
        self._check(one, written, lanes)
        old = self.values[one.name]
        new = _merge(one, old, written, lanes)
        self.values[one.name] = new
        hook: Callable[[int, int], None] | None = getattr(self, f"write_{one.name.lower()}", None)
        if hook is not None:
            hook(old, new)
        self.values[one.name] &= ~one.mask("w")

    def _find(self, offset: int, size: int) -> Register:
        one = self._at.get(offset & ~3)
        if one is None:
            raise self.error(f"no register is modelled at offset {offset:#x}")
        if size not in one.sizes:
            raise self.error(f"{one.name} does not allow accesses of {size} bytes")
        return one

    def _check(self, one: Register, written: int, lanes: int) -> None:
        """Reserved bits stay as after reset, read-only bits as they are, or as the program read them last.

        The latter because a flag may change between the read and the write of a read-modify-write sequence.
        """
        wrong = (written ^ one.reset) & one.reserved & lanes
        if wrong:
            raise self.error(f"{one.name} written with {written:#010x} changes {one.names(wrong)}")
        locked = one.mask("r") & lanes
        current, seen = self.values[one.name], self._seen.get(one.name, self.values[one.name])
        wrong = (written ^ current) & (written ^ seen) & locked
        if wrong:
            raise self.error(f"{one.name} written with {written:#010x} changes read-only {one.names(wrong)}")


def _merge(one: Register, old: int, written: int, lanes: int) -> int:
    """The contents after a write; lanes are the bits of the bytes that were written."""
    stored = one.mask("rw", "w") & lanes
    value = old & ~stored | written & stored
    value &= ~(one.mask("rc_w0") & lanes & ~written)
    value &= ~(one.mask("rc_w1") & lanes & written)
    return value | one.mask("rs") & lanes & written


@dataclass
class CoreClock:
    """The frequency of the core in Hz; written by the RCC's model, read by whatever converts cycles to time."""

    hz: int


PS = 10**12


class TimedRegisters(Registers):
    """Registers whose hardware takes time.

    Attributes:
        clock: the core's clock.
        now: picoseconds since reset.
        flags: flags that can be kept from rising, by a short name: (register, field).
    """

    flags: ClassVar[dict[str, tuple[str, str]]] = {}

    def __init__(self, clock: CoreClock) -> None:
        self.clock, self.now = clock, 0
        self._due: dict[str, tuple[int, Callable[[], None]]] = {}
        self._dead: set[str] = set()
        super().__init__()

    def clear(self) -> None:
        super().clear()
        self._due = {}

    def never_ready(self, *names: str) -> None:
        """Faults to inject: these flags will not rise any more.

        Raises:
            ValueError: no such flag.
        """
        for name in names:
            if name not in self.flags:
                raise ValueError(f"{self.name} has no flag {name}; there are: {', '.join(self.flags)}")
        self._dead |= set(names)

    def after(self, key: str, seconds: float, action: Callable[[], None]) -> None:
        """Calls an action later; a second call with the same key replaces the first."""
        self._due[key] = (self.now + max(1, round(seconds * PS)), action)

    def cancel(self, key: str) -> None:
        """Forgets an action."""
        self._due.pop(key, None)

    def pending(self, key: str) -> bool:
        """Whether an action is still to come."""
        return key in self._due

    def rise(self, flag: str, seconds: float, then: Callable[[], None] | None = None) -> None:
        """Sets a ready flag later, unless it is kept from rising."""
        name, part = self.flags[flag]

        def action() -> None:
            self.put(name, part, 1)
            if then is not None:
                then()

        if flag not in self._dead:
            self.after(flag, seconds, action)

    def fall(self, flag: str) -> None:
        """Clears a ready flag at once."""
        self.cancel(flag)
        self.put(*self.flags[flag], 0)

    def advance(self, cycles: int) -> None:
        end = self.now + cycles * PS // self.clock.hz
        while self._due:
            key, (time, action) = min(self._due.items(), key=lambda item: item[1][0])
            if time > end:
                break
            del self._due[key]
            self.now = max(self.now, time)
            action()
        self.now = end

    def next_event(self) -> int | None:
        if not self._due:
            return None
        left = min(time for time, _ in self._due.values()) - self.now
        return max(1, -(-left * self.clock.hz // PS))
