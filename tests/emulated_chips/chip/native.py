# SPDX-License-Identifier: Apache-2.0
"""The hooks that run at every instruction and access, in C (hooks.c): compiled here, shared as one structure."""

from __future__ import annotations

import ctypes
import enum
import shutil
import subprocess
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

import unicorn
from unicorn.unicorn_py3 import unicorn as binding

SOURCE = Path(__file__).with_name("hooks.c")
CACHE = Path(__file__).resolve().parents[3] / ".cache" / "emulated_chips"
REGIONS, LINES, DECODED, UNDONE = 16, 4096, 65536, 64
_NEVER = 0xFFFFFFFE


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

Reader = Callable[[int, int], int]
"""Address and bytes to value."""
Writer = Callable[[int, int, int], None]
"""Address, bytes, value."""

_U32, _U64 = ctypes.c_uint32, ctypes.c_uint64


class Region(ctypes.Structure):
    """A region of the MPU (struct region)."""

    _fields_ = [(name, _U32) for name in ("base", "last", "disabled", "eighth", "privileged", "unprivileged")]


class _Undo(ctypes.Structure):
    _fields_ = [("address", _U32), ("size", _U32), ("old", ctypes.c_uint8 * 8)]


class Hooks(ctypes.Structure):
    """struct hooks."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("stop", "reg_read", "reg_write", "mem_read", "uc")),
        ("cycles", _U64), ("deadline", _U64),
        *((name, _U32) for name in (
            "reason", "pc", "opcode", "address", "size", "write", "soon", "float_enabled", "trap_unaligned",
            "trap_zero", "mpu_enabled", "mpu_background", "mpu_in_faults", "regions",
        )),
        ("region", Region * REGIONS),
        *((name, _U32) for name in ("negative", "privileged", "masked", "masks_changed")),
        ("saved", _U32 * 16), ("undo_count", _U32), ("undo", _Undo * UNDONE),
        ("read_register", ctypes.c_void_p), ("write_register", ctypes.c_void_p), ("answer_until", _U64),
        *((name, _U32) for name in ("answer_pc", "answer_address", "answer")),
        *((name, _U32) for name in ("kind", "block", "block_left", "in_block")),
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


class _Area(ctypes.Structure):
    _fields_ = [("hooks", ctypes.c_void_p), ("origin", _U64)]


_READ_TYPE = ctypes.CFUNCTYPE(_U64, _U64, _U32)
_WRITE_TYPE = ctypes.CFUNCTYPE(None, _U64, _U32, _U64)


class Native:
    """hooks.c, attached to one emulator; `state` is its structure."""

    def __init__(self, engine: unicorn.Uc) -> None:
        self._library = ctypes.CDLL(str(_compiled()))
        self._library.hooks_size.restype = _U64
        assert self._library.hooks_size() == ctypes.sizeof(Hooks), "native.py and hooks.c disagree"
        self.state = Hooks()
        calls = {"stop": "emu_stop", "reg_read": "reg_read", "reg_write": "reg_write", "mem_read": "mem_read"}
        for name, symbol in calls.items():
            setattr(self.state, name, ctypes.cast(getattr(binding.uclib, f"uc_{symbol}"), ctypes.c_void_p))
        self.state.uc = engine._uch
        self._pointer = ctypes.byref(self.state)
        self._engine = ctypes.c_void_p(self.state.uc)
        self._handles: list[object] = []
        self._attach(unicorn.UC_HOOK_CODE, "hooks_instruction")
        self._attach(unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE, "hooks_access")

    def _attach(self, kind: int, function: str) -> None:
        handle = ctypes.c_size_t()
        callback = ctypes.cast(getattr(self._library, function), ctypes.c_void_p)
        everywhere = (_U64(1), _U64(0))
        status = binding.uclib.uc_hook_add(
            self._engine, ctypes.byref(handle), kind, callback, self._pointer, *everywhere,
        )  # fmt: skip
        assert status == 0, f"uc_hook_add: {status}"
        self._handles.append(handle)

    def map_registers(self, areas: list[tuple[int, int]], read: Reader, write: Writer) -> None:
        """Gives areas of (origin, bytes) to functions that read and write registers; they must not raise."""
        functions = _READ_TYPE(read), _WRITE_TYPE(write)
        for name, function in zip(("read_register", "write_register"), functions, strict=True):
            setattr(self.state, name, ctypes.cast(function, ctypes.c_void_p))
        self._handles.extend(functions)
        reads, writes = (
            ctypes.cast(getattr(self._library, name), ctypes.c_void_p) for name in ("hooks_read", "hooks_write")
        )
        for origin, size in areas:
            area = _Area(ctypes.addressof(self.state), origin)
            self._handles.append(area)
            place = ctypes.byref(area)
            status = binding.uclib.uc_mmio_map(
                self._engine, _U64(origin), ctypes.c_size_t(size), reads, place, writes, place
            )
            assert status == 0, f"uc_mmio_map: {status}"

    def start(self, pc: int) -> int:
        """Executes from an address, with bit 0 set, until something stops it; a status of unicorn (UC_ERR_...)."""
        return int(binding.uclib.uc_emu_start(self._engine, _U64(pc), _U64(_NEVER), _U64(0), ctypes.c_size_t(0)))

    def refresh(self) -> None:
        """Masks, privilege, the MPU or an IT state were changed by Python."""
        self._library.hooks_refresh(self._pointer)

    def rights(self, address: int) -> int:
        """What the core may do at an address."""
        return int(self._library.hooks_rights(self._pointer, _U32(address)))

    def check(self, address: int, size: int, write: bool) -> bool:
        """Whether an access may be tried, as far as the core decides; if not, the stop is set."""
        kind = unicorn.UC_MEM_WRITE if write else unicorn.UC_MEM_READ
        self._library.hooks_access(self._engine, kind, _U64(address), size, ctypes.c_int64(0), self._pointer)
        return bool(self.state.reason == Stop.RUNNING)

    def undo(self) -> None:
        """Forgets that the emulator stopped."""
        self.state.reason, self.state.soon = Stop.RUNNING, 0
