# SPDX-License-Identifier: Apache-2.0
"""Several models that run one after the other in one pool: outputs of the reference, memory of the largest."""

from __future__ import annotations

import numpy as np
import pytest
from ai_runner import AiRunner
from stm32_board_support import Emulator, load_board
from stm32_board_support.elf import ElfFile
from stm32_board_support.emulator import run_to_end
from stm32_cli.project import memory
from stm32_cli.project.firmware import Build, build_firmware

NAMES = ("ad01", "kws_ref", "strww")
ROUNDS = 3
BOARD = "qemu-mps2-an386"

pytestmark = [pytest.mark.zoo, pytest.mark.emulator]


@pytest.fixture(scope="module")
def models(compiled):
    return [compiled(name, "balanced") for name in NAMES]


def _build(models, folder, app, *, shared):
    settings = (("SHARED_POOL", "ON" if shared else "OFF"), ("RUNS", "1"))
    build = Build(load_board(BOARD), app, models, folder, "", settings)
    build_firmware(build)
    return build


def test_models_alternate_in_one_pool_that_is_the_largest(models, zoo, nanopb, cross_compiler, emulator, tmp_path):  # noqa: ARG001
    own = _build(models, tmp_path, "valid", shared=False)
    names = {f"{name}_activations" for name in NAMES}
    pools = {symbol.name: symbol.size for symbol in ElfFile(own.elf).symbols if symbol.name in names}
    assert set(pools) == names
    assert memory.measure(own).sizes.activations == sum(pools.values())

    build = _build(models, tmp_path, "valid", shared=True)
    assert memory.measure(build).sizes.activations == max(pools.values())
    assert not names & {symbol.name for symbol in ElfFile(build.elf).symbols}
    data = {name: dict(np.load(zoo / "data" / f"mlperf_tiny_{name}_int8.npz")) for name in NAMES}
    with Emulator(build.board, build.elf) as machine, AiRunner().connect(machine.description) as runner:
        for number in range(ROUNDS):
            for name, arrays in data.items():
                outputs, _ = runner.invoke([arrays["in0"][number : number + 1]], name=name)
                expected = arrays["out0"][number : number + 1]
                assert np.array_equal(np.asarray(outputs[0]).reshape(expected.shape), expected), (number, name)


def test_system_performance_runs_all_models_in_one_pool(models, cross_compiler, emulator, tmp_path):  # noqa: ARG001
    build = _build(models, tmp_path, "perf", shared=True)
    status, said = run_to_end(build.board, build.elf, timeout=120)
    assert status == 0, said
    assert all(f"Model {name}" in said for name in NAMES)
    assert "END: ok" in said
