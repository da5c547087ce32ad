# SPDX-License-Identifier: Apache-2.0
"""What `stm32 doctor` looks for: programs, sources and libraries, what each is for, and how to get it."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stm32_cli.project import tools

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_VERSION = re.compile(r"\d+(\.\d+)+\S*")
_TIMEOUT = 10.0
_PLUGIN_GROUP = "stm32_emitter.operators"
"""``stm32_emitter.extension.ENTRY_POINTS``, whose import takes a second that most machines need not wait for."""


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report.

    Attributes:
        name: of the tool.
        needed_for: what does not work without it.
        required: whether its absence is a failure.
        version: "" where it is not there, "?" where it does not tell.
        where: path, "" where it is not there.
        install: how to get it.
        problem: what is wrong with it although it is there; "" where nothing is.
    """

    name: str
    needed_for: str
    required: bool
    version: str
    where: str
    install: str
    problem: str = ""

    @property
    def found(self) -> bool:
        """Whether it is there."""
        return bool(self.where)


def _version_of(path: str, argument: str = "--version") -> str:
    try:
        done = subprocess.run(
            [path, argument], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return "?"
    return version_in(done.stdout or done.stderr)


def version_in(text: str) -> str:
    """The version in what a program says of itself: the last of the first line that has one, "?" if none has."""
    for line in text.splitlines():
        words = line.replace("(", " ").replace(")", " ").split()
        versions = [word for word in words if _VERSION.fullmatch(word.lstrip("v"))]
        if versions:
            return versions[-1].lstrip("v")
    return "?"


def _in_path(name: str, *folders: str | None) -> str:
    for folder in folders:
        if folder:
            for place in (Path(folder), Path(folder) / "bin"):
                if found := shutil.which(name, path=str(place)):
                    return found
    return shutil.which(name) or ""


def _program(
    name: str, needed_for: str, install: str, *folders: str | None, required: bool = True, wheel: bool = False
) -> Finding:
    where = _in_path(name, *folders)
    if wheel:
        try:
            where = str(tools.build_program(name))
        except Exception:  # noqa: BLE001 - not found is what is reported
            where = ""
    return Finding(name, needed_for, required, _version_of(where) if where else "", where, install)


def _library(distribution: str, needed_for: str, *, required: bool = True) -> Finding:
    install = f"pip install {distribution}"
    try:
        found = importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        return Finding(distribution, needed_for, required, "", "", install)
    return Finding(distribution, needed_for, required, found.version, str(found.locate_file("")), install)


def _newlib() -> Finding:
    compiler = _in_path("arm-none-eabi-gcc", os.environ.get("ARM_PATH"))
    install = "apt-get install libnewlib-arm-none-eabi (part of Arm's own toolchain)"
    where = ""
    if compiler:
        done = tools.run([compiler, "-mcpu=cortex-m4", "-mthumb", "-print-file-name=libc.a"])
        path = Path(done.stdout.strip())
        where = str(path.resolve()) if path.is_absolute() and path.is_file() else ""
    version = _newlib_version(compiler) if where else ""
    return Finding("newlib", "firmware for a board", required=True, version=version, where=where, install=install)


def _newlib_version(compiler: str) -> str:
    macros = tools.run([compiler, "-E", "-dM", "-include", "newlib.h", "-x", "c", os.devnull]).stdout
    match = re.search(r'_NEWLIB_VERSION "([^"]+)"', macros)
    return match[1] if match else "?"


def _nanopb() -> Finding:
    folder = tools.nanopb_dir()
    version = ""
    if folder:
        match = re.search(r"NANOPB_VERSION\D+(\d[\d.]*)", (folder / "pb.h").read_text(errors="replace"))
        version = match[1] if match else "?"
    where = str(folder or "")
    purpose = "the Validation firmware"
    return Finding("nanopb", purpose, required=True, version=version, where=where, install=tools.NANOPB_HINT)


def _flash_programs() -> Iterator[Finding]:
    from stm32_board_support import RUNNERS, ToolMissingError, find_runner

    for name, runner in RUNNERS.items():
        try:
            where, install = str(find_runner(name)), runner.install
        except ToolMissingError as error:
            wrong = runner.folder_variable and os.environ.get(runner.folder_variable)
            where, install = "", str(error) if wrong else runner.install
        version = _version_of(where) if where else ""
        yield Finding(runner.program, "flashing", required=False, version=version, where=where, install=install)


def _plugins() -> Iterator[Finding]:
    """Installed packages with operators, each loaded as `stm32 compile` loads it."""
    for entry in importlib.metadata.entry_points(group=_PLUGIN_GROUP):
        package, version, where = "?", "?", entry.value
        if entry.dist is not None:
            package, version, where = entry.dist.name, entry.dist.version, str(entry.dist.locate_file(""))
        yield Finding(
            f"plug-in {entry.name}", f"operators of {package}", required=True, version=version, where=where,
            install=f"pip install {package}", problem=_plugin_problem(entry),
        )  # fmt: skip


def _plugin_problem(entry: importlib.metadata.EntryPoint) -> str:
    """Why a plug-in cannot be loaded; "" if it can."""
    try:
        from stm32_emitter.errors import EmitterError
        from stm32_emitter.extension import load_entry_point
    except ImportError as error:
        return f"the compiler, which would load it, is not usable: {error}"
    try:
        load_entry_point(entry)
    except EmitterError as error:
        return str(error).replace("\n", "; ")
    return ""


_CHECKS: tuple[Callable[[], Finding], ...] = (
    lambda: _library("stm32-ai-emitter", "stm32 compile"),
    lambda: _library("apache-tvm", "stm32 compile"),
    lambda: _library("tflite", "stm32 compile"),
    lambda: _library("stm32-ai-runtime-c", "firmware"),
    lambda: _library("stm32-ai-board-support", "boards"),
    lambda: _library("stm32-ai-runner", "stm32 validate"),
    lambda: _library("ai-edge-litert", "stm32 validate without stored outputs", required=False),
    lambda: _library("onnx", "models in .onnx files", required=False),
    lambda: _library("onnxruntime", "stm32 validate and quantize of .onnx files", required=False),
    lambda: _library("ai-edge-quantizer", "stm32 quantize of .tflite files", required=False),
    lambda: _library("modm-devices", "stm32 parts, build --mcu", required=False),
    lambda: _program("cmake", "stm32 build", "pip install cmake", wheel=True),
    lambda: _program("ninja", "stm32 build", "pip install ninja", wheel=True),
    lambda: _program(
        "arm-none-eabi-gcc",
        "firmware for a board",
        "apt-get install gcc-arm-none-eabi, or set ARM_PATH to a toolchain's bin folder",
        os.environ.get("ARM_PATH"),
    ),
    _newlib,
    _nanopb,
    lambda: _program("qemu-system-arm", "emulated boards", "apt-get install qemu-system-arm"),
    lambda: _program(
        os.environ.get("CC") or "cc", "validate -d host, counting instructions", "apt-get install gcc", required=False
    ),
)


def inspect() -> list[Finding]:
    """Looks at this machine; takes about a second, two more where plug-ins are installed, which the compiler loads."""
    return [*(check() for check in _CHECKS), *_flash_programs(), *_plugins()]
