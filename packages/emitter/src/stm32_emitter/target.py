# SPDX-License-Identifier: Apache-2.0
"""What the emitter needs to know of a processor: which kernels suit it, how the pool is aligned."""

from __future__ import annotations

from dataclasses import dataclass

from stm32_emitter.errors import OptionError


@dataclass(frozen=True)
class Target:
    """A processor core.

    Attributes:
        name: as arm-none-eabi-gcc's ``-mcpu`` names it, or ``"host"``.
        dsp: it has the DSP extension (SMLAD and its kin).
        mve: it has the vector extension (Helium).
        fpu: it computes float32 in hardware.
    """

    name: str
    dsp: bool = False
    mve: bool = False
    fpu: bool = False

    @property
    def pool_alignment(self) -> int:
        """Bytes that the address of an activation pool is a multiple of."""
        return 16 if self.mve else 8


TARGETS = {
    target.name: target
    for target in (
        Target("cortex-m0"),
        Target("cortex-m0plus"),
        Target("cortex-m3"),
        Target("cortex-m4", dsp=True, fpu=True),
        Target("cortex-m7", dsp=True, fpu=True),
        Target("cortex-m33", dsp=True, fpu=True),
        Target("host"),
    )
}
"""The cores that can be compiled for, by name."""


def target_named(name: str) -> Target:
    """The target called ``name``.

    Raises:
        OptionError: there is none of that name.
    """
    try:
        return TARGETS[name]
    except KeyError:
        raise OptionError(f"there is no target '{name}'; choose one of {', '.join(TARGETS)}") from None
