# SPDX-License-Identifier: Apache-2.0
"""Costs of the zoo's models on the emulated Cortex-M4, and of every layer of the int8 ones.

One image per model with default options; one inference of SystemPerformance, instructions counted exactly and given to
the node that runs them, cycles after the Cortex-M4 Technical Reference Manual. A model that the compiler refuses or
that does not fit the board is listed with the reason. What is said of layers, and the mean, is of the models whose
names have int8 or uint8 in them: the bounds are those of such kernels.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from stm32_board_support import load_board
from stm32_cli import counter
from stm32_cli.main import tell
from stm32_cli.project.compiler import scratch
from stm32_cli.project.firmware import Build, build_firmware
from stm32_cli.project.models import find_models
from stm32_emitter import EmitterError, compile_model
from stm32_emitter.frontends.tflite.reader import Operator, read_model
from zoo_bounds import Bound, bound_of

ROOT = Path(__file__).resolve().parents[1]
BOARD = "qemu-mps2-an386"
BOUNDED = "int8"
"""Part of the names of models whose layers are held against bounds."""
WORST = 10
LEAST_SHARE = 0.005
"""Layers below this share of their model's cycles are not looked at for the list of the worst."""


@dataclass(frozen=True)
class Layer:
    """One node and what it costs.

    Attributes:
        model: of the zoo.
        name: index and kind of the source operator.
        text: geometry, for people.
        macs: multiply-accumulates.
        outputs: elements of the result.
        cycles: measured.
        share: of its model's cycles.
        bound: what its class is held to.
        functions: names and cycles of the functions that cost most, the costliest first.
    """

    model: str
    name: str
    text: str
    macs: int
    outputs: int
    cycles: int
    share: float
    bound: Bound
    functions: tuple[tuple[str, int], ...]

    @property
    def ratio(self) -> float:
        """Measured cycles over the bound's."""
        return self.cycles / max(self.bound.cycles, 1.0)


@dataclass(frozen=True)
class ModelCost:
    """One model: multiply-accumulates, cycles, its layers if there are bounds for them; or why there are no costs."""

    name: str
    macs: int = 0
    cycles: int = 0
    layers: tuple[Layer, ...] = ()
    refused: str = ""


@dataclass
class Ledger:
    """All models, in the order of their names."""

    models: list[ModelCost] = field(default_factory=list)

    def add(self, model: ModelCost) -> None:
        """Puts a model in its place, for the one of its name."""
        others = [m for m in self.models if m.name != model.name]
        self.models = sorted([*others, model], key=lambda m: m.name)

    @property
    def layers(self) -> Iterator[Layer]:
        """Of all models."""
        return (layer for model in self.models for layer in model.layers)

    def geometric_mean(self) -> float:
        """Of cycles per MAC, over the models with layers that have MACs."""
        values = [m.cycles / m.macs for m in self.models if m.macs and m.layers]
        return math.exp(sum(map(math.log, values)) / len(values)) if values else 0.0

    def worst(self) -> list[Layer]:
        """The layers farthest above their bound."""
        heavy = [layer for layer in self.layers if layer.share >= LEAST_SHARE]
        return sorted(heavy, key=lambda layer: -layer.ratio)[:WORST]


def loaded(record: Path) -> Ledger:
    """What zoo-costs.json holds."""
    held = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {"models": []}
    models = [ModelCost(**{**model, "layers": tuple(map(_layer_of, model["layers"]))}) for model in held["models"]]
    return Ledger(models)


def _layer_of(held: dict[str, Any]) -> Layer:
    functions = tuple((str(name), int(cycles)) for name, cycles in held["functions"])
    return Layer(**{**held, "bound": Bound(**held["bound"]), "functions": functions})


def measure(path: Path, work: Path) -> ModelCost:
    """Compiles, builds and counts one model.

    ``work`` is used again for the next one, which saves what does not change.
    """
    try:
        folder = compile_model(path, name="m").write(work / "m", force=True)
    except EmitterError as error:
        return ModelCost(path.stem, refused=str(error).splitlines()[0])
    found = find_models(folder)
    build = Build(load_board(BOARD), "perf", found, work / "m4")
    try:
        build_firmware(build)
        costs = counter.count_nodes(build.board, build.elf, "m")
    except Exception as error:  # noqa: BLE001 - does not fit, or does not end: a line of the table
        return ModelCost(path.stem, refused=f"{error}"[:300])
    info = json.loads((folder / "m.json").read_text(encoding="utf-8"))
    layers = _layers(path, info["nodes"], costs) if BOUNDED in path.stem else ()
    return ModelCost(path.stem, int(info["macs"]), costs.total.cycles, layers)


def _layers(path: Path, nodes: list[dict[str, object]], costs: counter.NodeCosts) -> tuple[Layer, ...]:
    operators = read_model(path.read_bytes()).operators
    return tuple(
        _layer(path.stem, node, cost, operators, costs.total.cycles)
        for node, cost in zip(nodes, costs.nodes, strict=True)
    )


