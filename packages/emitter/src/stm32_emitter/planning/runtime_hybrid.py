# SPDX-License-Identifier: Apache-2.0
"""Footprints of the runtime's functions for hybrid layers; the language is that of :mod:`.footprints`."""

from __future__ import annotations

from stm32_emitter.planning.footprints import (
    Call,
    Footprint,
    footprint,
    reads,
    repeat,
    sequence,
    together,
    window,
    writes,
)

_SIZE = 4
"""Bytes of a float32."""


@footprint("ai_k_quantize_row_f32")
def _quantize_row(call: Call) -> Footprint:
    """The whole row is searched before any element is written."""
    each = repeat(call[3], sequence(reads(0, _SIZE), writes(1, 1)), {0: _SIZE, 1: 1})
    return sequence(reads(0, _SIZE * call[3]), writes(2, 2 * _SIZE), each)


@footprint("ai_k_dense_hybrid_s8")
def _dense(call: Call) -> Footprint:
    return together(reads(0, call[7]), reads(1, 2 * _SIZE), writes(6, _SIZE * call[8]))


@footprint("ai_k_patch_hybrid_s8")
def _patch(call: Call) -> Footprint:
    height, width, channels, taken, rows, columns, down, right = (int(v) for v in call.constant(3)[:8])
    read = window(1, (call[4], call[5]), (rows, columns, down, right, taken), (height, width, channels))
    return together(read, reads(2, 2 * _SIZE), writes(0, rows * columns * taken))


@footprint("ai_k_depthwise_hybrid_s8")
def _depthwise(call: Call) -> Footprint:
    height, width, channels, multiplier, rows, columns, down, right = (int(v) for v in call.constant(6)[:8])
    read = window(0, (call[7], call[8]), (rows, columns, down, right, channels), (height, width, channels))
    return together(read, reads(1, 2 * _SIZE), writes(5, _SIZE * channels * multiplier))
