# SPDX-License-Identifier: Apache-2.0
"""Footprints of the runtime's functions on float32; the language is that of :mod:`.footprints`."""

from __future__ import annotations

from dataclasses import replace

from stm32_emitter.planning.footprints import (
    Call,
    Footprint,
    Unknown,
    elementwise,
    footprint,
    reads,
    repeat,
    sequence,
    together,
    window,
    writes,
)
from stm32_emitter.planning.runtime_int8 import softmax_rows

_SIZE = 4
"""Bytes of an element."""
_BLOCK = 4
"""Most pixels that are computed together."""


@footprint("ai_k_softmax_f32", "ai_k_log_softmax_f32")
def _softmax_float(call: Call) -> Footprint:
    return softmax_rows(call, _SIZE)


@footprint("ai_k_clamp_f32")
def _clamp(call: Call) -> Footprint:
    return elementwise([0], 0, call[1], _SIZE)


@footprint("ai_k_logistic_f32", "ai_k_tanh_f32", "ai_k_hard_swish_f32")
def _function(call: Call) -> Footprint:
    return elementwise([0], 1, call[2], _SIZE)


@footprint("ai_k_dense_f32")
def _dense(call: Call) -> Footprint:
    return together(reads(0, _SIZE * call[4]), writes(3, _SIZE * call[5]))


@footprint("ai_k_average_pool_f32", "ai_k_max_pool_f32")
def _pool(call: Call) -> Footprint:
    rows, columns, pitch, channels = (call[i] for i in range(2, 6))
    read = reads(0, _SIZE, (rows, _SIZE * pitch), (columns, _SIZE * channels))
    return repeat(channels, sequence(read, writes(1, _SIZE)), {0: _SIZE, 1: _SIZE})


@footprint("ai_k_conv_f32", "ai_k_depthwise_f32")
def _windows(call: Call) -> Footprint:
    """Pixels in order, up to four at a time: a pixel may be written when the third before it is, and read as long as
    the third after it is."""
    layer = [int(v) for v in call.constant(4)[:11]]
    height, width, channels, depth, rows, taps, down, right, stride, out_channels, outputs = layer
    pixels = call[7]
    if not isinstance(pixels, int):
        raise Unknown("how many pixels")
    late = 2 * (_BLOCK - 1)
    touches = []
    for pixel in range(pixels):
        place = (call[5], call[6] + pixel * stride)
        read = window(0, place, (rows, taps, down, right, _SIZE * depth), (height, width, _SIZE * channels))
        write = writes(3, _SIZE * outputs, start=pixel * _SIZE * out_channels)
        touches += [replace(touch, tick=pixel, spread=late) for touch in (*read.touches, *write.touches)]
    return Footprint(tuple(touches), pixels + late)
