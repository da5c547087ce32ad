# SPDX-License-Identifier: Apache-2.0
"""Exports compiled models with their runtime as one folder of C sources for another project."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from stm32_cli.errors import usage
from stm32_cli.project import export_texts as texts
from stm32_cli.project.library import without_pool, without_refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from stm32_cli.project.models import ModelFolder

MARK = "stm32-export.json"
"""The file by which an exported folder is known."""
# Needs symbols of a linker script of ours, or a table that the build makes.
_LEFT_OUT = ("ai_iterator.c",)
_SMALL_AT = "#if defined(AI_K_SMALL) && AI_K_SMALL"


def export_files(kind: str, folder: str, models: Sequence[ModelFolder], runtime: Path) -> dict[str, str]:
    """All files of an export.

    Args:
        kind: one of `export_texts.FORMATS`.
        folder: name of the exported folder, for its README.
        models: compiled models, at least one.
        runtime: the runtime's folder with include/ and src/.

    Returns:
        Relative path -> content.

    Raises:
        CliError: a model's file has the name of a file of the runtime; exit code 2.
    """
    small = all(model.info.get("options", {}).get("optimize") == "size" for model in models)
    opt = "-Os" if small else "-O2"
    names = [model.name for model in models]
    files = {f"ai/{name}": text for name, text in _runtime_files(runtime, small=small).items()}
    for model in models:
        for name, text in _model_files(model).items():
            if f"ai/{name}" in files:
                raise usage(f"{name} of model {model.name} is a file of the runtime, too", "compile it as another name")
            files[f"ai/{name}"] = text
    files["README.md"] = texts.readme_text(kind, folder, [_facts(model) for model in models], opt)
    example = "example.c" if kind == "cube" else "main.c"
    files[example] = texts.example_text(names, with_main=kind != "cube")
    if kind in ("cmake", "cube"):
        files["CMakeLists.txt"] = texts.cmake_text(kind, opt)
    if kind in ("makefile", "cube"):
        files[f"{texts.LIBRARY}.mk"] = texts.mk_text(kind)
    if kind == "makefile":
        files["Makefile"] = texts.makefile_text(opt)
    files[MARK] = json.dumps({"format": kind, "models": names}, indent=2) + "\n"
    return files


def _facts(model: ModelFolder) -> tuple[str, int, str]:
    info = model.info
    pool = info.get("context_bytes", 0) + info.get("planned_bytes", 0)
    return model.name, pool, info.get("target", "an unknown core")


def _runtime_files(runtime: Path, *, small: bool) -> dict[str, str]:
    """The runtime's headers and sources; set to small code where all models were compiled for it."""
    paths = [*sorted((runtime / "include").glob("*.h")), *sorted((runtime / "src").glob("*.[ch]"))]
    found = {path.name: path.read_text(encoding="utf-8") for path in paths if path.name not in _LEFT_OUT}
    if small:
        said = "#ifndef AI_K_SMALL\n#define AI_K_SMALL 1\n#endif\n"
        found = {name: text.replace(_SMALL_AT, said + _SMALL_AT, 1) for name, text in found.items()}
    return found


def _model_files(model: ModelFolder) -> dict[str, str]:
    names = [f"{model.name}{tail}" for tail in (".h", ".c", "_data.h", "_data.c", "_lib.c")]
    found = {}
    for name in names:
        path = model.path / name
        if path.is_file():
            found[name] = path.read_text(encoding="utf-8")
    # Those of operators from outside.
    for path in [*model.path.glob(f"{model.name}_ext.h"), *sorted(model.path.glob(f"{model.name}_ext_*.c"))]:
        found[path.name] = path.read_text(encoding="utf-8")
    found[f"{model.name}.h"] = without_pool(found[f"{model.name}.h"])
    found[f"{model.name}.c"] = without_refusal(found[f"{model.name}.c"])
    return found


def ensure_free(folder: Path, *, force: bool) -> None:
    """Refuses a folder that is not empty, before anything is written.

    Raises:
        CliError: it exists and force is not set, or it is no exported folder; exit code 2.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not force:
        raise usage(f"{folder} exists; it was not touched", "choose another with -o, or use --force")
    if not (folder / MARK).is_file():
        raise usage(
            f"{folder} was not made by stm32 export; it is not replaced even with --force",
            "choose another folder with -o, or remove it yourself",
        )


def write(files: Mapping[str, str], folder: Path) -> None:
    """Writes a folder whole: beside its place first, then renamed; one that is there is replaced."""
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    for name, text in files.items():
        path = part / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    if folder.exists():
        shutil.rmtree(folder)
    part.rename(folder)
