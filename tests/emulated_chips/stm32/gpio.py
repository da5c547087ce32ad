# SPDX-License-Identifier: Apache-2.0
"""GPIO ports, the same in both families except for what they are after reset."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.emulated_chips.stm32.registers import Register, Registers, register

ANY = (1, 2, 4)
INPUT, OUTPUT, ALTERNATE, ANALOG = range(4)
MODES = ("input", "output", "alternate function", "analog")


def _per_pin(name: str, width: int, pins: range, access: str = "rw") -> str:
    first = pins[0]
    return " ".join(f"{name}{pin}={(pin - first) * width + width - 1}:{(pin - first) * width}/{access}" for pin in pins)


def _layout(moder: int, ospeedr: int, pupdr: int) -> tuple[Register, ...]:
    pins, low, high = range(16), range(8), range(8, 16)
    sets = " ".join(f"BS{pin}={pin}/w BR{pin}={pin + 16}/w" for pin in pins)
    return (
        register("MODER", 0x00, moder, _per_pin("MODER", 2, pins), ANY),
        register("OTYPER", 0x04, 0, _per_pin("OT", 1, pins), ANY),
        register("OSPEEDR", 0x08, ospeedr, _per_pin("OSPEEDR", 2, pins), ANY),
        register("PUPDR", 0x0C, pupdr, _per_pin("PUPDR", 2, pins), ANY),
        register("IDR", 0x10, 0, _per_pin("IDR", 1, pins, "r"), ANY),
        register("ODR", 0x14, 0, _per_pin("ODR", 1, pins), ANY),
        register("BSRR", 0x18, 0, sets, ANY),
        register("AFRL", 0x20, 0, _per_pin("AFR", 4, low), ANY),
        register("AFRH", 0x24, 0, _per_pin("AFR", 4, high), ANY),
    )


class Gpio(Registers):
    """One port.

    Attributes:
        inputs: levels that the board drives, by pin; others follow the pull resistor, 0 without.
        version: counts writes, so that checks of many pins can be remembered.
    """

    def __init__(self, letter: str, base: int, moder: int, ospeedr: int, pupdr: int) -> None:
        self.name, self.base = f"GPIO{letter}", base
        self.layout = _layout(moder, ospeedr, pupdr)
        self.inputs: dict[int, int] = {}
        self.version = 0
        super().__init__()

    def write(self, offset: int, size: int, value: int) -> None:
        self.version += 1
        super().write(offset, size, value)

    def reset(self) -> None:
        self.version += 1
        super().reset()

    def read_idr(self) -> int:
        return sum(self.level(pin) << pin for pin in range(16))

    def write_bsrr(self, _: int, new: int) -> None:
        sets, clears = new & 0xFFFF, new >> 16
        self.values["ODR"] = self.values["ODR"] & ~clears | sets

    def write_pupdr(self, _: int, new: int) -> None:
        for pin in range(16):
            if new >> 2 * pin & 3 == 3:
                raise self.error(f"PUPDR{pin} is 3, which is reserved")

    def level(self, pin: int) -> int:
        """What the pin's input buffer sees; analog mode reads 0."""
        mode = self.mode(pin)
        if mode == OUTPUT:
            return self.values["ODR"] >> pin & 1
        if mode == ANALOG:
            return 0
        return self.inputs.get(pin, int(self.values["PUPDR"] >> 2 * pin & 3 == 1))

    def mode(self, pin: int) -> int:
        """INPUT, OUTPUT, ALTERNATE or ANALOG."""
        return self.values["MODER"] >> 2 * pin & 3

    def function(self, pin: int) -> int:
        """The alternate function that is selected, whether or not the mode uses it."""
        return self.values["AFRL" if pin < 8 else "AFRH"] >> 4 * (pin & 7) & 15

    def speed(self, pin: int) -> int:
        """OSPEEDR: 0 low, 1 medium, 2 high, 3 very high."""
        return self.values["OSPEEDR"] >> 2 * pin & 3

    def open_drain(self, pin: int) -> bool:
        """Whether the output only pulls down."""
        return bool(self.values["OTYPER"] >> pin & 1)


@dataclass(frozen=True)
class Wire:
    """A pin that the board connects: PD8 in alternate function 7, at least at speed 0."""

    signal: str
    port: str
    pin: int
    function: int
    speed: int = 0


class Wiring:
    """Whether all pins of a peripheral are in its hands."""

    def __init__(self, ports: dict[str, Gpio], wires: Iterable[Wire]) -> None:
        self.ports, self.wires = ports, tuple(wires)
        self._seen, self._fault = -1, ""

    def fault(self) -> str:
        """The first pin that is not, and why; empty if all are."""
        version = sum(port.version for port in self.ports.values())
        if version != self._seen:
            self._seen = version
            self._fault = next((text for wire in self.wires if (text := self._wrong(wire))), "")
        return self._fault

    def _wrong(self, wire: Wire) -> str:
        port, name = self.ports[wire.port], f"P{wire.port}{wire.pin} ({wire.signal})"
        if port.mode(wire.pin) != ALTERNATE:
            return f"pin {name} is in {MODES[port.mode(wire.pin)]} mode instead of alternate function {wire.function}"
        if port.function(wire.pin) != wire.function:
            return f"pin {name} is in alternate function {port.function(wire.pin)} instead of {wire.function}"
        if port.speed(wire.pin) < wire.speed:
            return f"pin {name} has output speed {port.speed(wire.pin)}, needs at least {wire.speed}"
        if port.open_drain(wire.pin):
            return f"pin {name} is open-drain"
        return ""


def ports(letters: str, base: int, after_reset: Callable[[str], tuple[int, int, int]]) -> dict[str, Gpio]:
    """Ports at steps of 0x400; after_reset gives MODER, OSPEEDR and PUPDR of a port."""
    return {letter: Gpio(letter, base + 0x400 * index, *after_reset(letter)) for index, letter in enumerate(letters)}
