# SPDX-License-Identifier: Apache-2.0
"""Folders with compiled models."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stm32_cli.errors import usage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True)
class ModelFolder:
    """A compiled model on disk.

    Attributes:
        name: C identifier.
        path: absolute folder.
        info: content of `<name>.json`; empty for a model that another tool emitted without it.
    """

    name: str
    path: Path
    info: dict[str, Any]


def _read_info(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise usage(f"{file} cannot be read: {error}", "compile the model again") from error
    return found if isinstance(found, dict) else {}


def find_models(folder: Path) -> list[ModelFolder]:
    """The models in a folder (one, as a rule).

    Raises:
        CliError: there is none; exit code 2.
    """
    names = [file.name.removesuffix("_data.c") for file in sorted(folder.glob("*_data.c"))]
    found = [name for name in names if (folder / f"{name}.c").is_file() and (folder / f"{name}.h").is_file()]
    if not found:
        raise usage(f"{folder} holds no compiled model", f"make one with: stm32 compile MODEL.tflite -o {folder}")
    return [ModelFolder(name, folder.resolve(), _read_info(folder / f"{name}.json")) for name in found]


def find_all(folders: Sequence[Path]) -> list[ModelFolder]:
    """The models in several folders.

    Raises:
        CliError: a folder without a model, or two models of one name; exit code 2.
    """
    models = [model for folder in folders for model in find_models(folder)]
    seen: dict[str, Path] = {}
    for model in models:
        if model.name in seen:
            raise usage(
                f"two models are named {model.name!r}: in {seen[model.name]} and {model.path}",
                "compile one of them with another name (-n)",
            )
        seen[model.name] = model.path
    return models


def ensure_stateless(models: Sequence[ModelFolder]) -> None:
    """Refuses models that keep something from one run to the next, which another one would overwrite in a common pool.

    Raises:
        CliError: there is one; exit code 2.
    """
    stateful = [model for model in models if model.info.get("states")]
    if stateful:
        names = ", ".join(f"'{state['name']}'" for state in stateful[0].info["states"])
        raise usage(
            f"model {stateful[0].name!r} keeps values from one run to the next ({names}): its pool cannot be shared",
            "build without --shared-pool",
        )
