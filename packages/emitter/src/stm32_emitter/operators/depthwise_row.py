# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D with windows along a row (or a column) of pixels: four outputs at a time (ai_k_depthwise_row_s8).

Windows of up to 10 weights keep them in registers (ai_k_depthwise_short_s8). The channels go in groups of four, or of
two where the row is long or memory is short. A group is widened whole before its first output is
written and touches no bytes of another, so the output may be the input.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from tvm import tirx

from stm32_emitter.operators.base import KernelRequest
from stm32_emitter.operators.convolution import geometry
from stm32_emitter.operators.depthwise_scaling import channel_groups, clamp, short_scaling
from stm32_emitter.operators.packing import folded_bias
from stm32_emitter.operators.schedule import Schedule
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

_TILE = 4
"""Outputs at a time; fewer go tap by tap."""
_SHORT = (3, 5)
"""Pairs of weights that stay in registers (``words`` of ai_k_depthwise_short_s8)."""
_LANES = (4, 2)
_SCRATCH_WORDS = 320
_CODE = 450
"""Bytes of the micro-kernels on a Cortex-M4, without what widens."""


class _Row:
    """A layer as a row of pixels: its lengths, and what is kept of it."""

    def __init__(self, request: KernelRequest, lanes: int) -> None:
        s = geometry(request)
        self.sizes = s
        tall = s.width == 1 and s.kernel[1] == 1
        self.width, self.outputs, self.taps = (
            (s.height, s.out_height, s.kernel[0]) if tall else (s.width, s.out_width, s.kernel[1])
        )
        alone = tall or (s.height == 1 and s.kernel[0] == 1)
        self.straight = alone and s.stride == s.dilation == (1, 1) and not s.padded and s.out_channels == s.channels
        pairs = next((pairs for pairs in _SHORT if self.taps <= 2 * pairs), None)
        self.short = pairs is not None
        self.steps = self.taps // 2 + 1 if pairs is None else pairs
        self.weights = 4 * -(-2 * self.steps // 4)
        self.plane = max(-(-self.width // 2), 2 * ((self.outputs - 1) // _TILE) + self.steps + 1 + self.short)
        self.lanes = min(lanes, s.channels)

    @property
    def words(self) -> int:
        """Words of scratch."""
        return self.lanes * self.plane + (0 if self.short else self.weights)

    def cycles(self) -> float:
        """Of a channel."""
        tiles, widening = -(-self.outputs // _TILE), (2.6 if self.lanes > 2 else 3.5) * self.width
        if self.short:
            return 70.0 + tiles * (34.0 + 8.2 * self.steps) + widening
        return 75.0 + 9.0 * self.weights / 2 + tiles * (52.0 + 10.0 * self.steps) + widening


def schedules(request: KernelRequest) -> list[Schedule]:
    """Four channels at a time and two; none where this is no row that is worth its widening.

    The short requantization must be exact.
    """
    rows = [_Row(request, lanes) for lanes in _LANES]
    rows = rows[:1] if rows[0].lanes == rows[1].lanes else rows
    row = rows[0]
    if not (row.straight and row.outputs >= _TILE and row.taps > 1) or short_scaling(request) is None:
        return []
    return [_schedule(request, row) for row in rows if row.words <= _SCRATCH_WORDS]


def _schedule(request: KernelRequest, row: _Row) -> Schedule:
    return Schedule(
        "row-1d" if row.lanes != 2 or row.sizes.channels == 2 else "row-1d-2",
        lambda: kernel(request, row),
        f"4 outputs of a row, {row.lanes} channels widened",
        cycles=row.sizes.batch * row.sizes.channels * row.cycles(),
        scratch=4 * row.words,
        constants=row.sizes.channels * (12 + row.weights),
        code=_CODE,
        family="row-1d-short" if row.short else "row-1d",
    )


def records(request: KernelRequest, row: _Row) -> NDArray[np.int32]:
    """int32 [C, 3 + weights / 4], flat, as ai_k_depthwise.h describes."""
    scaling = short_scaling(request)
    if scaling is None:
        raise ValueError("the layer has no short requantization")
    bias = request.constant(2)
    matrix = request.constant(1).reshape(len(bias), -1)
    padded = np.zeros((len(bias), row.weights), np.int8)
    padded[:, : row.taps] = matrix
    folded = 2 * folded_bias(bias, matrix, request.integer("input_zero_point"))
    head = np.stack([folded, scaling[0], -scaling[1].astype(np.int32)], axis=1).astype(np.int32)
    return np.concatenate([head, padded.view(np.int32)], axis=1).ravel()


def kernel(request: KernelRequest, row: _Row) -> Kernel:
    """x int8 [N,H,W,C] -> y int8 [N,OH,OW,C]."""
    macs = row.sizes.batch * row.outputs * row.sizes.channels * row.taps
    with KernelBuilder("depthwise_conv_2d", macs) as k:
        x = k.input("x", (request.inputs[0].elements,), "int8")
        constants = k.constant("records", records(request, row))
        y = k.output("y", (request.output.elements,), "int8")
        pairs = k.scratch("pairs", row.lanes * row.plane, "int32")
        weights = None if row.short else k.scratch("weights", row.weights, "int32")
        _emit(k, request, row, x, constants, y, pairs, weights)
        clamp(k, request, y)
    return k.kernel()


def _emit(
    k: KernelBuilder, request: KernelRequest, row: _Row, x: tirx.Buffer, constants: tirx.Buffer, y: tirx.Buffer,
    pairs: tirx.Buffer, weights: tirx.Buffer | None,
) -> None:  # fmt: skip
    """The loops over images and groups of channels."""
    channels, record = row.sizes.channels, 3 + row.weights // 4
    with k.loop("n", row.sizes.batch) as n:
        for start, lanes, count in channel_groups(channels, row.lanes):
            with k.loop("group", count) as group:
                first = group * lanes + start
                k.call(
                    "ai_k_depthwise_row_pairs_s8", address(pairs, write=True),
                    address(x, n * (row.width * channels) + first), row.width, channels, lanes, row.plane,
                )  # fmt: skip
                places = (
                    address(pairs), address(constants, first * record),
                    address(y, n * (row.outputs * channels) + first, write=True),
                )  # fmt: skip
                sizes = (row.steps, row.outputs, channels, request.integer("output_zero_point"), lanes, row.plane)
                if weights is None:
                    k.call("ai_k_depthwise_short_s8", *places, *sizes)
                else:
                    k.call("ai_k_depthwise_row_s8", *places, address(weights, write=True), *sizes)
