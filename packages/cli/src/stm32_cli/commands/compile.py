# SPDX-License-Identifier: Apache-2.0
"""`stm32 compile`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stm32_cli import console, options

if TYPE_CHECKING:
    from stm32_emitter import CompiledModel


def c_name(text: str) -> str:
    """A name as the emitter makes it: [a-z0-9_], not beginning with a digit."""
    name = re.sub(r"[^a-z0-9_]", "_", text.lower())
    return f"m{name}" if name[:1].isdigit() else name


def _target(board: str | None, mcu: str | None, cpu: str | None) -> str:
    """The CPU to compile for: --cpu, else the core of the part or the board."""
    return cpu or options.board_or_mcu(board, mcu).descriptor.core


def _summary(compiled: CompiledModel, folder: Path) -> str:
    tensors = [
        f"  {kind} {tensor.name}: {tensor.dtype} {list(tensor.shape)}, {tensor.bytes} B"
        for kind, found in (("input", compiled.inputs), ("output", compiled.outputs))
        for tensor in found
    ]
    lines = [
        f"{compiled.name}: {len(compiled.nodes)} nodes, {compiled.macs:,} MACs, signature {compiled.signature:08x}",
        *tensors,
        f"  constants {compiled.params_size:,} B, activations (planned) {compiled.planned_bytes:,} B",
        f"written to {folder}",
    ]
    return "\n".join(lines)


@click.command(
    help="Compile MODEL (.tflite, .onnx, .pt2, .keras, .h5 or a SavedModel folder) to a folder of C sources."
)
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@options.option("-o", "--output", type=click.Path(path_type=Path), default=None, help="[default: build/models/<name>]")
@options.option("-n", "--name", default=None, help="Name of the model in C.  [default: from the file's name]")
@options.option(
    "-b", "--board", default=None, help=f"Compile for this board's CPU.  [default: {options.DEFAULT_BOARD}]"
)
@options.mcu
@options.option("--cpu", type=click.Choice([*options.CPUS, "host"]), default=None, help="Compile for this CPU.")
@options.optimize
@options.shape
@options.plugin
@click.option("--force", is_flag=True, help="Replace the output folder if it holds a compiled model.")
@click.option("--explain", is_flag=True, help="Show how each layer is computed, expected and measured cycles.")
@click.option("--json", "as_json", is_flag=True, help="Print the description of the model as JSON.")
def command(
    *,
    model: Path,
    output: Path | None,
    name: str | None,
    board: str | None,
    mcu: str | None,
    cpu: str | None,
    optimize: str,
    constant_channels: str | None,
    tuned: str | None,
    shapes: dict[str, tuple[int, ...]],
    plugins: tuple[Path, ...],
    force: bool,
    explain: bool,
    as_json: bool,
) -> None:
    """Compiles a model."""
    from stm32_cli.project.compiler import CompileOptions, compile_file, ensure_free, on_off, tuning_file

    folder = output or Path("build/models") / c_name(name or model.stem)
    ensure_free(folder, force=force)
    target = _target(board, mcu, cpu)
    chosen = CompileOptions(target, name, optimize, on_off(constant_channels), tuning_file(tuned), shapes, plugins)
    compiled = compile_file(model, chosen)
    written = compiled.write(folder, force=force)
    info: dict[str, Any] = compiled.info
    if explain:
        _explain(compiled, written, as_json=as_json)
    elif as_json:
        console.result_json(info)
    else:
        console.result(_summary(compiled, written))


def _explain(compiled: CompiledModel, written: Path, *, as_json: bool) -> None:
    from stm32_cli.project import explain, measured

    found = measured.find(compiled.signature)
    if as_json:
        console.result_json(explain.explain_json(compiled.info, found))
    else:
        console.result(f"{_summary(compiled, written)}\n\n{explain.explain_text(compiled.info, found)}")
