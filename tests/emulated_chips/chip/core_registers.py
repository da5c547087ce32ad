# SPDX-License-Identifier: Apache-2.0
"""The registers of the emulated core by name, over the emulator's calls."""

from __future__ import annotations

import ctypes

import unicorn
from unicorn import arm_const as arm
from unicorn.unicorn_py3 import unicorn as binding

from .exceptions import Masks

_READ, _WRITE = binding.uclib.uc_reg_read, binding.uclib.uc_reg_write
FLOAT_CONTEXT = 4
"""CONTROL.FPCA."""


class CoreRegisters:
    """General, special and floating-point registers of an emulator of an M-profile core."""

    def __init__(self, engine: unicorn.Uc) -> None:
        self._handle = engine._uch
        self._word, self._double = ctypes.c_uint32(), ctypes.c_uint64()
        self._at, self._wide_at = ctypes.byref(self._word), ctypes.byref(self._double)

    def _get(self, number: int) -> int:
        _READ(self._handle, number, self._at)
        return self._word.value

    def _set(self, number: int, value: int) -> None:
        self._word.value = value & 0xFFFFFFFF
        _WRITE(self._handle, number, self._at)

    def _get_double(self, number: int) -> int:
        _READ(self._handle, arm.UC_ARM_REG_D0 + number, self._wide_at)
        return self._double.value

    def _set_double(self, number: int, value: int) -> None:
        self._double.value = value
        _WRITE(self._handle, arm.UC_ARM_REG_D0 + number, self._wide_at)

    def __getitem__(self, number: int) -> int:
        """r0 to r12, 13: the stack pointer in use, 14: LR."""
        return self._get(_GENERAL[number])

    def __setitem__(self, number: int, value: int) -> None:
        self._set(_GENERAL[number], value)

    @property
    def pc(self) -> int:
        """Address of the next instruction, bit 0 clear."""
        return self._get(arm.UC_ARM_REG_PC)

    @property
    def xpsr(self) -> int:
        """Flags, IT and T state, exception number."""
        return self._get(arm.UC_ARM_REG_XPSR)

    @xpsr.setter
    def xpsr(self, value: int) -> None:
        self._set(arm.UC_ARM_REG_XPSR_NZCVQG, value)

    @property
    def exception(self) -> int:
        """IPSR; writing it selects the stack of the mode."""
        return self._get(arm.UC_ARM_REG_IPSR) & 0x1FF

    @exception.setter
    def exception(self, value: int) -> None:
        self._set(arm.UC_ARM_REG_IPSR, value)

    @property
    def control(self) -> int:
        """nPRIV, SPSEL, FPCA."""
        return self._get(arm.UC_ARM_REG_CONTROL) & 7

    @control.setter
    def control(self, value: int) -> None:
        self._set(arm.UC_ARM_REG_CONTROL, value)

    def masks(self) -> Masks:
        """PRIMASK, FAULTMASK, BASEPRI; an unprivileged program sees zeros."""
        return Masks(
            self._get(arm.UC_ARM_REG_PRIMASK) & 1, self._get(arm.UC_ARM_REG_FAULTMASK) & 1,
            self._get(arm.UC_ARM_REG_BASEPRI) & 0xFF,
        )  # fmt: skip

    def clear_faultmask(self) -> None:
        """What a return from an exception does."""
        self._set(arm.UC_ARM_REG_FAULTMASK, 0)

    def clear_masks(self) -> None:
        """What a reset does."""
        for number in (arm.UC_ARM_REG_PRIMASK, arm.UC_ARM_REG_FAULTMASK, arm.UC_ARM_REG_BASEPRI):
            self._set(number, 0)

    def stack(self, process: bool) -> int:
        """PSP or MSP."""
        return self._get(arm.UC_ARM_REG_PSP if process else arm.UC_ARM_REG_MSP)

    def set_stack(self, process: bool, value: int) -> None:
        """PSP or MSP."""
        self._set(arm.UC_ARM_REG_PSP if process else arm.UC_ARM_REG_MSP, value)

    def float_words(self) -> list[int]:
        """s0 to s15 as 16 words, FPSCR, and the reserved word of a stack frame: 18 words."""
        doubles = [self._get_double(number) for number in range(8)]
        words = [word for double in doubles for word in (double & 0xFFFFFFFF, double >> 32 & 0xFFFFFFFF)]
        return [*words, self._get(arm.UC_ARM_REG_FPSCR), 0]

    def set_float_words(self, words: list[int]) -> None:
        """The reverse of `float_words`."""
        for number in range(8):
            self._set_double(number, words[2 * number] | words[2 * number + 1] << 32)
        self._set(arm.UC_ARM_REG_FPSCR, words[16])


_GENERAL = (*(arm.UC_ARM_REG_R0 + number for number in range(13)), arm.UC_ARM_REG_SP, arm.UC_ARM_REG_LR)
