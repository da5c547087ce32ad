# SPDX-License-Identifier: Apache-2.0
"""Footprints of the runtime's functions for detections; the language is that of :mod:`.footprints`."""

from __future__ import annotations

from stm32_emitter.planning.footprints import Call, Footprint, footprint, reads, together, writes

_LAYER, _FIRST_RESULT = 3, 5
"""Positions of the array with the sizes (see ``ai_k_detections.h``) and of the boxes."""


def _detections(call: Call, results: int, places: int) -> Footprint:
    """Everything in no order."""
    anchors, code, depth = (int(size) for size in call.constant(_LAYER)[:3])
    code_size, score_size = (4 if int(zero) == -1000 else 1 for zero in call.constant(_LAYER)[7:9])
    parts = [reads(0, anchors * code * code_size), reads(1, anchors * depth * score_size)]
    for position, size in enumerate((16 * results, 4 * results, 4 * results, 4), _FIRST_RESULT):
        parts += [reads(position, size), writes(position, size)]
    scratch = 4 * (anchors + places)
    return together(*parts, reads(9, scratch), writes(9, scratch))


@footprint("ai_k_detections_fast")
def _fast(call: Call) -> Footprint:
    depth, _, limit, told = (int(size) for size in call.constant(_LAYER)[2:6])
    return _detections(call, limit * told, limit + depth)


@footprint("ai_k_detections_regular")
def _regular(call: Call) -> Footprint:
    limit, _, each = (int(size) for size in call.constant(_LAYER)[4:7])
    kept = together(reads(10, 16 * each), writes(10, 16 * each))
    return together(_detections(call, limit, limit + each), kept)
