# SPDX-License-Identifier: Apache-2.0
"""`stm32 validate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stm32_cli import console, options
from stm32_cli.errors import CliError, Exit

if TYPE_CHECKING:
    from stm32_cli.validation.report import ValidationReport

_DEVICE_HELP = (
    "Where it runs: qemu:BOARD (compiled, built and booted for it), host (likewise, as a process), or Validation "
    "firmware that is connected: serial[:PORT[:BAUD]], socket:HOST:PORT, a port."
)


def _write_json(path: Path, report: ValidationReport) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(report.to_dict(), indent=2) + "\n", encoding="utf-8")
    part.replace(path)


def _failure(report: ValidationReport) -> CliError:
    from stm32_cli.validation.layers import first_difference
    from stm32_cli.validation.report import first_difference_text

    found = first_difference(report.layers)
    text = f"{report.bytes_differing:,} of {report.bytes_compared:,} output bytes differ from the original"
    if found:
        return CliError(f"{text}; {first_difference_text(found)}", "", Exit.OUTPUTS_DIFFER)
    hint = "" if report.layers else "--per-layer names the first layer that differs"
    return CliError(text, hint, Exit.OUTPUTS_DIFFER)


@click.command(help="Compare the outputs of MODEL on a target with the original's interpreter, byte by byte.")
@click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@options.option("-d", "--device", default=f"qemu:{options.DEFAULT_BOARD}", show_default=True, help=_DEVICE_HELP)
@options.probe
@options.option("--samples", type=click.IntRange(min=1), default=None, help="[default: 10, or all of the file]")
@click.option(
    "--npz", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=None, help="Inputs, and outputs."
)
@options.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of random inputs.")
@click.option("--network", default=None, help="Name of the model in the firmware, if there are several.")
@click.option("--per-layer", is_flag=True, help="Compare every layer, and name the first that differs.")
@click.option("--quantize", is_flag=True, help="Turn float arrays of the file into the inputs' integers.")
@click.option(
    "--model-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=None,
    help="Compiled model to use, or to compare the connected firmware's signature with.",
)
@options.optimize
@options.shape
@options.plugin
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Write the report."
)
def command(
    *,
    model: Path,
    device: str,
    probe: str,
    samples: int | None,
    npz: Path | None,
    seed: int,
    network: str | None,
    model_dir: Path | None,
    optimize: str,
    constant_channels: str | None,
    tuned: str | None,
    shapes: dict[str, tuple[int, ...]],
    plugins: tuple[Path, ...],
    json_file: Path | None,
    per_layer: bool,
    quantize: bool,
) -> None:
    """Validates a model."""
    from stm32_cli.project.compiler import CompileOptions, on_off, scratch, tuning_file
    from stm32_cli.validation.report import as_text
    from stm32_cli.validation.run import Request, validate
    from stm32_cli.validation.target import Plan, parse_destination

    request = Request(parse_destination(device, probe), samples, npz, seed, network, per_layer, quantize)
    with scratch("stm32-validate-") as work:
        chosen = CompileOptions(
            optimize=optimize,
            constant_channels=on_off(constant_channels),
            tuned=tuning_file(tuned),
            shapes=shapes,
            plugins=plugins,
        )
        report = validate(request, Plan(model, chosen, model_dir, work))
    console.result(as_text(report))
    if json_file is not None:
        _write_json(json_file, report)
    if not report.passed:
        raise _failure(report)
