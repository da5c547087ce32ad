# SPDX-License-Identifier: Apache-2.0
"""Flags per core: the exact lists, and that the compiler takes every row."""

import shutil
import subprocess

import pytest
from stm32_board_support.cores import CORES, cpu_flags

GCC = shutil.which("arm-none-eabi-gcc")
EXPECTED = {
    ("cortex-m0plus", ""): ["-mcpu=cortex-m0plus", "-mthumb", "-mfloat-abi=soft"],
    ("cortex-m3", ""): ["-mcpu=cortex-m3", "-mthumb", "-mfloat-abi=soft"],
    ("cortex-m4", ""): ["-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"],
    ("cortex-m4", "none"): ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=soft"],
    ("cortex-m7", ""): ["-mcpu=cortex-m7", "-mthumb", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"],
    ("cortex-m7", "fpv5-d16"): ["-mcpu=cortex-m7", "-mthumb", "-mfpu=fpv5-d16", "-mfloat-abi=hard"],
    ("cortex-m33", "none"): ["-mcpu=cortex-m33+nofp", "-mthumb", "-mfloat-abi=soft"],
    ("cortex-m55", ""): ["-mcpu=cortex-m55", "-mthumb", "-mfpu=auto", "-mfloat-abi=hard"],
    ("host", ""): [],
}


@pytest.mark.parametrize(("core", "fpu"), EXPECTED)
def test_flags_are_exactly(core, fpu):
    assert cpu_flags(core, fpu) == EXPECTED[core, fpu]


@pytest.mark.skipif(GCC is None, reason="arm-none-eabi-gcc is not installed")
@pytest.mark.parametrize(("core", "fpu"), [(core, fpu) for core, row in CORES.items() if row.mcpu for fpu in row.fpus])
def test_compiler_takes_every_row_and_has_its_features(core, fpu, tmp_path):
    source = tmp_path / "probe.c"
    checks = {"dsp": "__ARM_FEATURE_DSP", "mve": "__ARM_FEATURE_MVE"}
    lines = [
        f"#ifndef {macro}\n#error no {macro}\n#endif" for key, macro in checks.items() if key in CORES[core].features
    ]
    lines += [
        f"#ifdef {macro}\n#error {macro}\n#endif" for key, macro in checks.items() if key not in CORES[core].features
    ]
    source.write_text("\n".join(lines) + "\nfloat twice(float x);\nfloat twice(float x) { return x + x; }\n")
    argv = [GCC, *cpu_flags(core, fpu), "-c", str(source), "-o", str(tmp_path / "probe.o")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
