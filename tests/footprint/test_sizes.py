# SPDX-License-Identifier: Apache-2.0
"""Budgets of the MLPerf Tiny models on a Cortex-M4: code, constants, stack, cycles of small code, memories of a part.

Golden for arm-none-eabi-gcc 12.2; other versions are skipped, and said so.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tflite
from stm32_board_support import load_board
from stm32_board_support.emulator import run_to_end
from stm32_cli import counter
from stm32_cli.project import memory
from stm32_cli.project.firmware import Build, build_firmware

from tests.conftest import lacking
from tests.footprint.conftest import GOALS, MODELS

CODE = {"balanced": 12 * 1024, "size": 8 * 1024}
CHANNEL_BYTES = 12
STACK = 512
SLOWER = 1.6
WITH_WEIGHTS = {
    tflite.BuiltinOperator.CONV_2D: 0,
    tflite.BuiltinOperator.DEPTHWISE_CONV_2D: 3,
    tflite.BuiltinOperator.FULLY_CONNECTED: 0,
}
"""Operator -> axis of its weights that is the output channel."""

pytestmark = [pytest.mark.zoo, pytest.mark.parametrize("name", MODELS)]


@pytest.fixture(autouse=True)
def _known_compiler(cross_compiler):
    version = subprocess.run([cross_compiler, "-dumpversion"], capture_output=True, text=True, check=True).stdout
    if not version.startswith("12.2"):
        lacking(f"the budgets are for arm-none-eabi-gcc 12.2, this is {version.strip()}")


def weights_and_channels(model: Path) -> tuple[int, int]:
    """(bytes of int8 weights, output channels) of a .tflite file, read without our importer."""
    file = tflite.Model.GetRootAs(bytearray(model.read_bytes()))
    graph, sizes, channels = file.Subgraphs(0), 0, 0
    for i in range(graph.OperatorsLength()):
        operator = graph.Operators(i)
        code = file.OperatorCodes(operator.OpcodeIndex())
        kind = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        if kind in WITH_WEIGHTS:
            shape = graph.Tensors(operator.Inputs(1)).ShapeAsNumpy()
            sizes += int(np.prod(shape))
            channels += int(shape[WITH_WEIGHTS[kind]])
    return sizes, channels


@pytest.mark.parametrize("goal", GOALS)
def test_code_keeps_its_budget_and_needs_no_library(image, name, goal):
    sizes = image(name, goal).sizes.sizes
    assert sizes.code <= CODE[goal]
    assert sizes.library_code <= (0 if goal == "balanced" else 200)


@pytest.mark.parametrize("goal", GOALS)
def test_constants_are_the_weights_and_12_bytes_per_channel(image, name, goal, zoo):
    weights, channels = weights_and_channels(zoo / "models" / f"mlperf_tiny_{name}_int8.tflite")
    # Folded channels take their weights with them.
    assert 0 < image(name, goal).sizes.sizes.constants <= weights + CHANNEL_BYTES * channels


@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.usefixtures("emulator")
def test_stack_of_a_run_is_bounded_and_the_painted_one_is_below(image, name, goal):
    found = image(name, goal)
    bound = found.graph.bound(found.graph.api()["ai_run"])
    assert bound.bytes is not None, bound.why
    assert bound.bytes <= STACK
    assert found.sizes.stack["ai_run"] == bound.bytes
    status, said = run_to_end(load_board("qemu-mps2-an386"), found.elf, timeout=120)
    assert status == 0
    painted = int(re.search(r"used stack\s*:?\s*([\d,]+)", said)[1].replace(",", ""))
    assert 0 < painted <= bound.bytes


@pytest.mark.parametrize("goal", GOALS)
def test_frames_of_the_instructions_are_those_of_the_compiler(image, name, goal):
    """What assembly takes is read from its instructions; for all that the compiler compiled both ways agree."""
    graph = image(name, goal).graph
    compared = [a for a, f in graph.functions.items() if graph.is_known(a)]
    assert len(compared) > 20
    assert {graph.functions[a].name: graph.pushed(a) for a in compared} == {
        graph.functions[a].name: graph.frame(a) for a in compared
    }


@pytest.mark.usefixtures("emulator")
def test_small_code_is_not_much_slower(image, name):
    board = load_board("qemu-mps2-an386")
    usual, small = (counter.count(board, image(name, goal).elf).cycles for goal in GOALS)
    assert small <= SLOWER * usual


def test_model_fits_the_memories_of_an_stm32f412zg(compiled, name, nanopb, tmp_path):  # noqa: ARG001 - must be there
    """Linked with Validation, which is the larger application."""
    board = load_board(Path(__file__).parent / "boards" / "f412zg-memories")
    build = Build(board, "valid", [compiled(name, "balanced")], tmp_path)
    build_firmware(build)
    regions = {region.name: region for region in memory.measure(build).regions}
    assert set(regions) == {"flash", "sram"}
    assert all(0 < region.used <= region.size for region in regions.values())
    assert (regions["flash"].size, regions["sram"].size) == (1 << 20, 1 << 18)
