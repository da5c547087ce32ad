# SPDX-License-Identifier: Apache-2.0
"""`stm32 analyze`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stm32_cli import console, options
from stm32_cli.errors import CliError, Exit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stm32_emitter import CompiledModel

    from stm32_cli.project.analysis import LayoutFit, Needs

_LAYERS = ["layer", "schedule", "MACs", "constants", "output", "scratch", "in use"]


def _head(info: dict[str, Any], needs: Needs) -> list[str]:
    tensors = [
        f"  {kind} {tensor['name']}: {tensor['dtype']} {tensor['shape']}, {tensor['bytes']:,} B"
        for kind in ("input", "output")
        for tensor in info[f"{kind}s"]
    ]
    return [
        f"{info['name']} for {info['target']}: {len(info['nodes'])} layers, {info['macs']:,} MACs",
        *tensors,
        f"constants   : {needs.constants:,} B",
        f"activations : {needs.activations:,} B (context {info['context_bytes']:,}, planned {info['planned_bytes']:,})",
        f"code        : at most {needs.code:,} B (estimate; model, kernels, runtime)",
        f"stack       : at most {needs.stack:,} B (estimate; of ai_run)",
        *_plug_ins(info),
    ]


def _plug_ins(info: dict[str, Any]) -> list[str]:
    """What the estimates leave out."""
    count = sum(node["schedule"]["name"] == "plug-in" for node in info["nodes"])
    return [f"plug-ins    : {count} layers; code and stack of their C come on top (stm32 build knows)"] if count else []


def _layers(rows: list[dict[str, Any]]) -> str:
    sizes = ("macs", "constants", "output_bytes", "scratch_bytes", "bytes_in_use")
    cells = [[row["name"], row["schedule"]["name"], *(f"{row[key]:,}" for key in sizes)] for row in rows]
    return console.plain_table(_LAYERS, cells)


def _layouts(found: Sequence[LayoutFit]) -> str:
    rows = []
    for fit in found:
        name = f"{fit.layout} (default)" if fit.is_default else fit.layout
        for position, memory in enumerate(fit.memories):
            holds = ", ".join(f"{what} {size:,}" for what, size in memory.holds.items())
            first = [name, "yes" if fit.fits else "no"] if position == 0 else ["", ""]
            over = "" if memory.fits else f"{memory.need - memory.have:,}"
            rows.append([*first, memory.memory, f"{memory.need:,}", f"{memory.have:,}", over, holds])
    return console.plain_table(["layout", "fits", "memory", "need", "have", "too many", "for"], rows)


def _text(info: dict[str, Any], needs: Needs, layers: list[dict[str, Any]], board: str, fit: list[LayoutFit]) -> str:
    from stm32_cli.project import analysis

    parts = [*_head(info, needs), "", _layers(layers), ""]
    if fit:
        what = "with the Validation firmware" if needs.firmware_code > analysis.LOOP_CODE else "without an application"
        parts += [f"{board}, {what}:", _layouts(fit)]
        names = [entry.layout for entry in fit if entry.fits]
        parts += ["", f"fits {board} in: {', '.join(names)}" if names else f"does not fit {board}"]
    else:
        parts.append(f"{board} has no memories of its own: it fits")
    return "\n".join(parts)


def _report(compiled: CompiledModel) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(compiled.files[f"{compiled.name}_report.json"])
    return found


@click.command(
    help="Tell what MODEL (.tflite, .onnx or .pt2) needs, layer by layer, and which layouts of a board it fits. No C "
    "compiler is needed. Exit code 4: it fits none."
)
@click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@options.option("-b", "--board", default=options.DEFAULT_BOARD, show_default=True, help="Name, or folder.")
@options.mcu
@options.option("-n", "--name", default=None, help="Name of the model in C.  [default: from the file's name]")
@options.optimize
@options.shape
@options.plugin
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    *,
    model: Path,
    board: str,
    mcu: str | None,
    name: str | None,
    optimize: str,
    constant_channels: str | None,
    tuned: str | None,
    shapes: dict[str, tuple[int, ...]],
    plugins: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Analyzes a model."""
    from stm32_cli.project import analysis
    from stm32_cli.project.compiler import CompileOptions, compile_file, on_off, tuning_file

    found = options.board_or_mcu(board, mcu)
    folded, schedules = on_off(constant_channels), tuning_file(tuned)
    chosen = CompileOptions(found.descriptor.core, name, optimize, folded, schedules, shapes, plugins)
    compiled = compile_file(model, chosen)
    info, report = compiled.info, _report(compiled)
    needs = analysis.needs_of(info, report, alone=bool(mcu))
    layouts = analysis.fits(needs, found, compiled.name)
    if as_json:
        console.result_json(analysis.as_json(info, report, found.name, layouts, needs))
    else:
        console.result(_text(info, needs, analysis.layers_of(info, report), found.name, layouts))
    if layouts and not any(fit.fits for fit in layouts):
        raise CliError(
            f"{compiled.name} does not fit {found.name} in any layout",
            "try --optimize ram or size, a larger board or a smaller model",
            Exit.DOES_NOT_FIT,
        )
