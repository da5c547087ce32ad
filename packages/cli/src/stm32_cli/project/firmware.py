# SPDX-License-Identifier: Apache-2.0
"""Builds the firmware with CMake and Ninja, and explains why it does not build."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stm32_cli import console
from stm32_cli.errors import CliError, Exit
from stm32_cli.project import measured, record, tools, weights
from stm32_cli.project.memory import overflow_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from stm32_board_support import Board

    from stm32_cli.project.models import ModelFolder

APP_NAMES = {"perf": "SystemPerformance", "valid": "Validation", "selftest": "SelfTest", "loop": "Loop"}
_FIT_HINT = (
    "compile with --optimize ram or size, choose another layout (stm32 boards), a larger board or a smaller model"
)


@dataclass(frozen=True)
class Build:
    """What to build.

    Attributes:
        board: the board.
        app: key of APP_NAMES, or a folder of C files with app_main().
        models: compiled models; none builds the firmware alone.
        folder: build folder.
        layout: memory layout, "" for the board's default.
        cube: folder of an STM32Cube package to build on; None for the board's own port.
        settings: more CMake cache variables, e.g. PER_LAYER, RUNS.
    """

    board: Board
    app: str
    models: Sequence[ModelFolder]
    folder: Path
    layout: str = ""
    settings: tuple[tuple[str, str], ...] = ()
    cube: Path | None = None

    @property
    def elf(self) -> Path:
        """The image."""
        return self.folder / "Project.elf"


def cmake_variables(build: Build, runtime: Path, nanopb: Path | None, python: str) -> dict[str, str]:
    """The cache variables of the firmware's CMake project."""
    found = {
        "BOARD": build.board.source,
        "APP": build.app,
        "LAYOUT": build.layout,
        "MODEL_DIRS": ";".join(dict.fromkeys(model.path.as_posix() for model in build.models)),
        "RUNTIME_DIR": runtime.as_posix(),
        "NANOPB_DIR": nanopb.as_posix() if nanopb else "",
        "PYTHON": python,
        "X_CUBE_PATH": build.cube.absolute().as_posix() if build.cube else "",
        "PER_LAYER": "OFF",
        "SHARED_POOL": "OFF",
        "BATCH": "",
        "RUNS": "10",
        "SEED": "1",
        **_goal(build.models),
        "CMAKE_EXE_LINKER_FLAGS": "" if build.board.kind.value == "host" else "-Wl,--cref",
    }
    return found | dict(build.settings)


def _goal(models: Sequence[ModelFolder]) -> dict[str, str]:
    """How models, kernels and runtime are compiled: for small code where all models were emitted for it."""
    small = bool(models) and all(model.info.get("options", {}).get("optimize") == "size" for model in models)
    return {"MODEL_OPT": "-Os" if small else "-O2", "MODEL_SMALL": "ON" if small else "OFF"}


def _forget_other_board(build: Build) -> None:
    """CMake cannot change the compiler of a configured folder: another board starts afresh."""
    before = record.load(build.folder)
    if before is not None and before.board != build.board.source:
        (build.folder / "CMakeCache.txt").unlink(missing_ok=True)
        shutil.rmtree(build.folder / "CMakeFiles", ignore_errors=True)


def _write_order(build: Build) -> Path:
    """The file that says which constants go to the fastest memory."""
    path = build.folder / "weights.order"
    path.write_text("".join(f"{name}\n" for name in weights.order(model.info for model in build.models)), "utf-8")
    return path


def _configure(build: Build) -> None:
    import stm32_runtime_c

    nanopb = tools.require_nanopb() if build.app == "valid" else None
    variables = cmake_variables(build, stm32_runtime_c.cmake_dir(), nanopb, sys.executable)
    variables["WEIGHTS_ORDER"] = _write_order(build).as_posix()
    ninja = tools.build_program("ninja")
    argv: list[str | Path] = [tools.build_program("cmake"), "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}"]
    argv += ["-S", tools.firmware_dir(), "-B", build.folder, *(f"-D{key}={value}" for key, value in variables.items())]
    done = tools.run(argv)
    if done.returncode != 0:
        raise tools.failed("configuring the build", done.stdout, "stm32 doctor checks the tools")


def _make(build: Build, target: str) -> tuple[bool, str]:
    done = tools.run([tools.build_program("cmake"), "--build", build.folder, "--target", target])
    return done.returncode == 0, done.stdout


def build_target(build: Build, target: str) -> None:
    """Builds another target of a folder in which the firmware was built.

    Raises:
        CliError: the compiler failed; exit code 1.
    """
    done, output = _make(build, target)
    if not done:
        raise tools.failed(f"building {target}", output, f"all of it: cmake --build {build.folder} --target {target}")


def build_firmware(build: Build) -> Path:
    """Builds `Project.elf`.

    Returns:
        Its path.

    Raises:
        CliError: a tool is missing (5), it does not fit the board (4), the compiler failed (1).
    """
    from stm32_board_support.toolchain import c_compiler

    c_compiler(build.board)
    if build.board.kind.value != "host":
        build.board.layout(build.layout)  # a wrong name is told before anything is made
    build.folder.mkdir(parents=True, exist_ok=True)
    _forget_other_board(build)
    names = ", ".join(model.name for model in build.models) or "no model"
    with console.step(f"building {APP_NAMES.get(build.app, build.app)} for {build.board.name} with {names}"):
        build.elf.unlink(missing_ok=True)
        (build.folder / measured.FILE_NAME).unlink(missing_ok=True)
        _configure(build)
        record.save(build.folder, _record(build))
        done, output = _make(build, "Project")
    if done:
        return build.elf
    raise why_not(build, output)


def _record(build: Build) -> record.BuildRecord:
    batch = build.app == "perf" and build.board.kind.value != "hardware" and dict(build.settings).get("BATCH") != "OFF"
    models = [str(model.path) for model in build.models]
    return record.BuildRecord(build.board.source, build.app, build.layout, models, batch)


def why_not(build: Build, output: str) -> CliError:
    """The error of a build that failed: an image that does not fit is linked regardless, and looked at.

    A split layout shows in the linker's own message as a relocation that cannot be resolved, so its words do not tell.
    """
    if build.board.kind.value != "host":
        linked, _ = _make(build, "Oversize")
        text = overflow_text(build.folder / "Oversize.elf", build.board, build.layout) if linked else ""
        if text:
            return CliError(f"the firmware does not fit {build.board.name}:\n{text}", _FIT_HINT, Exit.DOES_NOT_FIT)
    return tools.failed("the compiler", output, f"all of it: cmake --build {build.folder}")
