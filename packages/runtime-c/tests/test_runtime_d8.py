# SPDX-License-Identifier: Apache-2.0
"""The kernels of convolutions and matrix products: assembly and its C twin on an emulated Cortex-M4, byte for byte."""

import pytest
import stm32_runtime_c

FLAGS = [
    "-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=softfp", "-mfpu=fpv4-sp-d16", "-ffunction-sections", "-fdata-sections",
]  # fmt: skip
PROGRAMS = {
    "d8_tests.c": (
        ("columns", "columns_clipped", "conv_d8", "conv_d8_quad", "dense_d8"),
        (
            "columns_s8", "columns_quad_s8", "columns_clipped_s8", "columns_part", "conv_d8_s8", "conv_d8_m4_s8",
            "conv_d8_linear_s8", "conv_d8_linear_m4_s8", "conv_d8_quad_s8", "conv_d8_quad_linear_s8",
            "conv_d8_quad_deep_s8", "conv_d8_quad_deep_linear_s8",
            "dense_pad_s8", "dense_d8_s8",
        ),
    ),
    "winograd_tests.c": (
        ("conv_winograd", "winograd_weights"),
        (
            "winograd_weights_s8", "winograd_values_s8", "winograd_transform", "winograd_multiply",
            "winograd_output_s8", "winograd_results", "winograd_channel",
        ),
    ),
}  # fmt: skip
"""Program -> (sources, functions of which the program calls the C twin as well)."""


@pytest.mark.emulator
@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("level", ["-O0", "-O2", "-Os"])
def test_assembly_and_c_agree(*, c_tools, tmp_path, name, level):
    kernels, twins = PROGRAMS[name]
    renamed = [f"-Dai_k_{twin}=twin_{twin}" for twin in twins]
    objects = []
    for kernel in kernels:
        for form, defines in (("asm", []), ("twin", ["-DAI_K_PORTABLE=1", *renamed])):
            objects.append(tmp_path / f"{kernel}_{form}.o")
            source = stm32_runtime_c.source_dir() / f"ai_k_{kernel}.c"
            c_tools.compile("arm-none-eabi-gcc", *FLAGS, level, *defines, "-c", source, "-o", objects[-1])
    target, elf = c_tools.folder / "target", tmp_path / "program.elf"
    link = ["-nostartfiles", "--specs=rdimon.specs", "-Wl,--gc-sections", "-Wl,--no-warn-rwx-segments"]
    script = ["-T", target / "target.ld", target / "start.c"]
    program = c_tools.folder / name
    c_tools.compile("arm-none-eabi-gcc", *FLAGS, level, *link, *script, program, *objects, "-o", elf)
    machine = ["-M", "mps2-an386", "-display", "none", "-serial", "none", "-monitor", "none", "-kernel", elf]
    result = c_tools.run(c_tools.need("qemu-system-arm"), *machine, "-semihosting-config", "enable=on,target=native")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.strip() == "0 failures"
