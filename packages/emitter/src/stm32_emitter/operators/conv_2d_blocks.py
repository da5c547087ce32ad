# SPDX-License-Identifier: Apache-2.0
"""The blocks that the micro-kernels of ai_k_conv_d8.h compute at a time, and which functions serve a layer."""

from __future__ import annotations

from dataclasses import dataclass

from stm32_emitter.operators.base import KernelRequest
from stm32_emitter.operators.convolution import Geometry
from stm32_emitter.operators.d8_scaling import Linear

_CLIPPED_BYTES = 48
"""AI_K_CLIPPED_BYTES."""
_SINGLE_ISSUE = ("cortex-m4", "cortex-m33")
"""Cores for which single loads in a row are the fastest."""


@dataclass(frozen=True)
class Block:
    """What the micro-kernel computes at a time; ``header`` counts the words of a record besides its weights."""

    name: str
    channels: int
    pixels: int
    header: int
    gather: str


PAIRS = Block("d8-4x2", 4, 2, 9, "ai_k_columns_s8")
QUADS = Block("d8-2x4", 2, 4, 5, "ai_k_columns_quad_s8")


def function_of_pairs(request: KernelRequest, linear: Linear | None) -> str:
    """The micro-kernel of 4 channels x 2 pixels for a core and records."""
    core = "_m4" if request.target.name in _SINGLE_ISSUE else ""
    return f"ai_k_conv_d8{'' if linear is None else '_linear'}{core}_s8"


def function_of_patches(s: Geometry) -> str:
    """What gathers a patch at the border of the input: the faster function, if the layer keeps its rules."""
    touches = s.groups == 1 and s.dilation[1] == 1
    short = s.channels % 4 == 0 or s.kernel[1] * s.channels <= _CLIPPED_BYTES
    whole = s.padding[1] == s.padding[3] == 0
    return "ai_k_columns_clipped_s8" if touches and (short or whole) else "ai_k_columns_scattered_s8"
