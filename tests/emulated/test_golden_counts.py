# SPDX-License-Identifier: Apache-2.0
"""Instructions of one inference, against the figures of docs/benchmarks.json: at most 2 % more.

Three small models here; `make bench` compares everything. `make bench UPDATE=1` accepts what it measures.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from stm32_board_support import load_board
from stm32_cli import counter
from stm32_cli.project.firmware import Build, build_firmware
from stm32_cli.project.models import find_models

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = json.loads((ROOT / "docs" / "benchmarks.json").read_text())
MAY_GROW = 1.02


@pytest.fixture(scope="module")
def same_compiler(cross_compiler: str) -> None:
    """Skips where another compiler would give other figures, on a machine that must not skip anything, too."""
    argv = [cross_compiler, "-dumpversion"]
    version = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()
    if version.split(".")[:2] != GOLDEN["compiler"].split(".")[:2]:
        pytest.skip(f"the figures are those of arm-none-eabi-gcc {GOLDEN['compiler']}; this one is {version}")


@pytest.mark.emulator
@pytest.mark.usefixtures("emulator", "same_compiler")
@pytest.mark.parametrize("short", ["ad01", "kws_ref", "strww"])
def test_instructions_do_not_grow(tmp_path: Path, zoo: Path, short: str) -> None:
    from stm32_emitter import compile_model

    golden = GOLDEN["models"][short]["default"]
    emitted = compile_model(zoo / "models" / f"{golden['model']}.tflite", name=short).write(tmp_path / "model")
    build = Build(load_board("qemu-mps2-an386"), "perf", find_models(Path(emitted)), tmp_path / "b")
    costs = counter.count_nodes(build.board, build_firmware(build), short)
    parts = {
        row["name"]: (cost.instructions, row["instructions"])
        for cost, row in zip(costs.nodes, golden["layers"], strict=False)
    }
    grown = {name: pair for name, pair in parts.items() if pair[0] > pair[1] * MAY_GROW}
    assert costs.total.instructions <= golden["instructions"] * MAY_GROW, (
        f"{short} takes {costs.total.instructions:,} instructions instead of {golden['instructions']:,}; layers that "
        f"grew: {grown}; accept with make bench UPDATE=1"
    )
