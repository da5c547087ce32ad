# SPDX-License-Identifier: Apache-2.0
"""Footprints of the runtime's functions on int16 (ai_k_s16.h)."""

from __future__ import annotations

from stm32_emitter.planning.footprints import Call, Footprint, elementwise, footprint
from stm32_emitter.planning.runtime_int8 import softmax_rows


@footprint("ai_k_logistic_s16", "ai_k_tanh_s16")
def _activation(call: Call) -> Footprint:
    return elementwise([0], 1, call[2], 2)


@footprint("ai_k_softmax_s16")
def _softmax(call: Call) -> Footprint:
    return softmax_rows(call, 2)
