# SPDX-License-Identifier: Apache-2.0
"""The hooks that run at every instruction and access, in C (hooks.c): compiled here, shared as one structure."""

from __future__ import annotations

import ctypes
import enum
import shutil
import subprocess
import tempfile
import zlib
from pathlib import Path

import unicorn
from unicorn.unicorn_py3 import unicorn as binding

SOURCE = Path(__file__).with_name("hooks.c")
CACHE = Path(__file__).resolve().parents[3] / ".cache" / "emulated_chips"
REGIONS, LINES, DECODED, UNDONE = 16, 4096, 65536, 64
FOREVER = (1 << 64) - 1


class Stop(enum.IntEnum):
    """Why the hooks stopped the emulator (enum stop)."""

    RUNNING = 0
    TIME = 1
    DATA_DENIED = 2
    FETCH_DENIED = 3
    UNALIGNED = 4
    COPROCESSOR = 5
    ZERO_DIVISOR = 6
    SUPERVISOR_CALL = 7
    BREAKPOINT = 8
    SLEEP_INTERRUPT = 9
    SLEEP_EVENT = 10
    SEND_EVENT = 11


READ, WRITE, FETCH, NORMAL = 1, 2, 4, 8
"""Rights of a program to a byte of memory (enum right); NORMAL is the memory's type, not Device."""

_U32, _U64 = ctypes.c_uint32, ctypes.c_uint64


class Region(ctypes.Structure):
    """A region of the MPU (struct region)."""

    _fields_ = [(name, _U32) for name in ("base", "last", "disabled", "eighth", "privileged", "unprivileged")]


class _Undo(ctypes.Structure):
    _fields_ = [("address", _U32), ("size", _U32), ("old", ctypes.c_uint8 * 8)]


class Hooks(ctypes.Structure):
    """struct hooks."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("stop", "reg_read", "mem_read", "uc")),
        ("cycles", _U64), ("deadline", _U64),
        *((name, _U32) for name in (
            "reason", "pc", "opcode", "address", "size", "write", "soon", "float_enabled", "trap_unaligned",
            "trap_zero", "mpu_enabled", "mpu_background", "mpu_in_faults", "regions",
        )),
        ("region", Region * REGIONS),
        *((name, _U32) for name in ("negative", "privileged", "masked", "masks_changed")),
        ("saved", _U32 * 16), ("undo_count", _U32), ("undo", _Undo * UNDONE),
        *((name, _U32) for name in ("kind", "block", "block_left")),
        ("line_tag", _U32 * LINES), ("line_rights", ctypes.c_uint8 * LINES),
        ("decoded_pc", _U32 * DECODED), ("decoded_opcode", _U32 * DECODED), ("decoded_kind", ctypes.c_uint8 * DECODED),
    ]  # fmt: skip


def _compiled() -> Path:
    """The shared object of hooks.c, built once per version of the source and of unicorn."""
    key = zlib.crc32(SOURCE.read_bytes() + unicorn.__version__.encode())
    target = CACHE / f"hooks-{key:08x}.so"
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        compiler = shutil.which("cc")
        assert compiler is not None, "no C compiler (cc) on this machine"
        include = Path(unicorn.__file__).parent / "include"
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            built = Path(folder) / "hooks.so"
            flags = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-isystem", str(include)]
            subprocess.run([compiler, *flags, str(SOURCE), "-o", str(built)], check=True)
            built.rename(target)
    return target


class Native:
    """hooks.c, attached to one emulator; `state` is its structure."""

    def __init__(self, engine: unicorn.Uc) -> None:
        self._library = ctypes.CDLL(str(_compiled()))
        self._library.hooks_size.restype = _U64
        assert self._library.hooks_size() == ctypes.sizeof(Hooks), "native.py and hooks.c disagree"
        self.state = Hooks()
        for name, symbol in (("stop", "uc_emu_stop"), ("reg_read", "uc_reg_read"), ("mem_read", "uc_mem_read")):
            setattr(self.state, name, ctypes.cast(getattr(binding.uclib, symbol), ctypes.c_void_p))
        self.state.uc = engine._uch  # noqa: SLF001 - the binding has no public name for its handle
        self._pointer = ctypes.byref(self.state)
        self._handles: list[ctypes.c_size_t] = []
        self._attach(unicorn.UC_HOOK_CODE, "hooks_instruction")
        self._attach(unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE, "hooks_access")

    def _attach(self, kind: int, function: str) -> None:
        handle = ctypes.c_size_t()
        callback = ctypes.cast(getattr(self._library, function), ctypes.c_void_p)
        everywhere = (_U64(1), _U64(0))
        status = binding.uclib.uc_hook_add(
            ctypes.c_void_p(self.state.uc),
            ctypes.byref(handle), kind, callback, self._pointer, *everywhere,
        )  # fmt: skip
        assert status == 0, f"uc_hook_add: {status}"
        self._handles.append(handle)

    def refresh(self) -> None:
        """Masks, privilege, the MPU or an IT state were changed by Python."""
        self._library.hooks_refresh(self._pointer)

    def rights(self, address: int) -> int:
        """What the core may do at an address."""
        return int(self._library.hooks_rights(self._pointer, _U32(address)))

    def undo(self) -> None:
        """Forgets that the emulator stopped."""
        self.state.reason, self.state.soon = Stop.RUNNING, 0
