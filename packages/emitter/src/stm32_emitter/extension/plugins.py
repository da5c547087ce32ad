# SPDX-License-Identifier: Apache-2.0
"""Plug-ins: Python files, and installed packages with an entry point, that register operators."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import sys
import traceback
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stm32_emitter.errors import OperatorError
from stm32_emitter.extension.operator import Operator
from stm32_emitter.extension.registration import register_operator, unregister_operator
from stm32_emitter.operators import REGISTRY
from stm32_emitter.operators.base import OperatorDefinition

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import EntryPoint

ENTRY_POINTS = "stm32_emitter.operators"
"""Group of entry points: each leads to an operator, a list of operators, a function that registers them or gives them,
or a module that registers them when it is imported."""

_LOADED: set[str] = set()


def load_file(path: str | Path) -> None:
    """Runs a Python file that registers operators; once, however often it is asked for.

    Raises:
        OperatorError: it cannot be read or fails; what it registered until then is forgotten.
    """
    file = Path(path).resolve()
    if str(file) in _LOADED:
        return
    if not file.is_file():
        raise OperatorError(f"there is no plug-in {path}")
    name = f"stm32_plugin_{file.stem}_{hashlib.sha256(str(file).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise OperatorError(f"the plug-in {path} is no Python file", "Its name has to end with .py.")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(file.parent))
    try:
        with _whole(f"the plug-in {path}", file):
            spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(file.parent))
    _LOADED.add(str(file))


def installed_plugins() -> list[EntryPoint]:
    """The entry points of all installed packages that bring operators, in the order in which they are loaded."""
    found = importlib.metadata.entry_points(group=ENTRY_POINTS)
    return sorted(found, key=lambda entry: (entry.name, entry.value))


def load_entry_point(entry: EntryPoint) -> None:
    """Registers the operators that an entry point leads to; once, however often it is asked for.

    Raises:
        OperatorError: it cannot be loaded, or its operators cannot be registered; none of them is then.
    """
    key = f"{entry.name} = {entry.value}"
    if key in _LOADED:
        return
    package = entry.dist.name if entry.dist is not None else "an installed package"
    with _whole(f"the plug-in '{entry.name}' of {package}", None):
        _register(entry.load(), f"{package} ({entry.value})")
    _LOADED.add(key)


def load_installed() -> None:
    """Registers the operators of all installed packages that have some.

    Raises:
        OperatorError: as :func:`load_entry_point`, of the first one that fails.
    """
    for entry in installed_plugins():
        load_entry_point(entry)


def _register(found: Any, origin: str) -> None:
    if callable(found) and not isinstance(found, Operator | OperatorDefinition):
        found = found()
    if isinstance(found, Operator | OperatorDefinition):
        found = [found]
    for operator in found if isinstance(found, Iterable) else ():
        register_operator(operator, origin=origin)


@contextmanager
def _whole(what: str, file: Path | None) -> Iterator[None]:
    """Takes back what was registered, and names the plug-in, if something fails inside."""
    before = set(REGISTRY.by_kind)
    try:
        yield
    except BaseException as error:
        for kind in set(REGISTRY.by_kind) - before:
            unregister_operator(kind)
        if isinstance(error, OperatorError):
            raise OperatorError(f"{what}: {str(error).splitlines()[0]}", error.hint) from error
        if not isinstance(error, Exception):
            raise
        raise OperatorError(f"{what} failed{_line(error, file)} with {type(error).__name__}: {error}") from error


def _line(error: Exception, file: Path | None) -> str:
    """Where in the file it failed."""
    if isinstance(error, SyntaxError):
        return ""
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if file and frame.filename == str(file)
    ]
    return f" in line {lines[-1]}" if lines else ""
