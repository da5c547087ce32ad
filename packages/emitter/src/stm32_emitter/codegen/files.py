# SPDX-License-Identifier: Apache-2.0
"""All files of a model as bytes, and how they get to a directory: whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from stm32_emitter.codegen.data import data_header, data_source
from stm32_emitter.codegen.descriptor import model_header, model_source
from stm32_emitter.codegen.library import library_source
from stm32_emitter.codegen.model import Model
from stm32_emitter.codegen.report import report_record, report_text


def model_files(model: Model, record: dict[str, Any], params: bytes) -> dict[str, bytes]:
    """File name -> content. ``params`` is the content of ``<m>.params``."""
    name = model.name
    text = {
        f"{name}.h": model_header(model),
        f"{name}.c": model_source(model, record["signature"]),
        f"{name}_data.h": data_header(model),
        f"{name}_data.c": data_source(model),
        f"{name}_lib.c": library_source(model),
        f"{name}.json": _json(record),
        f"{name}_report.json": _json(report_record(record)),
        f"{name}_report.txt": report_text(record),
    }
    return {key: value.encode() for key, value in text.items()} | {f"{name}.params": params}


def _json(record: dict[str, Any]) -> str:
    return json.dumps(record, indent=1, sort_keys=True) + "\n"


def write_directory(files: dict[str, bytes], directory: str | os.PathLike[str], *, force: bool = False) -> Path:
    """Writes ``files`` as the whole content of ``directory``.

    They are written next to it and moved into place, so that an interrupt or a full disk leaves nothing half-written.

    Raises:
        FileExistsError: it exists and is not an empty directory; with ``force`` it is replaced, if a directory.
        OSError: it cannot be written.
    """
    target = Path(directory)
    occupied = target.exists() and not (target.is_dir() and not any(target.iterdir()))
    if occupied and not (force and target.is_dir()):
        raise FileExistsError(f"{target} exists and is kept")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as staging:
        fresh = Path(staging) / "new"
        fresh.mkdir()
        for name, content in files.items():
            (fresh / name).write_bytes(content)
        _swap(fresh, target, Path(staging) / "old")
    return target


def _swap(fresh: Path, target: Path, aside: Path) -> None:
    if not target.exists():
        fresh.rename(target)
        return
    target.rename(aside)
    try:
        fresh.rename(target)
    except OSError:
        aside.rename(target)
        raise
    shutil.rmtree(aside, ignore_errors=True)