def _layer(
    model: str, node: dict[str, object], cost: counter.Cost, operators: tuple[Operator, ...], total: int
) -> Layer:
    sources = node["source_ops"]
    index = int(sources[0]) if isinstance(sources, list) and sources else -1
    operator = operators[index] if index >= 0 else None
    macs, name = int(str(node["macs"])), str(node["name"])
    bound = bound_of(operator if "/" not in name else None, macs)
    top = sorted(((n, f.cycles) for n, f in cost.functions.items()), key=lambda item: -item[1])[:3]
    outputs = math.prod(operator.outputs[0].shape) if operator else 0
    return Layer(model, name, bound.text, macs, outputs, cost.cycles, cost.cycles / total, bound, tuple(top))


def markdown(ledger: Ledger) -> str:
    """The page."""
    lines = ["# Costs of the zoo's models", "", *(__doc__ or "").strip().splitlines()[2:], ""]
    lines += [f"Geometric mean of cycles per MAC, int8: **{ledger.geometric_mean():.3f}**", ""]
    lines += ["| model | MACs | M4 cycles | cycles/MAC |", "|---|---|---|---|"]
    for m in ledger.models:
        ratio = f"{m.cycles / m.macs:.2f}" if m.macs else "-"
        row = f"{m.macs:,} | {m.cycles:,} | {ratio}" if m.cycles else f"- | - | {m.refused}"
        lines.append(f"| {m.name} | {row} |")
    lines += ["", *_held(ledger), "", "## The ten layers farthest above their bound", ""]
    lines += ["| model | layer | geometry | cycles | bound | ratio | % of model | reason |", "|" + "---|" * 8]
    lines += [
        f"| {w.model} | {w.name} | {w.text} | {w.cycles:,} | {w.bound.cycles:,.0f} | {w.ratio:.2f} "
        f"| {100 * w.share:.1f} | {_reason(w)} |"
        for w in ledger.worst()
    ]
    lines += [
        "",
        "## Cost by kind of operator",
        "",
        *_kinds(ledger),
        "",
        "Reproduce with `python scripts/zoo_costs.py`.",
    ]
    return "\n".join(lines) + "\n"


def _held(ledger: Ledger) -> list[str]:
    """The layers that break a bound that the project promises."""
    promised = [layer for layer in ledger.layers if layer.bound.promised]
    broken = [layer for layer in promised if layer.ratio > 1.0]
    classes = (
        "convolutions with Cin >= 32, Cout >= 4 and 2 pixels: 1.6 cycles/MAC; "
        "stride-1 3x3 depthwise with 8 channels: 35 cycles/output"
    )
    head = f"Of {len(promised)} layers with a promised bound ({classes}) {len(broken)} exceed it."
    return [head] + [f"- {b.model} {b.name}, {b.text}: {b.cycles:,} of {b.bound.cycles:,.0f} cycles" for b in broken]


def _reason(layer: Layer) -> str:
    """Where the cycles go."""
    return ", ".join(f"{name} {100 * cycles / layer.cycles:.0f} %" for name, cycles in layer.functions)


def _kinds(ledger: Ledger) -> Iterable[str]:
    kinds: dict[str, list[Layer]] = {}
    for layer in ledger.layers:
        kinds.setdefault(layer.name.partition(":")[2], []).append(layer)
    yield "| kind | layers | cycles | cycles/MAC | cycles/output | worst ratio to bound |"
    yield "|---|---|---|---|---|---|"
    for kind, layers in sorted(kinds.items(), key=lambda item: -sum(layer.cycles for layer in item[1])):
        cycles, macs = sum(x.cycles for x in layers), sum(x.macs for x in layers)
        outputs = sum(x.outputs for x in layers)
        per_mac = f"{cycles / macs:.2f}" if macs else "-"
        worst = max(x.ratio for x in layers)
        yield f"| {kind} | {len(layers)} | {cycles:,} | {per_mac} | {cycles / max(outputs, 1):.1f} | {worst:.2f} |"


def main() -> int:
    """Measures and writes."""
    from bench import zoo

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--models", nargs="*", default=[], help="parts of names; without it those without a record")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "docs", help="folder of zoo-costs.json and .md")
    args = parser.parse_args()
    paths = sorted(p for p in (zoo() / "models").iterdir() if p.suffix in (".tflite", ".onnx"))
    record = args.output / "zoo-costs.json"
    ledger = loaded(record)
    known = {model.name for model in ledger.models}
    paths = [
        p for p in paths if any(part in p.stem for part in args.models) or (not args.models and p.stem not in known)
    ]
    try:
        with scratch("stm32-zoo-") as work:
            for path in paths:
                found = measure(path, work)
                ledger.add(found)
                record.write_text(json.dumps(asdict(ledger), indent=1) + "\n", encoding="utf-8")
                sys.stderr.write(f"{path.stem}: {found.cycles:,} cycles{found.refused}\n")
    except BaseException as error:
        if isinstance(error, SystemExit):
            raise
        return tell(error)
    (args.output / "zoo-costs.md").write_text(markdown(ledger), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
