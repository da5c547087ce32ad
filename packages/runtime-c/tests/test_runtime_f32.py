# SPDX-License-Identifier: Apache-2.0
"""The float convolutions: assembly against its C twin on an emulated Cortex-M4 with FPU, byte for byte."""

import pytest
import stm32_runtime_c

FLAGS = ["-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard", "-ffunction-sections"]
SOURCES = ("conv_f32", "conv_block_f32", "dense_f32", "depthwise_f32")
TWINS = (
    *("conv_f32", "conv_f32_x4", "conv_f32_x2", "conv_f32_x1", "dot_f32", "dense_f32"),
    *("depthwise_f32", "depthwise_f32_x4", "depthwise_f32_x1"),
)


@pytest.mark.emulator
@pytest.mark.parametrize("level", ["-O0", "-O2", "-Os"])
def test_assembly_and_c_agree(*, c_tools, tmp_path, level):
    renamed = [f"-Dai_k_{name}=twin_{name}" for name in TWINS]
    objects = []
    for name in SOURCES:
        source = stm32_runtime_c.source_dir() / f"ai_k_{name}.c"
        for form, defines in (("asm", []), ("twin", ["-DAI_K_PORTABLE=1", *renamed])):
            objects.append(tmp_path / f"{name}_{form}.o")
            c_tools.compile("arm-none-eabi-gcc", *FLAGS, level, *defines, "-c", source, "-o", objects[-1])
    target, elf = c_tools.folder / "target", tmp_path / "program.elf"
    link = ["-nostartfiles", "--specs=rdimon.specs", "-Wl,--gc-sections", "-Wl,--no-warn-rwx-segments"]
    script = ["-T", target / "target.ld", target / "start.c"]
    program = c_tools.folder / "f32_tests.c"
    c_tools.compile("arm-none-eabi-gcc", *FLAGS, level, *link, *script, program, *objects, "-o", elf)
    machine = ["-M", "mps2-an386", "-display", "none", "-serial", "none", "-monitor", "none", "-kernel", elf]
    result = c_tools.run(c_tools.need("qemu-system-arm"), *machine, "-semihosting-config", "enable=on,target=native")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.strip() == "0 failures"
