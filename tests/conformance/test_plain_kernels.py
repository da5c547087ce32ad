# SPDX-License-Identifier: Apache-2.0
"""The kernels for cores without DSP: fewer instructions than textbook loops on a Cortex-M3, and the same bytes.

Both are compiled alike (-O2) and counted on QEMU's mps2-an385; the loops are tests/conformance/c/plain_bench.c. What
the emitted schedules compute is compared with the reference interpreter for a core without DSP and for the host.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import stm32_runtime_c
from stm32_board_support import load_board
from stm32_cli import counter
from stm32_emitter.testing.cases import cases

from tests.conformance.batch import run_batch
from tests.conformance.toolchain import C_FOLDER, MACHINES, STRICT, Machine, run

LAYERS = {
    "1x1 of 16 channels": (6, 1, 16, 16, 0), "1x1 of 64 channels": (4, 1, 64, 32, 0),
    "3x3 of 8 channels": (8, 3, 8, 8, 0), "5x5 of 1 channel": (12, 5, 1, 8, 0),
    "matrix product": (1, 1, 128, 24, 0), "depthwise 3x3": (10, 3, 16, 16, 1),
}  # fmt: skip
"""Size of the image, size of the kernel, input channels, output channels, whether it is depthwise."""
ADVANTAGE = 1.5


def _program(layer: tuple[int, ...], folder: Path) -> Path:
    machine = MACHINES["mps2-an385"]
    names = ("SIZE", "KERNEL", "INPUTS", "OUTPUTS", "DEPTHWISE")
    defines = [f"-DLAYER_{name}={value}" for name, value in zip(names, layer, strict=True)]
    sources = [stm32_runtime_c.source_dir() / f"ai_k_{name}_plain.c" for name in ("conv", "dense", "depthwise")]
    flags = [*machine.flags, *STRICT, *defines, f"-I{stm32_runtime_c.include_dir()}"]
    run(
        [machine.compiler, *flags, str(C_FOLDER / "plain_bench.c"), *map(str, sources), *machine.link, "-o", "b.elf"],
        folder, timeout=120,
    )  # fmt: skip
    return folder / "b.elf"


@pytest.mark.emulator
@pytest.mark.usefixtures("cross_compiler", "emulator")
@pytest.mark.parametrize("name", LAYERS)
def test_plain_kernels_beat_textbook_loops(name: str, tmp_path: Path) -> None:
    elf, board = _program(LAYERS[name], tmp_path), load_board("qemu-mps2-an385")
    done = subprocess.run(MACHINES["mps2-an385"].command(elf), check=False, timeout=60)
    assert done.returncode == 0, "the results differ"
    naive, plain = (
        counter.count(board, elf, f"{form}_begin", f"{form}_end").instructions for form in ("naive", "plain")
    )
    sys.stdout.write(f"{name}: {naive} / {plain} = {naive / plain:.2f}\n")
    assert naive > ADVANTAGE * plain, f"{naive} instructions of the loops, {plain} of the kernel"


HOST = Machine("host-plain", "host", "gcc", ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
               environment=(("ASAN_OPTIONS", "detect_leaks=0"),))  # fmt: skip


@pytest.mark.parametrize("op", ["CONV_2D", "FULLY_CONNECTED", "DEPTHWISE_CONV_2D"])
def test_schedules_of_the_host_equal_the_reference(op: str, tmp_path: Path) -> None:
    outcomes = run_batch(list(cases(op, 300_000, 12, "int8")), HOST, tmp_path)
    assert not [f"{o.name} {o.status}: {o.detail}" for o in outcomes if o.status != "equal"]
    assert all(o.compared for o in outcomes)


@pytest.mark.emulator
@pytest.mark.usefixtures("cross_compiler", "emulator")
@pytest.mark.parametrize("op", ["CONV_2D", "FULLY_CONNECTED", "DEPTHWISE_CONV_2D"])
def test_schedules_of_a_cortex_m3_equal_the_reference(op: str, tmp_path: Path) -> None:
    outcomes = run_batch(list(cases(op, 310_000, 8, "int8")), MACHINES["mps2-an385"], tmp_path)
    assert not [f"{o.name} {o.status}: {o.detail}" for o in outcomes if o.status != "equal"]
    assert all(o.compared for o in outcomes)
