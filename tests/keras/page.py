# SPDX-License-Identifier: Apache-2.0
"""A page of the outcomes of the campaign."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

FORMATS = {"float32": "float32", "dynamic": "dynamic range", "int8": "int8", "int16": "int16 activations"}
KINDS = {
    "layer": ("Layers and small architectures", tuple(FORMATS)),
    "function": ("TensorFlow functions", ("float32", "int8")),
    "network": ("Networks of keras.applications", ("float32", "dynamic", "int8")),
}
"""Title and formats of each kind of models."""
_HEAD = """# Keras models
Written by `python -m tests.keras.campaign`, do not edit. Each model is built with Keras and seeded weights, converted
by TensorFlow (`python -m tests.keras.convert`), compiled with default options for the host and compared
with the original in LiteRT on three input sets: every byte of integer outputs, float outputs within 1e-5 of
their range. *equal*: all are. `-`: TensorFlow's converter refuses the format, or LiteRT what it wrote. A number: this
compiler refuses the model, for the reason below.
"""


def page(results: Mapping[str, Mapping[str, Any]], refused: Iterable[str]) -> str:
    """The document.

    Args:
        results: outcome of each .tflite file.
        refused: files that the converter could not make.
    """
    reasons: dict[str, int] = {}
    cells = {file: _cell(found, reasons) for file, found in results.items()} | dict.fromkeys(refused, "-")
    ran = [found for found in results.values() if found["status"] in ("equal", "differs", "failed")]
    equal = sum(found["status"] == "equal" for found in ran)
    refusals = sum(found["status"] == "refused" for found in results.values())
    total = f"{len(ran) + refusals} files: {len(ran)} compiled, {equal} of them equal; {refusals} refused.\n"
    tables = [line for kind in KINDS for line in _table(kind, cells)]
    notes = [f"{number}. {reason}" for reason, number in reasons.items()]
    return "\n".join([_HEAD, total, *tables, "## Why models are refused", *notes, ""])


def _cell(found: Mapping[str, Any], reasons: dict[str, int]) -> str:
    if found["status"] == "refused":
        return f"({reasons.setdefault(_reason(found['detail']), len(reasons) + 1)})"
    if found["status"] == "original":
        return "-"
    if found["status"] == "equal":
        return "equal"
    return f"**{found['status']}**"


def _reason(detail: str) -> str:
    """The first line that names an operator, without its number and tensor."""
    lines = [line.strip() for line in detail.splitlines() if line.strip().startswith("operator ")]
    first = lines[0] if lines else detail.strip().splitlines()[0]
    head, _, reason = first.partition("': ")
    return f"{head[head.find('(') + 1 : head.find(')')]}: {reason}" if reason else first


def _table(kind: str, cells: Mapping[str, str]) -> list[str]:
    title, formats = KINDS[kind]
    names = dict.fromkeys(file.rsplit("--", 1)[0] for file in sorted(cells) if file.startswith(f"{kind}--"))
    head = [
        f"## {title}",
        f"| | {' | '.join(FORMATS[wanted] for wanted in formats)} |",
        f"|---{'|:-:' * len(formats)}|",
    ]
    rows = []
    for name in names:
        found = [cells.get(f"{name}--{wanted}.tflite", "not run") for wanted in formats]
        rows.append(f"| {name.split('--', 1)[1].replace('_', ' ')} | {' | '.join(found)} |")
    return [*head, *rows, ""]
