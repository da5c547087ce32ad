# SPDX-License-Identifier: Apache-2.0
"""Footprints of the runtime's matrix products; the language is that of :mod:`.footprints`."""

from __future__ import annotations

from stm32_emitter.planning.footprints import Call, Footprint, Number, footprint, reads, together, writes

_COLUMNS, _GROUP = 4, 4
"""Of a block (ai_k_matmul.h)."""


def _block_bytes(depth: Number) -> Number:
    return 2 * _COLUMNS * _GROUP * ((depth + _GROUP - 1) // _GROUP)


@footprint("ai_k_matmul_block_s8")
def _block_s8(call: Call) -> Footprint:
    read = reads(2, 1, (call[3], call[4]), (call[6], call[5]))
    return together(read, writes(0, _block_bytes(call[3])), writes(1, 4 * _COLUMNS))


@footprint("ai_k_matmul_s8")
def _matmul_s8(call: Call) -> Footprint:
    rows, depth, columns, step = (call[i] for i in range(4, 8))
    block = together(reads(1, _block_bytes(depth)), reads(2, 4 * _COLUMNS))
    return together(reads(0, depth, (rows, depth)), block, writes(3, columns, (rows, step)))


@footprint("ai_k_matmul_block_s16")
def _block_s16(call: Call) -> Footprint:
    read = reads(1, 2, (call[2], 2 * call[3]), (call[5], 2 * call[4]))
    return together(read, writes(0, _block_bytes(call[2])))


@footprint("ai_k_matmul_s16")
def _matmul_s16(call: Call) -> Footprint:
    rows, depth, columns, step = (call[i] for i in range(3, 7))
    read = together(reads(0, 2 * depth, (rows, 2 * depth)), reads(1, _block_bytes(depth)))
    return together(read, writes(2, 2 * columns, (rows, 2 * step)))


@footprint("ai_k_matmul_f32")
def _matmul_f32(call: Call) -> Footprint:
    rows, columns, depth, a_row, a_depth, b_depth, b_column = (4 * int(v) for v in call.constant(3)[:7])
    left = reads(0, 4, (rows // 4, a_row), (depth // 4, a_depth))
    right = reads(1, 4, (depth // 4, b_depth), (columns // 4, b_column))
    return together(left, right, writes(2, columns, (rows // 4, columns)))
