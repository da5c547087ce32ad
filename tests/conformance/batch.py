# SPDX-License-Identifier: Apache-2.0
"""Compiles many models into one program, runs it, and compares every output with the reference interpreter's."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import stm32_runtime_c
from ai_runner.compare import float_limit
from stm32_emitter import ModelRefused, compile_model
from stm32_emitter.testing.reference import Reference

from tests.conformance.toolchain import C_FOLDER, STRICT, Machine, run, runtime_archive

Array = np.ndarray[Any, Any]
RUN_SECONDS = 300.0


class Model(Protocol):
    """What a batch is made of: a case of one operator or a random graph."""

    name: str
    model: bytes
    inputs: tuple[tuple[Array, ...], ...]


@dataclass(frozen=True)
class Stored:
    """A model whose expected outputs are known: ``expected`` has one list of arrays per input set.

    ``tolerance`` is the largest difference of an integer output.
    """

    name: str
    model: bytes
    inputs: tuple[tuple[Array, ...], ...]
    expected: tuple[tuple[Array, ...], ...]
    tolerance: int = 0


@dataclass(frozen=True)
class Outcome:
    """What happened to one model.

    Attributes:
        name: of the model.
        status: "equal", "differs", "refused" (by the emitter) or "failed" (to compile or to run).
        compared: bytes of output.
        differing: bytes (of integer outputs) or elements beyond the tolerance (of float outputs) that differ.
        detail: why, where it is not "equal".
        schedules: of the model's kernels, where it was compiled.
    """

    name: str
    status: str
    compared: int = 0
    differing: int = 0
    detail: str = ""
    schedules: tuple[str, ...] = ()


def run_batch(
    models: Sequence[Model], machine: Machine, folder: Path, *, keep: bool = False, together: bool = True,
    options: Mapping[str, Any] | None = None,
) -> list[Outcome]:  # fmt: skip
    """Compiles, runs and compares ``models``; the files stand in ``folder``. The outcomes keep the order.

    Names of the models must differ. A model that makes the program fail gives every model of the batch a "failed".

    Args:
        models: what to run.
        machine: where.
        folder: for all files; made if it does not exist.
        keep: leave the C files there.
        together: compile several models as one source file, with the model's name before the names of its static
            objects, which is several times faster; else, and for a single model, the emitted files are compiled as
            they are.
        options: of ``compile_model``, besides name and target.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "together.o").unlink(missing_ok=True)
    chosen = options or {}
    emitted, outcomes = _attempted(models, lambda model: _emit(model, machine, folder, chosen))
    one_file = together and len(emitted) > 1 and _compile_together(emitted, machine, folder)
    each = [] if one_file else emitted
    compiled, failed = _attempted(each, lambda model: _compile_one(model, machine, folder))
    built = emitted if one_file else compiled
    ran = _run_built(built, machine, folder) if built else {}
    for model in built:
        ran[model.name] = replace(ran[model.name], schedules=_compiled(model, machine, chosen).schedules)
    outcomes |= failed | ran
    if not keep:
        for path in folder.glob("*.[cho]"):
            path.unlink()
    return [outcomes[model.name] for model in models]


def _attempted(
    models: Sequence[Model], step: Callable[[Model], Outcome | None]
) -> tuple[list[Model], dict[str, Outcome]]:
    """(the models that a step went well for, what happened to the others by name)."""
    problems = {model.name: problem for model in models if (problem := step(model)) is not None}
    return [model for model in models if model.name not in problems], problems


def _emit(model: Model, machine: Machine, folder: Path, options: Mapping[str, Any]) -> Outcome | None:
    """Writes the C of one model; None if all is well."""
    try:
        files = _compiled(model, machine, options).files
    except ModelRefused as refusal:
        return Outcome(model.name, "refused", detail=str(refusal))
    except Exception as error:  # noqa: BLE001 - a defect of the emitter is an outcome, not the end of a campaign
        return Outcome(model.name, "failed", detail=f"{type(error).__name__}: {error}"[:2000])
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return None


@dataclass(frozen=True)
class _Emitted:
    """C files of a model by name, and the schedules of its kernels."""

    files: Mapping[str, bytes]
    schedules: tuple[str, ...]


def _compiled(model: Model, machine: Machine, options: Mapping[str, Any]) -> _Emitted:
    chosen = {"optimize": machine.optimize, **options}
    return _compiled_once(model.model, model.name, machine.target, json.dumps(chosen, sort_keys=True))


@lru_cache(maxsize=256)
def _compiled_once(model: bytes, name: str, target: str, options: str) -> _Emitted:
    """Machines of one target run the same files, mostly one after the other."""
    compiled = compile_model(model, name=name, target=target, **json.loads(options))
    files = {file: content for file, content in compiled.files.items() if file.endswith((".c", ".h"))}
    return _Emitted(files, tuple(node["schedule"]["name"] for node in compiled.info["nodes"] if "schedule" in node))


def _sources(model: Model) -> list[str]:
    return [f"{model.name}{part}.c" for part in ("_data", "_lib", "")]


def _compile_one(model: Model, machine: Machine, folder: Path) -> Outcome | None:
    """Compiles the files of one model; None if all is well."""
    unity = folder / f"{model.name}_unity.c"
    unity.write_text("".join(f'#include "{name}"\n' for name in _sources(model)), encoding="utf-8")
    try:
        _compile(unity.name, machine, folder)
    except RuntimeError as error:
        return Outcome(model.name, "failed", detail=str(error))
    return None


