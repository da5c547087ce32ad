# SPDX-License-Identifier: Apache-2.0
"""Compilers and machines on which batches of models run."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import stm32_emitter
import stm32_runtime_c

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "conformance"
C_FOLDER = Path(__file__).parent / "c"

STRICT = (
    "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion", "-Wsign-conversion", "-Wshadow",
    "-Wcast-qual", "-Wcast-align", "-Wundef", "-Wdouble-promotion", "-Wvla", "-Wstrict-prototypes",
    "-Wmissing-prototypes",
)  # fmt: skip
"""Everything that emitted C and the runtime must be clean under."""


class ToolMissing(RuntimeError):  # noqa: N818
    """A program that a machine needs is not installed."""


@dataclass(frozen=True)
class Machine:
    """Where the compiled batches run.

    Attributes:
        name: of the machine.
        target: what the models are compiled for (``compile_model(target=)``).
        compiler: a C compiler.
        flags: for compiling and linking.
        link: for linking only, the sources of the start-up included.
        emulator: what runs the program, or nothing on the host.
        environment: variables set for the program.
        optimize: what the models are compiled for (``compile_model(optimize=)``).
    """

    name: str
    target: str
    compiler: str
    flags: tuple[str, ...]
    link: tuple[str, ...] = ()
    emulator: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    optimize: str = "balanced"

    def require(self) -> None:
        """Raises ToolMissing with the name of a program that is not on PATH."""
        for program in (self.compiler, *self.emulator[:1]):
            if shutil.which(program) is None:
                raise ToolMissing(f"{program} is not installed")

    def command(self, program: Path) -> list[str]:
        """The command that runs a linked program in the current folder."""
        if not self.emulator:
            return [str(program)]
        return [*self.emulator, "-kernel", str(program)]


def _emulated(name: str, core: tuple[str, ...], target: str) -> Machine:
    link = (
        "-nostartfiles", "--specs=rdimon.specs", "-Wl,--gc-sections", "-Wl,--no-warn-rwx-segments",
        f"-L{C_FOLDER}", "-T", "mps2-an500.ld" if name == "mps2-an500" else "mps2.ld", str(C_FOLDER / "start.c"),
    )  # fmt: skip
    emulator = (
        "qemu-system-arm", "-M", name, "-display", "none", "-serial", "none", "-monitor", "none",
        "-semihosting-config", "enable=on,target=native",
    )  # fmt: skip
    flags = (*core, "-mthumb", "-O2", "-ffunction-sections", "-fdata-sections")
    return Machine(name, target, "arm-none-eabi-gcc", flags, link, emulator)


def _small(machine: Machine) -> Machine:
    """The same machine with models and kernels for small code."""
    flags = tuple(flag for flag in machine.flags if not flag.startswith("-O"))
    return replace(machine, name=f"{machine.name}-size", flags=(*flags, "-Os", "-DAI_K_SMALL=1"), optimize="size")


_M4 = _emulated("mps2-an386", ("-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"), "cortex-m4")
_HOST = Machine("host", "cortex-m4", "gcc", ("-O1",))

MACHINES = {
    machine.name: machine
    for machine in (
        _HOST,
        _small(_HOST),
        Machine(
            "host-sanitized", "cortex-m4", "gcc",
            ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
            environment=(("ASAN_OPTIONS", "detect_leaks=0"), ("UBSAN_OPTIONS", "print_stacktrace=1")),
        ),
        _M4,
        _small(_M4),
        _emulated("mps2-an500", ("-mcpu=cortex-m7", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"), "cortex-m7"),
        _emulated("mps2-an385", ("-mcpu=cortex-m3",), "cortex-m3"),
    )
}  # fmt: skip
"""By name. mps2-an386 (Cortex-M4F) and mps2-an500 (Cortex-M7) run the DSP forms of the kernels, mps2-an385 (Cortex-M3)
the plain ones; those with -size are compiled for small code."""


def run(command: list[str], folder: Path, *, timeout: float, environment: tuple[tuple[str, str], ...] = ()) -> str:
    """Runs a command; returns what it printed.

    Raises:
        RuntimeError: it fails or takes longer than ``timeout`` seconds; the message holds what it printed.
    """
    try:
        result = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=timeout, check=False,
            env={**os.environ, **dict(environment)},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"{command[0]}: not finished after {timeout} s") from None
    text = result.stdout + result.stderr
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command[:3])} ...: status {result.returncode}\n{text[-6000:]}")
    return text


def sources_digest() -> str:
    """12 hexadecimal digits that tell versions of the emitter, the runtime and these tests apart."""
    emitter = Path(stm32_emitter.__file__).parent
    runtime = Path(stm32_runtime_c.include_dir()).parent
    digest = hashlib.sha256()
    for folder in (emitter, runtime, Path(__file__).parent):
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".py", ".c", ".h", ".ld", ".S"):
                digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def runtime_archive(machine: Machine) -> Path:
    """The runtime and the kernels, compiled for ``machine``; made once for each content of their sources.

    Of several processes that want it one makes it, the others wait.
    """
    sources = [Path(path) for path in stm32_runtime_c.sources()]
    include = Path(stm32_runtime_c.include_dir())
    digest = hashlib.sha256(" ".join((machine.compiler, *machine.flags)).encode())
    for path in sorted([*sources, *include.glob("*.h"), C_FOLDER / "driver.c", C_FOLDER / "batch.h"]):
        digest.update(path.read_bytes())
    archive = BUILD / "runtime" / f"{machine.name}-{digest.hexdigest()[:16]}.a"
    if archive.exists():
        return archive
    archive.parent.mkdir(parents=True, exist_ok=True)
    with archive.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not archive.exists():
            _make_archive(machine, archive, sources)
    return archive


def _make_archive(machine: Machine, archive: Path, sources: list[Path]) -> None:
    with tempfile.TemporaryDirectory(dir=archive.parent) as name:
        folder = Path(name)
        flags = [*machine.flags, *STRICT, f"-I{stm32_runtime_c.include_dir()}", f"-I{C_FOLDER}"]
        own = [path for path in sources if path.name != "ai_iterator.c"]
        run([machine.compiler, *flags, "-c", *map(str, [*own, C_FOLDER / "driver.c"])], folder, timeout=120)
        archiver = "ar" if machine.compiler == "gcc" else "arm-none-eabi-ar"
        run([archiver, "rcs", "runtime.a", *[path.name for path in sorted(folder.glob("*.o"))]], folder, timeout=60)
        (folder / "runtime.a").replace(archive)
