# SPDX-License-Identifier: Apache-2.0
"""The memory protection unit (DDI 0403, B3.5): registers, and their regions as the hooks check them."""

from __future__ import annotations

from dataclasses import dataclass

from .bus import ChipError
from .native import FETCH, NORMAL, READ, WRITE, Region
from .registers import Register, Registers

_PRIVILEGED = (0, READ | WRITE, READ | WRITE, READ | WRITE, 0, READ, READ, READ)
_UNPRIVILEGED = (0, 0, READ, READ | WRITE, 0, 0, READ, READ)
"""By RASR.AP; 4 is reserved."""
_ATTRIBUTES = 0x173FFF3F
_ENABLE, _IN_FAULTS, _BACKGROUND = 1, 2, 4


@dataclass
class _Slot:
    base: int = 0
    attributes: int = 0


class Mpu:
    """MPU_TYPE to MPU_RASR and the three aliases, for `count` regions; offsets count from 0xE000E000."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.slots = [_Slot() for _ in range(count)]
        self.number = 0
        self._control = Register("MPU_CTRL", 0, writable=7, wrote=self._controlled)
        pairs = {}
        for alias, offset in (("", 0xD9C), ("_A1", 0xDA4), ("_A2", 0xDAC), ("_A3", 0xDB4)):
            pairs[offset] = Register(
                f"MPU_RBAR{alias}", writable=0xFFFFFFFF, read=self._read_base, wrote=self._write_base
            )
            pairs[offset + 4] = Register(
                f"MPU_RASR{alias}", writable=_ATTRIBUTES, read=self._read_attributes, wrote=self._write_attributes
            )
        select = Register("MPU_RNR", 0, writable=0xFF, read=lambda: self.number, wrote=self._select)
        self.registers = Registers("MPU", {
            0xD90: Register("MPU_TYPE", count << 8), 0xD94: self._control, 0xD98: select, **pairs,
        })  # fmt: skip

    def reset(self) -> None:
        """Off; the regions are undefined, here: off, too."""
        self.registers.reset()
        self.number = 0
        self.slots = [_Slot() for _ in range(self.count)]

    @property
    def enabled(self) -> bool:
        """MPU_CTRL.ENABLE."""
        return bool(self._control.value & _ENABLE)

    @property
    def in_faults(self) -> bool:
        """MPU_CTRL.HFNMIENA: it also checks at priorities below 0."""
        return bool(self._control.value & _IN_FAULTS)

    @property
    def background(self) -> bool:
        """MPU_CTRL.PRIVDEFENA: privileged code falls back to the default map."""
        return bool(self._control.value & _BACKGROUND)

    def _controlled(self, value: int) -> None:
        if value & _IN_FAULTS and not value & _ENABLE:
            raise ChipError("MPU_CTRL: HFNMIENA without ENABLE is unpredictable")
        if value & _ENABLE and not value & _BACKGROUND and not any(slot.attributes & 1 for slot in self.slots):
            raise ChipError("MPU_CTRL: enabled with no region and no background")

    def _select(self, value: int) -> None:
        if value >= self.count:
            raise ChipError(f"MPU_RNR: region {value} of {self.count}")
        self.number = value

    def _read_base(self) -> int:
        return self.slots[self.number].base | self.number

    def _write_base(self, value: int) -> None:
        if value & 0x10:
            self._select(value & 15)
        self.slots[self.number].base = value & ~0x1F
        self._check(self.slots[self.number])

    def _read_attributes(self) -> int:
        return self.slots[self.number].attributes

    def _write_attributes(self, value: int) -> None:
        self.slots[self.number].attributes = value
        self._check(self.slots[self.number])

    def _check(self, slot: _Slot) -> None:
        if not slot.attributes & 1:
            return
        bits = (slot.attributes >> 1 & 31) + 1
        if bits < 5:
            raise ChipError(f"MPU_RASR: a region of 2^{bits} bytes, the smallest is 32")
        if slot.base & ((1 << bits) - 1):
            raise ChipError(f"MPU: base {slot.base:#x} is no multiple of the region's {1 << bits:#x} bytes")
        if slot.attributes >> 8 & 0xFF and bits < 8:
            raise ChipError("MPU_RASR: subregions need a region of at least 256 bytes")
        if slot.attributes >> 24 & 7 == 4:
            raise ChipError("MPU_RASR: AP 4 is reserved")

    def region(self, number: int) -> Region:
        """A region for the hooks; last = base where it is off."""
        slot = self.slots[number]
        if not slot.attributes & 1:
            return Region()
        size = 2 << (slot.attributes >> 1 & 31)
        permission, normal = slot.attributes >> 24 & 7, NORMAL if _is_normal(slot.attributes) else 0
        rights = [kind[permission] for kind in (_PRIVILEGED, _UNPRIVILEGED)]
        executable = 0 if slot.attributes >> 28 & 1 else FETCH
        privileged, unprivileged = ((right | executable if right & READ else right) | normal for right in rights)
        disabled = slot.attributes >> 8 & 0xFF
        return Region(slot.base, slot.base + size - 1, disabled, max(1, size // 8), privileged, unprivileged)


def _is_normal(attributes: int) -> bool:
    """Whether TEX, C and B make it Normal memory: all but Strongly-ordered (0, 0, 0) and Device (0, 0, 1; 2, 0, 0)."""
    extension, cached, buffered = attributes >> 19 & 7, attributes >> 17 & 1, attributes >> 16 & 1
    kind = (extension, cached, buffered)
    if kind in ((0, 1, 1), (0, 1, 0), (1, 0, 0), (1, 1, 1)) or extension & 4:
        return True
    if kind in ((0, 0, 0), (0, 0, 1), (2, 0, 0)):
        return False
    raise ChipError(f"MPU_RASR: TEX {extension}, C {cached}, B {buffered} is reserved")
