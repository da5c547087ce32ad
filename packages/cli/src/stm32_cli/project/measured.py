# SPDX-License-Identifier: Apache-2.0
"""What a build measured, layer by layer: a file beside the image, found again by the model's signature."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stm32_cli.errors import usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stm32_board_support import Board

    from stm32_cli.counter import NodeCosts
    from stm32_cli.project.models import ModelFolder

FILE_NAME = "stm32-measured.json"
SCHEMA = 1
COUNTED = "instructions counted; cycles by the timing table of the Cortex-M4, without wait states"

ON_BOARD = "cycles counted by the board, the observer's included"


@dataclass(frozen=True)
class LayerFigures:
    """One node of one inference; `instructions` is None where a board counts cycles only."""

    name: str
    instructions: int | None
    cycles: int


@dataclass(frozen=True)
class Measurement:
    """One model on one board.

    Attributes:
        name: of the model.
        signature: of the model.
        board: its name.
        how: where the figures come from, for people.
        total: of one inference, what belongs to no node included.
        nodes: in the order of the model's nodes.
    """

    name: str
    signature: int
    board: str
    how: str
    total: LayerFigures
    nodes: tuple[LayerFigures, ...]

    def as_json(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return asdict(self)


def _from_json(entry: dict[str, Any]) -> Measurement:
    nodes = tuple(LayerFigures(**node) for node in entry["nodes"])
    return Measurement(**(entry | {"total": LayerFigures(**entry["total"]), "nodes": nodes}))


def measure_model(board: Board, elf: Path, model: ModelFolder) -> Measurement:
    """Counts a model's nodes on the emulator.

    Raises:
        CliError: as `count_nodes`; the image has the observer in it (exit code 2).
    """
    from stm32_cli.counter import count_nodes

    names = [str(node["name"]) for node in model.info.get("nodes", [])]
    if not names:
        raise usage(f"{model.path} does not describe the layers of {model.name}", "compile the model again")
    costs = count_nodes(board, elf, model.name)
    if len(costs.nodes) != len(names):
        raise usage(
            f"{elf} cannot be counted by layer: its run list has {len(costs.nodes)} calls for {len(names)} layers",
            "build it without --per-layer, from this model",
        )
    return from_counts(board.name, model, costs)


def from_counts(board: str, model: ModelFolder, costs: NodeCosts) -> Measurement:
    """The record of what was counted."""
    nodes = tuple(
        LayerFigures(str(node["name"]), cost.instructions, cost.cycles)
        for node, cost in zip(model.info["nodes"], costs.nodes, strict=True)
    )
    total = LayerFigures("one inference", costs.total.instructions, costs.total.cycles)
    return Measurement(model.name, int(model.info["signature"]), board, COUNTED, total, nodes)


def from_console(board: str, models: Sequence[ModelFolder], text: str) -> list[Measurement]:
    """What SystemPerformance printed of models' layers, as far as it is complete.

    Args:
        board: its name; its counter counts cycles.
        models: those of the image.
        text: of the console, from a build with --per-layer.
    """
    found = []
    for model in models:
        _, _, rest = text.partition(f"Results of {model.name}, ")
        _, head, table = rest.partition("Layers of one inference: node, cycles,")
        rows = [line.split() for line in table.splitlines()[1:]] if head else []
        names = [str(node["name"]) for node in model.info.get("nodes", [])]
        rows = rows[: len(names) + 1]
        if names and [row[0] for row in rows if len(row) >= 2] == [*names, "sum"]:
            figures = [LayerFigures(row[0], None, int(row[1])) for row in rows]
            total = LayerFigures("one inference", None, figures[-1].cycles)
            signature = int(model.info["signature"])
            found.append(Measurement(model.name, signature, board, ON_BOARD, total, tuple(figures[:-1])))
    return found


def save(folder: Path, found: list[Measurement]) -> Path:
    """Writes the measurements of a build into its folder."""
    part = folder / (FILE_NAME + ".part")
    record = {"schema": SCHEMA, "models": [measurement.as_json() for measurement in found]}
    part.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return part.replace(folder / FILE_NAME)


def load(file: Path) -> list[Measurement]:
    """The measurements of a file; none if it cannot be read."""
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        return [_from_json(entry) for entry in record["models"]] if record["schema"] == SCHEMA else []
    except (OSError, ValueError, TypeError, KeyError):
        return []


def find(signature: int, builds: Path = Path("build")) -> Measurement | None:
    """The newest measurement of a model in the build folders under `builds`; None if there is none."""
    files = sorted(builds.glob(f"*/{FILE_NAME}"), key=lambda file: -file.stat().st_mtime)
    return next((m for file in files for m in load(file) if m.signature == signature), None)
