# SPDX-License-Identifier: Apache-2.0
"""Compiled models on this machine: C compilers under the strict flags, and the result run through ctypes."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stm32_runtime_c
from stm32_emitter import CompiledModel

_WARNINGS = (
    *("all", "extra", "error", "conversion", "sign-conversion", "shadow", "cast-qual", "cast-align", "undef"),
    *("double-promotion", "vla", "strict-prototypes", "missing-prototypes"),
)
STRICT = ("-std=c99", "-pedantic", *(f"-W{name}" for name in _WARNINGS))
OK = 0


@cache
def _definitions() -> dict[Path, tuple[set[str], str]]:
    """Source of the runtime -> names of the functions that it defines, and its text."""
    texts = {path: path.read_text(encoding="utf-8") for path in stm32_runtime_c.sources()}
    function = re.compile(r"^(?!static\b)\w[^\n;=]*?\b(ai_\w+)\(", re.MULTILINE)
    return {path: (set(function.findall(text)), text) for path, text in texts.items() if path.name != "ai_iterator.c"}


def _needed(text: str) -> list[Path]:
    """Sources of the runtime whose functions a text names, and those that they need; always the API itself."""
    wanted, names = [], set(re.findall(r"\bai_\w+", text)) | {"ai_run"}
    while True:
        more = [path for path, (own, _) in _definitions().items() if own & names and path not in wanted]
        if not more:
            return sorted(wanted)
        wanted += more
        for path in more:
            names |= set(re.findall(r"\bai_\w+", _definitions()[path][1]))


class Host:
    """Builds compiled models with a C compiler of this machine."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._count = 0
        self._runtime: dict[tuple[str, ...], Path] = {}

    @staticmethod
    def need(tool: str) -> str:
        """Path of a tool; the test is skipped where it is missing."""
        found = shutil.which(tool)
        if found is None:
            pytest.skip(f"{tool} is not on PATH")
        return found

    def folder(self) -> Path:
        """An empty folder."""
        self._count += 1
        folder = self._scratch / f"build{self._count}"
        folder.mkdir()
        return folder

    def compile(self, *arguments: object, compiler: str = "gcc") -> None:
        """Runs the compiler with the strict flags; a failure shows what it said."""
        argv = [self.need(compiler), *STRICT, f"-I{stm32_runtime_c.include_dir()}", *map(str, arguments)]
        result = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300)
        assert result.returncode == 0, f"{' '.join(argv)}\n{result.stderr}"

    def runtime(self, used: str, compiler: str, *flags: str) -> list[Path]:
        """Objects of the runtime's files that a text uses, each compiled once per compiler and flags."""
        objects = []
        for source in _needed(used):
            key = (compiler, *flags, source.name)
            if key not in self._runtime:
                self._runtime[key] = self.folder() / f"{source.stem}.o"
                self.compile("-fPIC", *flags, "-c", source, "-o", self._runtime[key], compiler=compiler)
            objects.append(self._runtime[key])
        return objects

    @staticmethod
    def _sources(folder: Path, name: str) -> list[Path]:
        """Sources of an emitted model: its own files as one, which is faster, and those of operators from outside."""
        own = [folder / f"{name}{part}.c" for part in ("_data", "_lib", "")]
        together = folder.with_name(f"{name}_together.c")
        together.write_text("".join(f'#include "{path}"\n' for path in own), encoding="utf-8")
        return [together, *sorted(set(folder.glob("*.c")) - set(own))]

    def library(self, models: Iterable[CompiledModel], *flags: str, compiler: str = "gcc") -> ctypes.CDLL:
        """The models and the runtime as one shared library."""
        self.need(compiler)
        flags = flags or ("-O1",)
        folder = self.folder()
        sources: list[Path] = []
        for model in models:
            model.write(folder / model.name)
            sources += self._sources(folder / model.name, model.name)
        used = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*/*.c"))
        objects = self.runtime(used, compiler, *flags)
        built = folder / "models.so"
        self.compile("-shared", "-fPIC", *flags, *sources, *objects, "-o", built, "-lm", compiler=compiler)
        return ctypes.CDLL(str(built))

    def run(self, model: CompiledModel, inputs: Sequence[Any], *flags: str, compiler: str = "gcc") -> list[Any]:
        """Outputs of one inference in a fresh instance."""
        return Instance(self.library([model], *flags, compiler=compiler), model).run(inputs)


class Instance:
    """One instance of a model; ``pool`` None uses the model's own activations."""

    def __init__(self, library: ctypes.CDLL, model: CompiledModel, pool: Any = None) -> None:
        self.library, self.model, self.handle, self.pool = library, model, ctypes.c_void_p(), pool
        self._external: list[Any] = []
        for name in ("ai_get_input", "ai_get_output"):
            getattr(library, name).restype = ctypes.c_void_p
            getattr(library, name).argtypes = [ctypes.c_void_p, ctypes.c_int32]
        library.ai_run.argtypes = [ctypes.c_void_p]
        library.ai_get_error.argtypes = [ctypes.c_void_p]
        library.ai_get_error.restype = ctypes.c_char_p
        create = getattr(library, f"ai_{model.name}_create")
        create.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)]
        start = None if pool is None else ctypes.addressof(pool)
        self.status = create(start, ctypes.byref(self.handle))

    @staticmethod
    def pool_of(size: int) -> Any:
        """A pool for an instance, 16-byte aligned as numbers of 8 bytes are on a 64-bit host."""
        return (ctypes.c_uint64 * (size // 8 + 1))()

    def data(self, kind: str, index: int) -> Any:
        """``dltensor.data`` of an input or output, as a pointer to a pointer."""
        tensor = getattr(self.library, f"ai_get_{kind}")(self.handle, index)
        return ctypes.cast(tensor, ctypes.POINTER(ctypes.c_void_p))

    def attach(self, kind: str, index: int, array: Any) -> None:
        """Lets an external input or output lie in ``array``, which is kept alive."""
        self._external.append(array)
        self.data(kind, index)[0] = array.ctypes.data

    def feed(self, inputs: Sequence[Any]) -> None:
        """Copies the inputs in."""
        for i, (value, info) in enumerate(zip(inputs, self.model.inputs, strict=True)):
            array = np.ascontiguousarray(value, info.dtype).reshape(info.shape)
            ctypes.memmove(self.data("input", i)[0], array.ctypes.data, array.nbytes)

    def fetch(self) -> list[Any]:
        """Copies the outputs out."""
        results = []
        for i, info in enumerate(self.model.outputs):
            array = np.empty(info.shape, info.dtype)
            ctypes.memmove(array.ctypes.data, self.data("output", i)[0], array.nbytes)
            results.append(array)
        return results

    def call(self) -> int:
        """Status of one ai_run."""
        return int(self.library.ai_run(self.handle))

    @property
    def error(self) -> str:
        """What ai_get_error says."""
        return str(self.library.ai_get_error(self.handle).decode())

    def run(self, inputs: Sequence[Any]) -> list[Any]:
        """One inference."""
        assert self.status == OK
        self.feed(inputs)
        assert self.call() == OK, self.error
        return self.fetch()


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    """Builds and runs compiled models; needs gcc (or the compiler that a test names)."""
    return Host(tmp_path_factory.mktemp("host"))


@pytest.fixture(scope="session")
def instance() -> type[Instance]:
    """The class of instances."""
    return Instance


@pytest.fixture
def seed() -> int:
    """Seed of random tests: STM32_TEST_SEED, else a fixed one; a failing test prints it."""
    value = int(os.environ.get("STM32_TEST_SEED", "20260102"))
    print(f"seed {value} (STM32_TEST_SEED chooses another)")  # noqa: T201
    return value


NODE_END = 1


@pytest.fixture(scope="session")
def observed(host: Host) -> Callable[[CompiledModel, tuple[Any, ...]], dict[int, Any]]:
    """What ai_read_node_data gives for the result of each operator, in pieces of 7 bytes."""
    return lambda model, inputs: _observed(host, model, inputs)


def _observed(host: Host, model: CompiledModel, inputs: tuple[Any, ...]) -> dict[int, Any]:
    library = host.library([model], "-O1", "-DAI_OBSERVER")
    running = Instance(library, model)
    read = library.ai_read_node_data
    read.argtypes = [ctypes.c_void_p, *[ctypes.c_uint32] * 3, ctypes.c_void_p, ctypes.c_uint32]
    found: dict[int, Any] = {}

    @ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32, ctypes.c_void_p)
    def on_event(handle: Any, event: int, index: int, _user: Any) -> None:
        if event != NODE_END:
            return
        node = model.nodes[index]
        for number, output in enumerate(node.outputs):
            data = (ctypes.c_uint8 * output.tensor.bytes)()
            for at in range(0, len(data), 7):
                count = min(7, len(data) - at)
                assert read(handle, index, number, at, ctypes.addressof(data) + at, count) == 0
            assert read(handle, index, number, len(data), ctypes.addressof(data), 1) != 0
            found[node.source_ops[-1]] = np.frombuffer(bytes(data), output.tensor.dtype).reshape(output.tensor.shape)

    library.ai_set_observer.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    assert library.ai_set_observer(running.handle, ctypes.cast(on_event, ctypes.c_void_p), None) == 0
    running.run(inputs)
    return found
