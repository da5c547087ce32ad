# SPDX-License-Identifier: Apache-2.0
"""Cores and memories of the two parts (RM0402 2.2 for the STM32F412, RM0399 2.3 for the STM32H747).

Not there: bit-band aliases, the memories of the H747's second core and of its domain D2 (they need a clock).
"""

from __future__ import annotations

from dataclasses import dataclass

from .memory import Memory
from .scs import Core

KB = 1024
M4 = Core(cpuid=0x410FC241, is_m7=False, lines=97, mpu_regions=8, vectors=0)
M7 = Core(cpuid=0x411FC271, is_m7=True, lines=150, mpu_regions=16, vectors=0x08000000)


@dataclass(frozen=True)
class Part:
    """A chip without its peripherals.

    Attributes:
        memories: what is always there; external memories are windows of peripherals.
        boot: address of the vector table after a reset.
    """

    name: str
    core: Core
    memories: tuple[Memory, ...]
    boot: int


F412ZG = Part("STM32F412ZG", M4, (
    Memory("flash", 0x08000000, 1024 * KB, flash=True, alias=0),
    Memory("sram", 0x20000000, 256 * KB),
), boot=0x08000000)  # fmt: skip

H747XI = Part("STM32H747XI", M7, (
    Memory("itcm", 0x00000000, 64 * KB),
    Memory("flash", 0x08000000, 2048 * KB, flash=True),
    Memory("dtcm", 0x20000000, 128 * KB),
    Memory("axi", 0x24000000, 512 * KB),
    Memory("sram4", 0x38000000, 64 * KB),
), boot=0x08000000)  # fmt: skip
