# SPDX-License-Identifier: Apache-2.0
"""Tuning files: what each schedule of a layer measured, and which one is best.

A file is JSON: ``{"schema": 1, "layers": {key: {"best": {goal: name}, "measured": {name: {...}}}}}``, keyed by
:func:`stm32_emitter.operators.schedule.layer_key`; a goal is a value of ``optimize``. Compiling reads ``best`` of its
goal only; a key of no layer of the model, and a name that is not offered for its layer, have no effect. Whoever
measures writes the rest (``stm32 tune``).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stm32_emitter.errors import OptionError

SCHEMA = 1

Tuned = Mapping[str, str] | str | os.PathLike[str]
"""Layer key -> name of a schedule, or the path of a tuning file."""


def read_record(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The ``layers`` of a tuning file.

    Raises:
        OptionError: it is no tuning file, or of another version.
        OSError: it cannot be read.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise OptionError(f"{os.fspath(path)} is no tuning file: {error}") from None
    layers = found.get("layers") if isinstance(found, dict) else None
    if not isinstance(layers, dict) or not all(isinstance(layer, dict) for layer in layers.values()):
        raise OptionError(f"{os.fspath(path)} is no tuning file: it has no layers")
    if found.get("schema") != SCHEMA:
        raise OptionError(f"{os.fspath(path)} has version {found.get('schema')} of tuning files; this is {SCHEMA}")
    return layers


def best_schedules(tuned: Tuned | None, optimize: str) -> dict[str, str]:
    """Layer key -> schedule.

    Args:
        tuned: a mapping is taken as it is.
        optimize: the goal that the schedules of a file were chosen for.

    Raises:
        OptionError: as :func:`read_record`.
        OSError: the file cannot be read.
    """
    if tuned is None:
        return {}
    if isinstance(tuned, Mapping):
        return dict(tuned)
    best = {key: layer.get("best") for key, layer in read_record(tuned).items()}
    return {key: str(names[optimize]) for key, names in best.items() if isinstance(names, dict) and optimize in names}
