# SPDX-License-Identifier: Apache-2.0
"""Footprints of the runtime's functions on int16 (ai_k_s16.h, ai_k_pool.h)."""

from __future__ import annotations

from stm32_emitter.planning.footprints import Call, Footprint, elementwise, footprint
from stm32_emitter.planning.runtime_int8 import resized, softmax_rows


@footprint("ai_k_logistic_s16", "ai_k_tanh_s16", "ai_k_sqrt_s16")
def _activation(call: Call) -> Footprint:
    return elementwise([0], 1, call[2], 2)


@footprint("ai_k_softmax_s16")
def _softmax(call: Call) -> Footprint:
    return softmax_rows(call, 2)


@footprint("ai_k_table_s16")
def _table(call: Call) -> Footprint:
    return elementwise([0], 2, call[3], 2)


@footprint("ai_k_resize_bilinear_s16")
def _resize_bilinear(call: Call) -> Footprint:
    return resized(call, call[4], call[5], 3, 2)
