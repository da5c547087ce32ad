# SPDX-License-Identifier: Apache-2.0
"""What a run is asked for, and the bits of the protocol that ask for it."""

from __future__ import annotations

from enum import Flag, auto
from typing import Literal

from ai_runner.protocol import stm32_ai_pb2 as pb


class Mode(Flag):
    """What a run reports and what it is fed with; values can be combined."""

    IO_ONLY = auto()
    """Outputs and the time of the whole inference."""
    PER_LAYER = auto()
    """And the time of each node."""
    PER_LAYER_WITH_DATA = auto()
    """And the output tensors of each node."""
    PERF_ONLY = auto()
    """Times only, no tensor is transferred."""
    CONST_VALUE = auto()
    """Each input tensor is filled with its array's first element, on the device."""
    DEBUG = auto()
    """The device may log."""


Reset = Literal["series", "sample", "never"]
"""When a model that keeps a state starts anew."""

_PARAM = {
    Mode.PER_LAYER: pb.RUN_PER_LAYER,
    Mode.PER_LAYER_WITH_DATA: pb.RUN_WITH_DATA,
    Mode.PERF_ONLY: pb.RUN_PERF | pb.RUN_CONST_VALUE,
    Mode.CONST_VALUE: pb.RUN_CONST_VALUE,
    Mode.DEBUG: pb.RUN_DEBUG,
}


def run_param(mode: Mode) -> int:
    """Return the RunParam bits of a mode."""
    param = int(pb.RUN_IO_ONLY)
    for flag, bits in _PARAM.items():
        if flag in mode:
            param |= bits
    return param & ~pb.RUN_WITH_DATA if Mode.PERF_ONLY in mode else param
