# SPDX-License-Identifier: Apache-2.0
"""The shape of board.toml. Decoding is strict: an unknown key or a wrong type is an error that names its place."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

Bytes = Annotated[int, Meta(gt=0, le=1 << 32)]
Address = Annotated[int, Meta(ge=0, lt=1 << 32)]
Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*$", max_length=32)]


class Kind(StrEnum):
    """What a board is: a chip on a desk, a machine of the emulator, or a process of this computer."""

    HARDWARE = "hardware"
    EMULATED = "emulated"
    HOST = "host"


class MemoryKind(StrEnum):
    """Whether a memory keeps its content without power."""

    FLASH = "flash"
    RAM = "ram"


class Counter(StrEnum):
    """What the board's 64-bit counter counts."""

    CYCLES = "cycles"
    INSTRUCTIONS = "instructions"
    NANOSECONDS = "nanoseconds"


class Struct(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all tables."""


class Memory(Struct, frozen=True):
    """One memory region.

    Attributes:
        origin: first address.
        size: bytes.
        kind: flash or ram.
        speed: relative cost of one access, 1 is the fastest memory of the part; orders memories, is no unit of time.
        executable: code may be placed in it.
        loaded: its content is written with the image (by the flash runner or the emulator), without start-up code.
        external: outside of the chip: the port starts its controller, in layouts that use it; before that it must not
            be touched, so variables and the stack cannot be there.
        description: what it is on the board.
    """

    origin: Address
    size: Bytes
    kind: MemoryKind
    speed: Annotated[int, Meta(ge=1, le=1000)] = 1
    executable: bool = False
    loaded: bool = False
    external: bool = False
    description: str = ""

    @property
    def end(self) -> int:
        """First address behind the memory."""
        return self.origin + self.size


class Placement(Struct, frozen=True):
    """One step of a split placement: these models (all that are left, if empty) go to this memory."""

    memory: Name
    models: list[Name] = []


class Layout(Struct, frozen=True):
    """Which memory holds what; every name is a key of `memories`.

    Attributes:
        text: code, read-only data, vector table, load image of `data`.
        data: initialised and zeroed variables.
        stack: the stack, at the lowest addresses of its memory so that an overflow leaves it and faults.
        stack_size: bytes, a multiple of 8.
        weights: `.nn_weights`, memories in order of preference; what does not fit in one goes on to the next.
        activations: `.<model>.nn_data_act`, likewise.
        sections: input sections of the port that lie apart, by name, and the memory of each; what is named NAME.*
            follows NAME. They are kept whether or not anything refers to them.
        description: when to choose this layout.
    """

    text: Name
    data: Name
    stack: Name
    stack_size: Annotated[int, Meta(ge=512, multiple_of=8)]
    weights: list[Name | Placement]
    activations: list[Name | Placement]
    sections: dict[Annotated[str, Meta(pattern=r"^\.[a-z][a-z0-9_]*$")], Name] = {}
    description: str = ""


class Console(Struct, frozen=True):
    """The console's UART.

    Attributes:
        driver: source file in Boards/common, without its suffix.
        base: address of its registers.
        interrupt: number of its external interrupt, which ends the vector table; left out: none is used.
        baud: bits per second.
        usb_ids: "vendor:product" (hexadecimal) of the USB adapter that carries it, to find its port.
    """

    driver: str
    base: Address = 0
    interrupt: Annotated[int, Meta(ge=0, lt=240)] | None = None
    baud: Annotated[int, Meta(ge=300, le=12_000_000)] = 115200
    usb_ids: list[Annotated[str, Meta(pattern=r"^[0-9a-f]{4}:[0-9a-f]{4}$")]] = []


class Emulator(Struct, frozen=True):
    """How the emulator runs the board: `qemu-system-arm -M machine args...`.

    Attributes:
        machine: its name in QEMU.
        args: further arguments.
        serial: which of the machine's serial lines is the console, from 0.
    """

    machine: str
    args: list[str] = []
    serial: Annotated[int, Meta(ge=0, le=15)] = 0


class Port(Struct, frozen=True):
    """The board's own C code.

    Attributes:
        sources: files, relative to the board's folder.
        include_dirs: folders, relative to the board's folder; the folder itself is always searched.
        defines: preprocessor definitions, "NAME" or "NAME=VALUE".
    """

    sources: list[str]
    include_dirs: list[str] = []
    defines: list[str] = []


class Cube(Struct, frozen=True):
    """How the board is built on the HAL of an STM32Cube package.

    Attributes:
        series: as in the names of the HAL's folders, e.g. "STM32F4xx".
        sources: the port then, in place of that of [port].
        include_dirs: likewise.
        defines: definitions that the HAL needs: the macro of the device, ...
    """

    series: str
    sources: list[str]
    include_dirs: list[str] = []
    defines: list[str] = []


class FlashRunner(Struct, frozen=True):
    """What a flash program must know about the board; each uses the keys that concern it.

    Attributes:
        target: name of the chip or target in that program (probe-rs, pyOCD).
        config: OpenOCD configuration files, in order.
        interface: OpenOCD interface file; left out: interface/stlink.cfg, unless the first of `config` is a board/
            file, which brings its own.
        external_loader: loader of STM32CubeProgrammer for memories outside of the chip, used for images that touch one.
        writes: memories that this program can write; an image that touches another one is refused.
    """

    target: str = ""
    interface: str = ""
    config: list[str] = []
    external_loader: str = ""
    writes: list[Name] = []


class Descriptor(Struct, frozen=True):
    """A board.toml file.

    Attributes:
        schema: version of this format, 1.
        name: the folder's name.
        title: one line for people.
        kind: hardware, emulated or host.
        core: key of `cores.CORES`.
        fpu: key of the core's FPUs; empty: the core's default.
        clock_hz: of the core; durations are counter / clock_hz (nanoseconds counters: wall clock).
        counter: what the counter counts.
        counter_step: resolution of the counter, in counted units.
        device_id: DBGMCU device id, or a number that tells the machine.
        caches: "icache", "dcache" that the port switches on.
        default_layout: key of layouts.
    """

    schema: Annotated[int, Meta(ge=1, le=1)]
    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=40)]
    title: str
    kind: Kind
    core: str
    clock_hz: Annotated[int, Meta(gt=0)]
    counter: Counter
    console: Console
    port: Port
    fpu: str = ""
    part: str = ""
    counter_step: Annotated[int, Meta(ge=1)] = 1
    device_id: Annotated[int, Meta(ge=0, lt=1 << 32)] = 0
    caches: list[str] = []
    default_layout: str = ""
    memories: dict[Name, Memory] = {}
    layouts: dict[Name, Layout] = {}
    emulator: Emulator | None = None
    flash: dict[str, FlashRunner] = {}
    cube: Cube | None = None


class Vendor(msgspec.Struct, frozen=True):
    """Absolute paths of another's C files that a port is built on, and of their include folders."""

    sources: list[str]
    include_dirs: list[str]


class Board(msgspec.Struct, frozen=True):
    """A validated descriptor, the folder of its port, and what `load_board` finds it by.

    `named` is empty for a board that its folder stands for; `vendor` is what an STM32Cube package adds.
    """

    descriptor: Descriptor
    folder: Path
    named: str = ""
    vendor: Vendor | None = None

    @property
    def source(self) -> str:
        """What `load_board` makes this board of again: its folder, or "mcu:" and a part number."""
        return self.named or str(self.folder)

    @property
    def name(self) -> str:
        """The board's name, which is its folder's name."""
        return self.descriptor.name

    @property
    def kind(self) -> Kind:
        """hardware, emulated or host."""
        return self.descriptor.kind

    @property
    def memories(self) -> dict[str, Memory]:
        """Memories by name."""
        return self.descriptor.memories

    def layout(self, name: str | None = None) -> Layout:
        """The layout of that name, the default one for None or "".

        Raises:
            BoardNotFoundError: there is no such layout; the message lists those that exist.
        """
        from stm32_board_support.errors import BoardNotFoundError

        key = name or self.descriptor.default_layout
        if key not in self.descriptor.layouts:
            known = ", ".join(sorted(self.descriptor.layouts)) or "none"
            raise BoardNotFoundError(f"board {self.name} has no layout {key!r}; it has: {known}")
        return self.descriptor.layouts[key]


def placements(entries: list[Name | Placement]) -> list[Placement]:
    """Entries of a split placement, each in its long form."""
    return [entry if isinstance(entry, Placement) else Placement(memory=entry) for entry in entries]
