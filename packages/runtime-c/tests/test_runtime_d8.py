# SPDX-License-Identifier: Apache-2.0
"""The kernels with two weights in a halfword: assembly against its C twin on an emulated Cortex-M4, byte for byte."""

import pytest
import stm32_runtime_c

FLAGS = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=soft", "-ffunction-sections", "-fdata-sections"]
KERNELS = ("conv_d8", "dense_d8")
TWINS = ("columns_s8", "columns_clipped_s8", "conv_d8_s8", "dense_columns_s8", "dense_d8_s8")


@pytest.mark.emulator
@pytest.mark.parametrize("level", ["-O0", "-O2", "-Os"])
def test_assembly_and_c_agree(*, c_tools, tmp_path, level):
    sources = {name: stm32_runtime_c.source_dir() / f"ai_k_{name}.c" for name in KERNELS}
    renamed = [f"-Dai_k_{name}=twin_{name}" for name in TWINS]
    objects = []
    for name, source in sources.items():
        for form, defines in (("asm", []), ("twin", ["-DAI_K_PORTABLE=1", *renamed])):
            objects.append(tmp_path / f"{name}_{form}.o")
            c_tools.compile("arm-none-eabi-gcc", *FLAGS, level, *defines, "-c", source, "-o", objects[-1])
    target, elf = c_tools.folder / "target", tmp_path / "program.elf"
    link = ["-nostartfiles", "--specs=rdimon.specs", "-Wl,--gc-sections", "-Wl,--no-warn-rwx-segments"]
    script = ["-T", target / "target.ld", target / "start.c"]
    program = c_tools.folder / "d8_tests.c"
    c_tools.compile("arm-none-eabi-gcc", *FLAGS, level, *link, *script, program, *objects, "-o", elf)
    machine = ["-M", "mps2-an386", "-display", "none", "-serial", "none", "-monitor", "none", "-kernel", elf]
    result = c_tools.run(c_tools.need("qemu-system-arm"), *machine, "-semihosting-config", "enable=on,target=native")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.strip() == "0 failures"
