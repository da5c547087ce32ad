# SPDX-License-Identifier: Apache-2.0
"""Calls the emitter, which imports TVM: nothing here is imported before a model is to be compiled."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stm32_cli import console, options
from stm32_cli.errors import CliError, Exit, tool_missing, usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

    from stm32_emitter import CompiledModel


@dataclass(frozen=True)
class CompileOptions:
    """What changes the emitted code.

    Attributes:
        target: CPU, e.g. "cortex-m4".
        name: C identifier of the model; None derives it from the file's name.
        optimize: speed, balanced, size or ram.
        constant_channels: fold channels whose value never changes; None leaves it to the compiler.
        tuned: layer key -> schedule, or the file of `stm32 tune`; None is without.
        shapes: of an .onnx or .pt2 model's inputs, by name.
        plugins: Python files that register operators.
    """

    target: str = "cortex-m4"
    name: str | None = None
    optimize: str = "balanced"
    constant_channels: bool | None = None
    tuned: Mapping[str, str] | Path | None = None
    shapes: Mapping[str, tuple[int, ...]] | None = None
    plugins: tuple[Path, ...] = ()

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments for `compile_model`."""
        found: dict[str, Any] = {"target": self.target, "name": self.name, "optimize": self.optimize}
        if self.tuned is not None:
            found["tuned"] = self.tuned
        if self.shapes:
            found["shapes"] = dict(self.shapes)
        chosen = self.constant_channels
        return found if chosen is None else {**found, "constant_channels": chosen}


def tuning_file(named: str | None) -> Path | None:
    """The file of `stm32 tune` that is to be used, and a message that tells which one.

    Args:
        named: what --tuned says: a path, "none", or None for the file of that name in this folder, where it exists.

    Raises:
        CliError: the named file does not exist; exit code 2.
    """
    if named == "none":
        return None
    path = Path(named or options.TUNING_FILE)
    if not path.is_file():
        if named:
            raise usage(f"there is no tuning file {named}", "make one with: stm32 tune MODEL")
        return None
    console.message(f"tuned schedules of {path}")
    return path


def on_off(text: str | None) -> bool | None:
    """The value of an on/off option; None where it was not given."""
    return None if text is None else text == "on"


@cache
def _compiler() -> ModuleType:
    """The emitter with the operators of installed packages; loaded once."""
    try:
        with console.step("loading the compiler"):
            import stm32_emitter.extension
    except ImportError as error:
        raise tool_missing(f"the compiler is not usable: {error}", "pip install stm32-ai-emitter") from error
    stm32_emitter.extension.load_installed()
    return stm32_emitter


def compile_file(model: Path, chosen: CompileOptions) -> CompiledModel:
    """Compiles a model file.

    Raises:
        CliError: the emitter is not installed (exit code 5), the model is refused (3), a wrong option or plug-in (2).
    """
    compiler = _compiler()
    for plugin in chosen.plugins:
        compiler.extension.load_file(plugin)
    try:
        with console.step(f"compiling {model.name} for {chosen.target}"):
            compiled: CompiledModel = compiler.compile_model(model, **chosen.arguments())
            return compiled
    except MemoryError as error:
        raise CliError(f"{model} needs more memory than this computer has", exit_code=Exit.MODEL_REFUSED) from error


def ensure_free(directory: Path, *, force: bool) -> None:
    """Refuses an output folder that exists and is not empty, before anything is computed.

    Raises:
        CliError: it exists and force is not set, or it holds something else than a compiled model; exit code 2.
    """
    if directory.is_dir() and not any(directory.iterdir()):
        return
    if directory.exists() and not force:
        raise usage(
            f"the output folder {directory} exists; it was not touched", "choose another with -o, or use --force"
        )
    if directory.exists() and not is_replaceable(directory):
        raise usage(
            f"{directory} holds no compiled model; it is not replaced even with --force",
            "choose another folder with -o, or remove it yourself",
        )


def is_replaceable(directory: Path) -> bool:
    """Whether --force may replace a folder: it holds a compiled model."""
    return any(directory.glob("*_data.c"))


@contextmanager
def scratch(prefix: str) -> Iterator[Path]:
    """A temporary folder that is removed whatever happens."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
