# SPDX-License-Identifier: Apache-2.0
"""`stm32 parts`."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stm32_cli import console, options
from stm32_cli.errors import CliError, Exit, usage

if TYPE_CHECKING:
    from stm32_board_support.parts import PartGroup
    from stm32_emitter import CompiledModel

    from stm32_cli.project.compiler import CompileOptions
    from stm32_cli.project.fitting import Fit, Footprint

    _Found = dict[tuple[str, str], Footprint]

_KIB = 1024
_UNITS = {"": 1, "k": _KIB, "m": _KIB * _KIB}
_RELAX = "relax --max-flash, --max-ram, --core"
_HEAD = ["parts", "numbers", "core", "FPU", "flash KB", "RAM KB"]


def _size(_context: click.Context, _parameter: click.Parameter, text: str | None) -> int | None:
    """A number of bytes as people write it: 65536, 64K, 1M."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d+)\s*([km]?)i?b?", text.strip().lower())
    if found is None:
        raise click.BadParameter(f"{text!r} is no size; e.g. 65536, 64K, 1M")
    return int(found[1]) * _UNITS[found[2]]


def _core(text: str | None) -> str | None:
    """A core as people write it (M4, cortex-m4, m0+), as the name of a CPU."""
    if text is None:
        return None
    name = "cortex-" + text.lower().removeprefix("cortex").lstrip("-").replace("+", "plus")
    if name not in options.CPUS:
        raise usage(f"there is no core {text!r}", f"known: {', '.join(options.CPUS)}")
    return name


def _chosen(max_flash: int | None, max_ram: int | None, core: str | None) -> list[PartGroup]:
    from stm32_board_support.parts import part_groups

    with console.step("reading the part data"):
        groups = part_groups()
    return [
        group
        for group in groups
        if (core is None or group.part.core == core)
        and (max_flash is None or group.part.flash <= max_flash)
        and (max_ram is None or group.part.ram <= max_ram)
    ]


def _compile(model: Path, core: str, chosen: CompileOptions) -> CompiledModel:
    from stm32_cli.project.compiler import compile_file

    return compile_file(model, replace(chosen, target=core))


def _footprints(model: Path, groups: list[PartGroup], chosen: CompileOptions, *, measure: bool) -> _Found:
    """What the model takes on each (core, FPU) of the groups."""
    from stm32_cli.project import fitting
    from stm32_cli.project.compiler import scratch

    largest = {(group.part.core, group.part.fpu): group.part for group in groups}  # sorted: the last is the largest
    compiled = {core: _compile(model, core, chosen) for core in sorted({core for core, _ in largest})}
    found = {}
    for (core, fpu), part in largest.items():
        result = compiled[core]
        guess = fitting.estimated(result.info, json.loads(result.files[f"{result.name}_report.json"]))
        if measure:
            with scratch("stm32-parts-") as folder:
                guess = fitting.measured(result, part, guess, folder)
        found[core, fpu] = guess
    return found


def _group_row(group: PartGroup) -> list[str]:
    part = group.part
    sizes = (f"{part.flash // _KIB}", f"{part.ram // _KIB}")
    return [group.name, str(len(group.numbers)), part.core, "-" if part.fpu == "none" else part.fpu, *sizes]


def _rest(count: int, limit: int) -> list[str]:
    return ["", f"and {count - limit} more: --limit 0 shows all"] if 0 < limit < count else []


def _needs_text(footprints: _Found) -> str:
    """A table of what the model takes, one line for cores on which it takes the same."""
    cores: dict[Footprint, list[str]] = {}
    for (core, fpu), need in sorted(footprints.items()):
        cores.setdefault(need, []).append(core if fpu == "none" else f"{core} {fpu}")
    rows = []
    for need, names in cores.items():
        how = "measured" if need.measured else "at most, estimated"
        sizes = (need.constants, need.code, need.activations, need.stack)
        rows.append([*(f"{size:,}" for size in sizes), how, ", ".join(names)])
    return console.plain_table(["constants", "code", "activations", "stack", "code and stack", "on"], rows)


def _fit_text(name: str, fits: list[Fit], footprints: _Found, limit: int) -> str:
    lines = [f"{name} takes, without an application, bytes:", _needs_text(footprints)]
    rows = [[*_group_row(f.group), f"{f.free_flash:,}", f"{f.free_ram:,}"] for f in (fits[:limit] if limit else fits)]
    table = console.plain_table([*_HEAD, "flash left", "RAM left"], rows) if rows else "no part holds it"
    return "\n".join([*lines, "", table, *_rest(len(fits), limit)])


@click.command(
    help="List STM32 part numbers, smallest first; with --fits those that hold a model, and what they have left for "
    "the application. Part numbers that differ only in package and temperature range are one line; its name can be "
    "given to --mcu. Exit code 4: no part holds the model."
)
@click.option(
    "--fits", "model", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=None, metavar="MODEL"
)
@click.option(
    "--max-flash", callback=_size, metavar="SIZE", default=None, help="Parts with at most this much flash, e.g. 256K."
)
@click.option("--max-ram", callback=_size, metavar="SIZE", default=None, help="Parts with at most this much RAM.")
@click.option("--core", default=None, help="Parts with this core, e.g. m4.")
@click.option("--measure", is_flag=True, help="Measure code and stack with the C compiler, for each core and FPU.")
@click.option("--limit", type=click.IntRange(min=0), default=20, show_default=True, help="Lines to show; 0: all.")
@options.goals
@options.plugin
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def command(
    *,
    model: Path | None,
    max_flash: int | None,
    max_ram: int | None,
    core: str | None,
    measure: bool,
    limit: int,
    optimize: str,
    constant_channels: str | None,
    plugins: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Lists parts."""
    groups = _chosen(max_flash, max_ram, _core(core))
    if model is None:
        _list(groups, limit, as_json=as_json)
        return
    from stm32_cli.project import fitting
    from stm32_cli.project.compiler import CompileOptions, on_off

    if not groups:
        raise CliError("no part is that small or has that core", _RELAX, Exit.DOES_NOT_FIT)
    chosen = CompileOptions(optimize=optimize, constant_channels=on_off(constant_channels), plugins=plugins)
    footprints = _footprints(model, groups, chosen, measure=measure)
    fits = fitting.fits(groups, footprints)
    if as_json:
        needs = [{"core": c, "fpu": f, **asdict(need)} for (c, f), need in sorted(footprints.items())]
        console.result_json({"model": model.name, "needs": needs, "parts": [fit.as_json() for fit in fits]})
    else:
        console.result(_fit_text(model.name, fits, footprints, limit))
    if not fits:
        raise CliError(f"no part holds {model.name}", _RELAX, Exit.DOES_NOT_FIT)


def _list(groups: list[PartGroup], limit: int, *, as_json: bool) -> None:
    if as_json:
        facts = [{"name": group.name, "numbers": list(group.numbers), **_part_json(group)} for group in groups]
        console.result_json(facts)
        return
    rows = [_group_row(group) for group in (groups[:limit] if limit else groups)]
    console.result("\n".join([console.plain_table(_HEAD, rows), *_rest(len(groups), limit)]))


def _part_json(group: PartGroup) -> dict[str, Any]:
    part = group.part
    memories = {m.name: {"origin": m.origin, "size": m.size, "kind": m.kind, "ready": m.ready} for m in part.memories}
    return {"core": part.core, "fpu": part.fpu, "flash": part.flash, "ram": part.ram, "memories": memories}
