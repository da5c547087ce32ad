# SPDX-License-Identifier: Apache-2.0
"""The footprints of all functions that emitted kernels call."""

from __future__ import annotations

from stm32_emitter.planning import (  # noqa: F401 - they register their entries
    runtime_detection,
    runtime_float,
    runtime_hybrid,
    runtime_int8,
    runtime_int16,
    runtime_matmul,
    runtime_recurrent,
)
from stm32_emitter.planning.footprints import FOOTPRINTS

__all__ = ["FOOTPRINTS"]
