# SPDX-License-Identifier: Apache-2.0
"""Footprints of the runtime's functions on int8, and of the C library's; the language is that of :mod:`.footprints`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from stm32_emitter.planning.footprints import (
    Call,
    Footprint,
    Number,
    elementwise,
    footprint,
    inside,
    moved,
    reads,
    repeat,
    sequence,
    together,
    window,
    writes,
)


@footprint("memcpy")
def _memcpy(call: Call) -> Footprint:
    return together(reads(1, call[2]), writes(0, call[2]))


@footprint("memset")
def _memset(call: Call) -> Footprint:
    return writes(0, call[2])


@footprint("ai_k_clamp_s8")
def _clamp(call: Call) -> Footprint:
    return elementwise([0], 0, call[1])


def _column_positions(call: Call, position: int, pixel: Number, count: Number) -> Footprint:
    """ai_k_conv.h: from the first position of a pixel's columns to the last, those of the other pixel between."""
    first, last = call[position], call[position] + count - 1
    places = [2 * (4 * (k // 2) + 2 * pixel + k % 2) for k in (first, last)]
    return writes(0, places[1] - places[0] + 2, start=places[0])


@footprint("ai_k_widen_s8")
def _widen(call: Call) -> Footprint:
    return together(reads(3, call[4]), _column_positions(call, 1, call[2], call[4]))


@footprint("ai_k_fill_s8")
def _fill(call: Call) -> Footprint:
    return _column_positions(call, 1, call[2], call[4])


@footprint("ai_k_conv_s8")
def _conv(call: Call) -> Footprint:
    return together(reads(0, 4 * call[8]), writes(5, call[9], (call[7], call[6])))


def _steps(count: Number) -> Number:
    """AI_K_STEPS."""
    return 2 * (count // 4) + (count % 4 + 1) // 2


@footprint("ai_k_columns_s8")
def _columns(call: Call) -> Footprint:
    count, rows, pitch = call[3], call[4], call[5]
    patches = (reads(p, count, (rows, pitch)) for p in (1, 2))
    return together(*patches, writes(0, 8 * _steps(count) * rows))


@footprint("ai_k_columns_total_s8")
def _columns_total(call: Call) -> Footprint:
    return together(reads(0, 8 * call[2]), writes(0, 8 * call[3], start=8 * call[2]))


@footprint("ai_k_columns_quad_s8")
def _columns_quad(call: Call) -> Footprint:
    count, rows, pitch = call[5], call[6], call[7]
    patches = (reads(p, count, (rows, pitch)) for p in (1, 2, 3, 4))
    return together(*patches, writes(0, 16 * _steps(count) * rows))


@footprint("ai_k_columns_clipped_s8", "ai_k_columns_scattered_s8")
def _columns_clipped(call: Call) -> Footprint:
    height, width, channels, depth, rows, taps, down, right, _ = (int(v) for v in call.constant(3)[:9])
    read = window(2, (call[4], call[5]), (rows, taps, down, right, depth), (height, width, channels))
    # One word in as many as there are pixels; what lies between belongs to the others.
    return together(read, writes(0, 4 * call[1] * (int(_steps(taps * depth)) * rows - 1) + 4))


@footprint("ai_k_conv_d8_s8", "ai_k_conv_d8_m4_s8", "ai_k_conv_d8_linear_s8", "ai_k_conv_d8_linear_m4_s8")
def _conv_d8(call: Call) -> Footprint:
    return together(reads(0, 8 * call[4]), writes(2, 4 * call[5], (2, call[3])))


@footprint("ai_k_conv_d8_quad_s8", "ai_k_conv_d8_quad_linear_s8")
def _conv_d8_quad(call: Call) -> Footprint:
    return together(reads(0, 16 * call[4] * call[6]), writes(2, 2 * call[5], (4 * call[6], call[3])))


@footprint("ai_k_conv_d8_quad_deep_s8", "ai_k_conv_d8_quad_deep_linear_s8")
def _conv_d8_quad_deep(call: Call) -> Footprint:
    """Sums of a chunk lie behind the columns."""
    columns = 16 * call[4] * call[6]
    sums = writes(0, 32 * call[6], start=columns)
    return together(reads(0, columns), sums, writes(2, 2 * call[5], (4 * call[6], call[3])))


@footprint("ai_k_conv_plain_s8", "ai_k_conv_nearest_s8")
def _conv_plain(call: Call) -> Footprint:
    row, rows, pitch, channels = (int(v) for v in call.constant(2)[:4])
    patches = (reads(p, row, (rows, pitch)) for p in (0, 1))
    return together(*patches, writes(5, channels, (2, call[6])))


@footprint("ai_k_patch_plain_s8")
def _patch_plain(call: Call) -> Footprint:
    height, width, channels, taken, rows, columns, down, right = (int(v) for v in call.constant(2)[:8])
    read = window(1, (call[3], call[4]), (rows, columns, down, right, taken), (height, width, channels))
    return together(read, writes(0, rows * columns * taken))


@footprint("ai_k_depthwise_plain_s8", "ai_k_depthwise_nearest_s8")
def _depthwise_plain(call: Call) -> Footprint:
    rows, columns, row, column, channels = (int(v) for v in call.constant(1)[:5])

    def part(lanes: int) -> Footprint:
        return sequence(reads(0, lanes, (rows, row), (columns, column)), writes(4, lanes))

    return _by_channels(channels, part, {0: 1, 4: 1})


@footprint("ai_k_dense_plain_s8", "ai_k_dense_nearest_s8")
def _dense_plain(call: Call) -> Footprint:
    return together(reads(0, call[4]), writes(3, call[5]))


_POSITIONS, _BLOCK = 6, 4
"""Of a tile of ai_k_conv_winograd.h; output channels that are computed together."""


@footprint("ai_k_winograd_weights_s8")
def _winograd_weights(call: Call) -> Footprint:
    depth, rows = (int(v) for v in call.constant(2)[2:4])
    return together(reads(1, _BLOCK * rows * 3 * depth), writes(0, 4 * _POSITIONS * rows * depth // 2 * _BLOCK))


@footprint("ai_k_winograd_values_s8")
def _winograd_values(call: Call) -> Footprint:
    height, width, depth = (int(v) for v in call.constant(2)[:3])
    kept, row, column = call[4], call[5], call[6]
    some = np.where(np.asarray(row) < height, 1, 0) if isinstance(row, np.ndarray) else int(row < height)
    read = window(1, (row, column), (1, 10, 1, 1, depth), (height, width, depth))
    line = writes(0, 4 * depth, (some, 0), (_POSITIONS, 4 * kept * depth), start=row % kept * 4 * depth)
    return together(read, reads(3, 10 * depth), writes(3, 10 * depth), line)


@footprint("ai_k_winograd_multiply")
def _winograd_multiply(call: Call) -> Footprint:
    kept, rows, depth, weight_rows = call[3], call[5], call[6], call[7]
    weights = reads(1, 8 * rows * depth, (_POSITIONS, 8 * weight_rows * depth))
    return together(weights, reads(2, 4 * _POSITIONS * kept * depth), writes(0, 8 * 4 * _POSITIONS))


@footprint("ai_k_winograd_output_s8")
def _winograd_output(call: Call) -> Footprint:
    return together(reads(1, 8 * 4 * _POSITIONS), writes(0, _BLOCK, (call[4], call[3])))


@footprint("ai_k_dense_s8")
def _dense(call: Call) -> Footprint:
    return together(reads(0, call[6]), writes(5, call[7]))


@footprint("ai_k_dense_pad_s8")
def _dense_pad(call: Call) -> Footprint:
    return together(reads(1, call[2]), writes(0, (call[2] + 3) // 4 * 4))


_DENSE_CHUNK = 64
"""AI_K_DENSE_CHUNK: sums are not used where there is one chunk only."""


@footprint("ai_k_dense_d8_s8")
def _dense_d8(call: Call) -> Footprint:
    depth, groups = call[5], call[6]
    sums = np.where(np.asarray(depth) > _DENSE_CHUNK, 32 * groups, 0)
    length = sums if sums.ndim else int(sums)
    return together(writes(0, length), reads(0, length), reads(2, depth), writes(4, 8 * groups))


@footprint("ai_k_depthwise_clear_s8")
def _depthwise_clear(call: Call) -> Footprint:
    return writes(0, 4 * call[1])


_DEPTHWISE_ROWS = 11
"""Fields of ai_k_depthwise_rows."""


@footprint("ai_k_depthwise_pairs_s8")
def _depthwise_pairs(call: Call) -> Footprint:
    """Of a channel that only comes along nothing depends on the values that are read."""
    row, count, pitch, lanes = (call[i] for i in range(2, 6))
    height, width, channels, left, columns, plane = (int(v) for v in call.constant(6)[:6])
    top, high = inside(row, 2 * count, 1, height)
    taken = max(min(width, columns - left), 0)
    read = reads(1, lanes, (high, width * channels), (taken, channels), start=(row + top) * width * channels)
    return together(read, writes(0, 4 * columns, (count, 4 * pitch), (lanes + lanes % 2, 4 * plane)))


def _depthwise_3x3(call: Call, stride: int) -> Footprint:
    pitch, lanes, rows = call[1], call[4], call[5]
    plane, _, columns, channels, multiplier = (int(v) for v in call.constant(6)[5 : _DEPTHWISE_ROWS - 1])
    pairs = (rows - 1) * stride // 2 + 2
    read = reads(0, 4 * ((columns - 1) * stride + 3), (lanes, 4 * plane), (pairs, 4 * pitch))
    return together(read, writes(3, 1, (rows, columns * channels), (columns, channels), (lanes, multiplier)))


@footprint("ai_k_depthwise_3x3_s8", "ai_k_depthwise_3x3_relu_s8")
def _depthwise_stride_1(call: Call) -> Footprint:
    return _depthwise_3x3(call, 1)


@footprint("ai_k_depthwise_3x3_s2_s8", "ai_k_depthwise_3x3_s2_relu_s8")
def _depthwise_stride_2(call: Call) -> Footprint:
    return _depthwise_3x3(call, 2)


@footprint("ai_k_depthwise_planes_s8", "ai_k_depthwise_planes_relu_s8")
def _depthwise_planes(call: Call) -> Footprint:
    """Four channels at a time. Of those that come along with a rest, nothing depends on the values that are read."""
    height, width, channels, _, _, plane = (int(v) for v in call.constant(4)[:6])
    image, words = ((height, width * channels), (width, channels)), 16 * plane

    def part(lanes: int) -> Footprint:
        widen = together(reads(1, lanes, *image), writes(0, words))
        return sequence(widen, together(reads(0, words), writes(3, lanes, *image)))

    fours = repeat(channels // 4, part(4), {1: 4, 3: 4})
    rest = channels % 4
    return sequence(fours, moved(part(rest), {1: channels - rest, 3: channels - rest})) if rest else fours


@footprint("ai_k_depthwise_row_pairs_s8")
def _depthwise_row_pairs(call: Call) -> Footprint:
    width, channels, lanes, plane = (call[i] for i in range(2, 6))
    return together(reads(1, lanes, (width, channels)), writes(0, 4 * ((width + 1) // 2), (lanes, 4 * plane)))


@footprint("ai_k_depthwise_row_s8")
def _depthwise_row(call: Call) -> Footprint:
    steps, outputs, channels, lanes, plane = (call[i] for i in (4, 5, 6, 8, 9))
    weights = 16 * ((2 * steps + 3) // 4)
    pairs = reads(0, 4 * plane, (lanes, 4 * plane))
    return together(pairs, writes(3, weights), reads(3, weights), writes(2, lanes, (outputs, channels)))


@footprint("ai_k_depthwise_short_s8")
def _depthwise_short(call: Call) -> Footprint:
    outputs, channels, lanes, plane = (call[i] for i in (4, 5, 7, 8))
    return together(reads(0, 4 * plane, (lanes, 4 * plane)), writes(2, lanes, (outputs, channels)))


@footprint("ai_k_depthwise_taps_s8")
def _depthwise_taps(call: Call) -> Footprint:
    """The image is only read by means of the list."""
    return writes(0, 8 * ((call[6] * call[7] + 1) // 2))


@footprint("ai_k_depthwise_fours_s8", "ai_k_depthwise_halves_s8")
def _depthwise_fours(call: Call) -> Footprint:
    """What the taps lead to, the image and the values outside of it, is told by ai_k_reads_window."""
    pairs, channels, multiplier = call[5], call[6], call[7]
    return together(reads(0, 8 * pairs), writes(3, 1, (channels, multiplier)))


@footprint("ai_k_reads_window")
def _reads_window(call: Call) -> Footprint:
    height, width, channels, rows, columns, down, right, row, column = (call[i] for i in range(1, 10))
    return window(0, (row, column), (rows, columns, down, right, channels), (height, width, channels))


@footprint("ai_k_depthwise_pixel_s8")
def _depthwise_pixel(call: Call) -> Footprint:
    height, width, channels, rows, columns, down, right, multiplier = (int(v) for v in call.constant(6)[:8])

    def part(lanes: int) -> Footprint:
        read = window(0, (call[7], call[8]), (rows, columns, down, right, lanes), (height, width, channels))
        # Each output of a channel reads the window anew.
        return repeat(multiplier, sequence(read, writes(5, lanes)), {5: 1})

    return _by_channels(channels, part, {0: 1, 5: multiplier}, four=multiplier == 1)


def _by_channels(
    channels: Number, part: Callable[[int], Footprint], steps: Mapping[int, int], *, four: bool = True
) -> Footprint:
    """Four channels at a time as long as there are four, then one by one; ``steps`` are bytes of one channel."""
    fours = channels // 4 if four else 0
    ones = channels - 4 * fours
    each = repeat(fours, part(4), {p: 4 * step for p, step in steps.items()})
    return sequence(each, moved(repeat(ones, part(1), steps), {p: 4 * step * fours for p, step in steps.items()}))


@footprint("ai_k_average_pool_s8", "ai_k_max_pool_s8")
def _pool(call: Call) -> Footprint:
    rows, columns, row, channels = (call[i] for i in range(2, 6))

    def part(lanes: int) -> Footprint:
        return sequence(reads(0, lanes, (rows, row), (columns, channels)), writes(1, lanes))

    return _by_channels(channels, part, {0: 1, 1: 1})


@footprint("ai_k_mean_s8")
def _mean(call: Call) -> Footprint:
    count, channels = call[2], call[3]

    def part(lanes: int) -> Footprint:
        return sequence(reads(0, lanes, (count, channels)), writes(1, lanes))

    return _by_channels(channels, part, {0: 1, 1: 1})


@footprint("ai_k_resize_bilinear_s8")
def _resize_bilinear(call: Call) -> Footprint:
    return resized(call, call[4], call[5], 3, 1)


@footprint("ai_k_resize_bilinear_u8")
def _resize_bilinear_unsigned(call: Call) -> Footprint:
    return resized(call, call[5], call[6], 2, 1)


def resized(call: Call, width: Number, channels: Number, entry: int, size: int) -> Footprint:
    """A row of pixels between two rows; the first two of ``entry`` numbers a pixel are the columns it reads."""
    columns = np.asarray(call.constant(3)).reshape(-1, entry)[:, :2]
    first, last, pixel = int(columns.min()), int(columns.max()), size * channels
    rows = (reads(p, (last - first + 1) * pixel, start=first * pixel) for p in (0, 1))
    return together(*rows, writes(2, width * pixel))


def softmax_rows(call: Call, size: int) -> Footprint:
    """Each row is read as a whole, then element by element while the results are written."""
    rows, depth = call[2], call[3]
    element = sequence(reads(0, size), writes(1, size))
    row = sequence(reads(0, size * depth), repeat(depth, element, {0: size, 1: size}))
    return repeat(rows, row, {0: size * depth, 1: size * depth})


@footprint("ai_k_table_8")
def _table(call: Call) -> Footprint:
    return elementwise([0], 2, call[3])


@footprint("ai_k_invert_8")
def _inverted(call: Call) -> Footprint:
    return elementwise([0], 1, call[2])


@footprint("ai_k_add_q20_s8", "ai_k_add_q21_s8", "ai_k_add_q22_s8", "ai_k_mul_s8")
def _of_two(call: Call) -> Footprint:
    return elementwise([0, 1], 2, call[3])


@footprint("ai_k_softmax_s8", "ai_k_log_softmax_s8", "ai_k_l2_normalize_s8")
def _softmax(call: Call) -> Footprint:
    return softmax_rows(call, 1)


@footprint("ai_k_softmax_s8_s16")
def _softmax_wide(call: Call) -> Footprint:
    """As above; results are twice as long as what they are made of."""
    rows, depth = call[2], call[3]
    element = sequence(reads(0, 1), writes(1, 2))
    row = sequence(reads(0, depth), repeat(depth, element, {0: 1, 1: 2}))
    return repeat(rows, row, {0: depth, 1: 2 * depth})
