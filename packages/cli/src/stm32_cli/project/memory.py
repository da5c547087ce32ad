# SPDX-License-Identifier: Apache-2.0
"""What an image takes: code and constants of the models, activations, and the use of each memory."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from stm32_cli.console import plain_table
from stm32_cli.project import mapfile

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from stm32_board_support import Board
    from stm32_board_support.memory import RegionUse

    from stm32_cli.project.firmware import Build
    from stm32_cli.project.mapfile import Contribution

_CODE = (".text", ".rodata")
_RUNTIME = "libstm32_ai_runtime"


@dataclass(frozen=True)
class ModelSizes:
    """Bytes that the models of an image account for.

    Attributes:
        model_code: code and read-only data of the emitted sources.
        runtime_code: of the runtime and the kernel library.
        library_code: of the members of libc, libm and libgcc that those two need.
        constants: weights and quantization, as linked.
        activations: pools of the models.
    """

    model_code: int
    runtime_code: int
    library_code: int
    constants: int
    activations: int

    @property
    def code(self) -> int:
        """All code and read-only data but the constants."""
        return self.model_code + self.runtime_code + self.library_code


@dataclass(frozen=True)
class Region:
    """A memory of the board.

    Attributes:
        name: of the memory.
        size: bytes that it has.
        used: bytes that the image needs there.
        sections: output section -> bytes.
    """

    name: str
    size: int
    used: int
    sections: dict[str, int]


@dataclass(frozen=True)
class SizeReport:
    """Sizes of an image; no regions and no stack for a process of the host.

    `stack` has for each function of the runtime's API the bytes that it takes at most, None where there is no bound.
    """

    board: str
    app: str
    models: list[str]
    sizes: ModelSizes
    regions: list[Region]
    stack: dict[str, int | None]

    def as_json(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return asdict(self) | {"code": self.sizes.code}

    def text(self) -> str:
        """The report as it is printed."""
        sizes = self.sizes
        parts = f"model {sizes.model_code:,}, runtime {sizes.runtime_code:,}, C library {sizes.library_code:,}"
        lines = [
            f"{', '.join(self.models) or 'no model'} on {self.board}",
            f"code        : {sizes.code:,} B ({parts})",
            f"constants   : {sizes.constants:,} B",
            f"activations : {sizes.activations:,} B",
        ]
        if self.stack:
            shown = {name: self.stack[name] for name in ("ai_create", "ai_run") if name in self.stack}
            bounds = (f"{name} {'no bound' if size is None else f'{size:,} B'}" for name, size in shown.items())
            lines.append(f"stack       : {', '.join(bounds)} at most")
        if self.regions:
            rows = [
                [r.name, f"{r.used:,}", f"{r.size:,}", f"{100 * r.used / r.size:.1f}", _sections(r)]
                for r in self.regions
                if r.used
            ]
            lines += ["", plain_table(["memory", "used", "of", "%", "sections"], rows)]
        return "\n".join(lines)


def _sections(region: Region) -> str:
    return ", ".join(f"{name} {size:,}" for name, size in region.sections.items())


def model_sizes(text: str, models: Collection[str]) -> ModelSizes:
    """Adds up a map file.

    Args:
        text: content of a map that was written with --cref.
        models: names of the models.
    """
    found = mapfile.contributions(text)
    data = {f"{name}_data" for name in models}
    objects = {part.object for part in found}
    of_data = {name for name in objects if "models.dir" in name and _stem(name) in data}
    of_model = {name for name in objects - of_data if "models.dir" in name and _is_emitted(_stem(name), models)}
    of_runtime = {name for name in objects if _RUNTIME in name}
    libraries = mapfile.pulled_in(mapfile.references(text), of_model | of_data | of_runtime)
    return ModelSizes(
        mapfile.total(found, of_model.__contains__, *_CODE),
        mapfile.total(found, of_runtime.__contains__, *_CODE),
        mapfile.total(found, libraries.__contains__, *_CODE),
        mapfile.total(found, of_data.__contains__, *_CODE, ".nn_weights")
        + mapfile.total(found, of_model.__contains__, ".nn_weights"),
        _activations(found),
    )


def code_split(text: str, models: Collection[str]) -> dict[str, int]:
    """Who brings the code and read-only data of an image, bytes.

    Args:
        text: content of a map that was written with --cref.
        models: names of the models.

    Returns:
        "model" (emitted sources), "kernels" (micro-kernels of the runtime), "runtime" (the rest of it), "libc" (members
        of libc, libm and libgcc that those need), "app" (everything else: application, board, other library members).
    """
    found = mapfile.contributions(text)
    sizes = model_sizes(text, models)
    kernels = mapfile.total(found, lambda name: _RUNTIME in name and "ai_k_" in name, *_CODE)
    everything = mapfile.total(found, lambda name: "_data.c" not in name or "models.dir" not in name, *_CODE)
    return {
        "model": sizes.model_code,
        "kernels": kernels,
        "runtime": sizes.runtime_code - kernels,
        "libc": sizes.library_code,
        "app": everything - sizes.code,
    }


def _is_emitted(stem: str, models: Collection[str]) -> bool:
    """Whether a source is code of one of the models, operators from outside included."""
    return any(stem in (name, f"{name}_lib") or stem.startswith(f"{name}_ext_") for name in models)


def _stem(path: str) -> str:
    """The name of a source file, e.g. "kws_lib" of ".../models.dir/.../kws_lib.c.obj"."""
    return path.rpartition("/")[2].partition(".")[0]


def _activations(found: Sequence[Contribution]) -> int:
    return sum(part.size for part in found if part.section.endswith(".nn_data_act"))


def _region(use: RegionUse) -> Region:
    return Region(use.name, use.size, use.used, dict(use.sections))


def measure(build: Build) -> SizeReport:
    """Measures a built image."""
    from stm32_board_support import Kind, memory_report

    from stm32_cli.project.stack import stack_bounds

    names = [model.name for model in build.models]
    text = (build.folder / "Project.map").read_text(encoding="utf-8", errors="replace")
    regions, stack = [], {}
    if build.board.kind is not Kind.HOST:
        stack = {name: bound.bytes for name, bound in stack_bounds(build.elf, build.folder).items()}
        report = memory_report(build.elf, build.board, build.board.layout(build.layout))
        regions = [_region(use) for use in report.regions]
    return SizeReport(build.board.name, build.app, names, model_sizes(text, names), regions, stack)


def overflow_text(elf: Path, board: Board, layout: str) -> str:
    """What does not fit in an image that was linked regardless: memory, need, have, largest items; "" if all fits."""
    from stm32_board_support import memory_report

    lines = []
    for unit in memory_report(elf, board, board.layout(layout)).overflows:
        lines.append(
            f"  {unit.name}: needs {unit.used:,} bytes, has {unit.size:,}, {-unit.free:,} too many; largest items:"
        )
        lines += [f"    {item.size:>12,}  {item.name} ({item.section})" for item in unit.items[:5]]
    return "\n".join(lines)
