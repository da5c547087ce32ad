# SPDX-License-Identifier: Apache-2.0
"""Which fault an instruction has earned that the hooks, or the emulator, could not let pass."""

from __future__ import annotations

from . import exceptions as ex
from . import frames as fr
from .frames import Fault
from .native import FETCH, Hooks, Native, Stop

PRIVATE = range(0xE0000000, 0xE0100000)
"""Addresses of the core's own peripherals."""


def stop_fault(state: Hooks) -> Fault | None:
    """The fault that the hooks stopped for; None if it is something else."""
    maker = _MAKERS.get(Stop(state.reason))
    return None if maker is None else maker(state)


def _data_denied(state: Hooks) -> Fault:
    kind = "write to" if state.write else "read from"
    if state.address in PRIVATE:
        what, number, bits = "unprivileged access to a private peripheral", ex.BUS_FAULT, fr.PRECISERR
    else:
        what, number, bits = f"MPU: no right to the {kind} {state.address:#010x}", ex.MEM_MANAGE, fr.DACCVIOL
    return Fault(number, bits, what, state.pc, state.address)


def _fetch_denied(state: Hooks) -> Fault:
    return Fault(ex.MEM_MANAGE, fr.IACCVIOL, f"no right to execute at {state.address:#010x}", state.pc)


def _unaligned(state: Hooks) -> Fault:
    what = f"unaligned access of {state.size} bytes to {state.address:#010x}"
    return Fault(ex.USAGE_FAULT, fr.UNALIGNED, what, state.pc)


def _coprocessor(state: Hooks) -> Fault:
    what = "instruction of a coprocessor that CPACR does not enable or that is not there"
    return Fault(ex.USAGE_FAULT, fr.NOCP, what, state.pc)


def _zero_divisor(state: Hooks) -> Fault:
    return Fault(ex.USAGE_FAULT, fr.DIVBYZERO, "division by zero", state.pc)


_MAKERS = {
    Stop.DATA_DENIED: _data_denied, Stop.FETCH_DENIED: _fetch_denied, Stop.UNALIGNED: _unaligned,
    Stop.COPROCESSOR: _coprocessor, Stop.ZERO_DIVISOR: _zero_divisor,
}  # fmt: skip


def after(state: Hooks) -> int:
    """The address behind the instruction that stopped."""
    long = state.opcode & 0xF800 >= 0xE800
    return int(state.pc) + (4 if long else 2)


def fetch_fault(native: Native, address: int) -> Fault:
    """Execution where it cannot be."""
    if not native.rights(address) & FETCH:
        return Fault(ex.MEM_MANAGE, fr.IACCVIOL, f"no right to execute at {address:#010x}", address & ~1)
    return Fault(ex.BUS_FAULT, fr.IBUSERR, f"execution at {address:#010x}, where no memory is", address & ~1)


def bus_fault(state: Hooks, address: int, size: int, write: bool) -> Fault:
    """Data where nothing is. A write is buffered: the core has gone on when the bus answers (imprecise)."""
    if write:
        what = f"write of {size} bytes to {address:#010x}, where nothing is"
        return Fault(ex.BUS_FAULT, fr.IMPRECISERR, what, after(state))
    what = f"read of {size} bytes from {address:#010x}, where nothing is"
    return Fault(ex.BUS_FAULT, fr.PRECISERR, what, state.pc, address)
