# SPDX-License-Identifier: Apache-2.0
"""Images of the MLPerf Tiny models, built once for all tests."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from stm32_board_support import load_board
from stm32_cli.project import memory
from stm32_cli.project.firmware import Build, build_firmware
from stm32_cli.project.models import ModelFolder, find_models
from stm32_cli.project.stack import CallGraph, call_graph
from stm32_emitter import compile_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from stm32_cli.project.memory import SizeReport

MODELS = ("ad01", "kws_ref", "resnet", "strww", "vww")
GOALS = ("balanced", "size")


@dataclass(frozen=True)
class Image:
    """SystemPerformance with one model.

    Attributes:
        model: its folder.
        elf: the image.
        sizes: what it takes.
        graph: its call graph.
    """

    model: ModelFolder
    elf: Path
    sizes: SizeReport
    graph: CallGraph


@pytest.fixture(scope="session")
def compiled(zoo: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], ModelFolder]:
    """(model, goal) -> the folder of the compiled model, named by both."""
    folder = tmp_path_factory.mktemp("footprint_models")

    @cache
    def compile_one(name: str, goal: str) -> ModelFolder:
        model = compile_model(zoo / "models" / f"mlperf_tiny_{name}_int8.tflite", name=name, optimize=goal)
        return find_models(model.write(folder / goal / name))[0]

    return compile_one


@pytest.fixture(scope="session")
def image(
    compiled: Callable[[str, str], ModelFolder],
    cross_compiler: str,  # noqa: ARG001 - must be there
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str, str], Image]:
    """(model, goal) -> SystemPerformance with it, on the default board."""
    folder = tmp_path_factory.mktemp("footprint")

    @cache
    def build_one(name: str, goal: str) -> Image:
        build = Build(
            load_board("qemu-mps2-an386"), "perf", [compiled(name, goal)], folder / goal, "", (("RUNS", "1"),)
        )
        elf = shutil.copy(build_firmware(build), folder / f"{name}_{goal}.elf")
        return Image(build.models[0], Path(elf), memory.measure(build), call_graph(build.elf, build.folder))

    return build_one
