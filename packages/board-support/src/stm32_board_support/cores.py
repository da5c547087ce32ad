# SPDX-License-Identifier: Apache-2.0
"""Compiler flags per core: data, checked against arm-none-eabi-gcc 12.2 by a test that compiles with every row."""

import msgspec


class Core(msgspec.Struct, frozen=True):
    """A CPU core.

    Attributes:
        mcpu: value of -mcpu; empty for the host's own CPU.
        fpus: FPU name -> value of -mfpu ("" is -mfloat-abi=soft, "auto" leaves the choice to -mcpu).
        default_fpu: key of fpus.
        features: "dsp" (SIMD on 32-bit words), "mve" (Helium); what kernels may be selected by.
        pretty: the name on a banner.
    """

    mcpu: str
    fpus: dict[str, str]
    default_fpu: str
    features: tuple[str, ...]
    pretty: str


_SOFT = {"none": ""}
_M7_FPUS = {"none": "", "fpv5-sp-d16": "fpv5-sp-d16", "fpv5-d16": "fpv5-d16"}

CORES: dict[str, Core] = {
    "cortex-m0": Core("cortex-m0", _SOFT, "none", (), "Cortex-M0"),
    "cortex-m0plus": Core("cortex-m0plus", _SOFT, "none", (), "Cortex-M0+"),
    "cortex-m3": Core("cortex-m3", _SOFT, "none", (), "Cortex-M3"),
    "cortex-m4": Core("cortex-m4", {"none": "", "fpv4-sp-d16": "fpv4-sp-d16"}, "fpv4-sp-d16", ("dsp",), "Cortex-M4"),
    "cortex-m7": Core("cortex-m7", _M7_FPUS, "fpv5-sp-d16", ("dsp",), "Cortex-M7"),
    "cortex-m33": Core("cortex-m33", {"none": "", "fpv5-sp-d16": "fpv5-sp-d16"}, "fpv5-sp-d16", ("dsp",), "Cortex-M33"),
    "cortex-m55": Core("cortex-m55", {"auto": "auto"}, "auto", ("dsp", "mve"), "Cortex-M55"),
    "host": Core("", {"none": ""}, "none", (), "host"),
}


def cpu_flags(core: str, fpu: str = "") -> list[str]:
    """Compiler and linker flags that select a core and its FPU.

    Args:
        core: key of CORES.
        fpu: key of the core's FPUs; empty: its default.

    Returns:
        GCC flags, e.g. ["-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"]; none for the host.

    Raises:
        KeyError: core or FPU is not in the table.
    """
    row = CORES[core]
    if not row.mcpu:
        return []
    unit = row.fpus[fpu or row.default_fpu]
    mcpu = row.mcpu + "+nofp" if core == "cortex-m33" and not unit else row.mcpu
    flags = [f"-mcpu={mcpu}", "-mthumb"]
    if not unit:
        return [*flags, "-mfloat-abi=soft"]
    return [*flags, f"-mfpu={unit}", "-mfloat-abi=hard"]