def _compile_together(models: Sequence[Model], machine: Machine, folder: Path) -> bool:
    """Compiles all models as one file; False if one of them does not compile."""
    texts = [_renamed((folder / name).read_text("utf-8"), model.name) for model in models for name in _sources(model)]
    (folder / "together.c").write_text("\n".join(texts), encoding="utf-8")
    try:
        _compile("together.c", machine, folder)
    except RuntimeError:
        (folder / "together.o").unlink(missing_ok=True)
        return False
    return True


def _renamed(text: str, name: str) -> str:
    """``text`` with ``name`` before the names of its static objects and functions (not those of structure members)."""
    statics = sorted({static for static in _STATIC.findall(text) if not static.startswith(name)})
    if not statics:
        return text
    return re.sub(rf"(?<![.\w>\"])({'|'.join(statics)})\b", rf"{name}_\1", text)


_STATIC = re.compile(r"^(?:AI_\w+(?:\([^)]*\))? )*static [\w *]*?\b(\w+)(?:\[[^]]*\])?(?: =|\()", re.MULTILINE)


def _compile(source: str, machine: Machine, folder: Path) -> None:
    include = f"-I{stm32_runtime_c.include_dir()}"
    run([machine.compiler, *machine.flags, *STRICT, include, "-c", source], folder, timeout=300)


def _run_built(models: Sequence[Model], machine: Machine, folder: Path) -> dict[str, Outcome]:
    expected = {model.name: _expected(model) for model in models}
    try:
        _link(models, machine, folder)
        _write_records(models, folder / "records.bin")
        run(
            machine.command((folder / "batch.elf").resolve()),
            folder,
            timeout=RUN_SECONDS,
            environment=machine.environment,
        )
        results = (folder / "results.bin").read_bytes()
    except RuntimeError as error:
        return {model.name: Outcome(model.name, "failed", detail=str(error)) for model in models}
    outcomes, position = {}, 0
    for model in models:
        actual: list[list[Array]] = []
        for outputs in expected[model.name]:
            arrays, position = _read_outputs(results, position + 4, outputs)
            actual.append(arrays)
        outcomes[model.name] = compare(model.name, expected[model.name], actual, getattr(model, "tolerance", 0))
    return outcomes


def _expected(model: Model) -> list[list[Array]]:
    if isinstance(model, Stored):
        return [list(outputs) for outputs in model.expected]
    # Without keep_all the interpreter shares the memory of a RESHAPE's input and output, although both are read later.
    reference = Reference(model.model, keep_all=True)
    return [[np.array(output) for output in reference.run(list(inputs))] for inputs in model.inputs]


def _link(models: Sequence[Model], machine: Machine, folder: Path) -> None:
    lines = ['#include "batch.h"', *[f"extern const ai_model_info {m.name}_network;" for m in models]]
    lines += ["const ai_model_info *const batch_models[] = {", *[f"    &{m.name}_network," for m in models], "};"]
    lines += [f"const uint32_t batch_models_count = {len(models)}u;", ""]
    (folder / "table.c").write_text("\n".join(lines), encoding="utf-8")
    command = [machine.compiler, *machine.flags, f"-I{C_FOLDER}", f"-I{stm32_runtime_c.include_dir()}", "table.c"]
    together = (folder / "together.o").exists()
    command += ["together.o"] if together else [f"{m.name}_unity.o" for m in models]
    run([*command, *machine.link, str(runtime_archive(machine)), "-lm", "-o", "batch.elf"], folder, timeout=120)


def _write_records(models: Sequence[Model], path: Path) -> None:
    with path.open("wb") as file:
        for number, model in enumerate(models):
            for inputs in model.inputs:
                file.write(struct.pack("<I", number))
                for array in inputs:
                    file.write(np.ascontiguousarray(array).tobytes())


def _read_outputs(results: bytes, position: int, like: Sequence[Array]) -> tuple[list[Array], int]:
    arrays = []
    for array in like:
        arrays.append(np.frombuffer(results, array.dtype, array.size, position).reshape(array.shape))
        position += array.nbytes
    return arrays, position


def compare(
    name: str, expected: Sequence[Sequence[Array]], actual: Sequence[Sequence[Array]], tolerance: int = 0
) -> Outcome:
    """Compares all outputs of all input sets: integers within ``tolerance``, floats within :func:`float_limit`."""
    compared = differing = 0
    detail = ""
    for number in range(len(expected[0])):
        wanted = np.stack([outputs[number] for outputs in expected])
        got = np.stack([outputs[number] for outputs in actual])
        wrong = differences(wanted, got, tolerance)
        compared += wanted.nbytes
        differing += int(wrong.sum())
        if wrong.any() and not detail:
            where = tuple(int(i) for i in np.argwhere(wrong)[0]) if wrong.ndim else ()
            detail = f"output {number} at {where}: {got[where]} instead of {wanted[where]}, {int(wrong.sum())} differ"
    return Outcome(name, "differs" if differing else "equal", compared, differing, detail)


def differences(wanted: Array, got: Array, tolerance: int = 0) -> Array:
    """Which elements differ, integers by more than ``tolerance``."""
    if wanted.dtype.kind != "f":
        return np.asarray(np.abs(wanted.astype(np.int64) - got.astype(np.int64)) > tolerance)
    with np.errstate(invalid="ignore"):
        error = np.abs(got.astype(np.float64) - wanted.astype(np.float64))
    same = (wanted == got) | (np.isnan(wanted) & np.isnan(got))
    return np.asarray(~(same | (error <= float_limit(wanted))))
