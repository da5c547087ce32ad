# SPDX-License-Identifier: Apache-2.0
"""Footprints of the runtime's functions for recurrent operators; the language is that of :mod:`.footprints`."""

from __future__ import annotations

from typing import Any

from stm32_emitter.planning.footprints import Call, Footprint, footprint, reads, repeat, sequence, together, writes


def _filter(call: Call, item: int, out: int, size: int) -> Footprint:
    """All filters read the same input; their results lie ``call[out + 3]`` elements apart."""
    return together(reads(0, item * call[out + 1]), writes(out, size, (call[out + 2], size * call[out + 3])))


@footprint("ai_k_svdf_filter_s16")
def _filter_s16(call: Call) -> Footprint:
    return _filter(call, 1, 3, 2)


@footprint("ai_k_svdf_filter_s8")
def _filter_s8(call: Call) -> Footprint:
    return _filter(call, 1, 3, 1)


@footprint("ai_k_svdf_filter_f32")
def _filter_f32(call: Call) -> Footprint:
    return _filter(call, 4, 2, 4)


def _unit(call: Call, item: int, size: int) -> Footprint:
    """Row after row is read, and its sum is written."""
    row = item * call[4]
    return repeat(call[5], sequence(reads(0, row), writes(3, size)), {0: row, 3: size})


@footprint("ai_k_svdf_unit_s16")
def _unit_s16(call: Call) -> Footprint:
    return _unit(call, 2, 1)


@footprint("ai_k_svdf_unit_s8")
def _unit_s8(call: Call) -> Footprint:
    return _unit(call, 1, 1)


@footprint("ai_k_svdf_unit_f32")
def _unit_f32(call: Call) -> Footprint:
    return _unit(call, 4, 4)


def _lstm(call: Call, item: int, cell: int, at: int) -> Footprint:
    """Cells in order, each of which reads all of x and h; ``at`` is the position of the pointer to c."""
    depth, cells = call[at + 2], call[at + 3]
    state = together(reads(at, cell * cells), writes(at, cell * cells))
    return together(reads(0, item * depth), reads(1, item * cells), state, writes(at + 1, item * cells))


@footprint("ai_k_lstm_f32")
def _lstm_f32(call: Call) -> Footprint:
    return _lstm(call, 4, 4, 4)


@footprint("ai_k_lstm_s8")
def _lstm_s8(call: Call) -> Footprint:
    return _lstm(call, 1, 2, 5)


def _general(call: Call, item: int, cell: int, layer: int) -> Footprint:
    """Everything in no order; ``layer`` is the position of the array with the sizes, in front of c, out and gates."""
    depth, cells, outputs = (int(size) for size in call.constant(layer)[:3])
    state = together(reads(layer + 1, cell * cells), writes(layer + 1, cell * cells))
    gates = together(reads(layer + 3, 5 * cell * cells), writes(layer + 3, 5 * cell * cells))
    results = together(reads(layer + 2, item * outputs), writes(layer + 2, item * outputs))
    return together(reads(0, item * depth), reads(1, item * outputs), state, gates, results)


@footprint("ai_k_lstm_general_f32")
def _lstm_general_f32(call: Call) -> Footprint:
    return _general(call, 4, 4, 5)


@footprint("ai_k_lstm_general_s8")
def _lstm_general_s8(call: Call) -> Footprint:
    return _general(call, 1, 2, 7)


_FLOAT = 4
"""Bytes of a float32, in which hybrid layers keep everything but what they multiply."""


def _touched(pointer: int, length: Any) -> Footprint:
    return together(reads(pointer, length), writes(pointer, length))


@footprint("ai_k_rnn_hybrid_s8")
def _rnn_hybrid(call: Call) -> Footprint:
    units = call[10]
    taken = together(reads(0, call[9]), reads(1, _FLOAT * units), reads(2, 2 * _FLOAT))
    return together(taken, _touched(7, _FLOAT * units), _touched(8, _FLOAT * (2 + (units + 3) // 4)))


@footprint("ai_k_lstm_hybrid_s8")
def _lstm_hybrid(call: Call) -> Footprint:
    """Everything in no order."""
    depth, cells, outputs = (int(size) for size in call.constant(6)[:3])
    taken = together(reads(0, depth), reads(1, _FLOAT * outputs), reads(2, 2 * _FLOAT))
    scratch = 4 * cells + 2 + (max(cells, outputs) + 3) // 4
    results = together(_touched(7, _FLOAT * cells), _touched(8, _FLOAT * outputs))
    return together(taken, results, _touched(9, _FLOAT * scratch))


@footprint("ai_k_tanh_reference_f32")
def _tanh_reference(call: Call) -> Footprint:
    return repeat(call[2], sequence(reads(0, _FLOAT), writes(1, _FLOAT)), {0: _FLOAT, 1: _FLOAT})


@footprint("ai_k_logistic_reference_f32")
def _logistic_reference(call: Call) -> Footprint:
    return repeat(call[1], sequence(reads(0, _FLOAT), writes(0, _FLOAT)), {0: _FLOAT})
