# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D with windows along a row (or a column) of pixels: four outputs at a time (ai_k_depthwise_row_s8).

The channels go in groups of four, or of two where the row is long. A group is widened whole before its first output is
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
_SCRATCH_WORDS = 320
_CODE = 450
"""Bytes of the micro-kernels on a Cortex-M4, without what widens."""


class _Row:
    """A layer as a row of pixels: its lengths, and what is kept of it."""

    def __init__(self, request: KernelRequest) -> None:
        s = geometry(request)
        self.sizes = s
        tall = s.width == 1 and s.kernel[1] == 1
        self.width, self.outputs, self.taps = (
            (s.height, s.out_height, s.kernel[0]) if tall else (s.width, s.out_width, s.kernel[1])
        )
        alone = tall or (s.height == 1 and s.kernel[0] == 1)
        self.straight = alone and s.stride == s.dilation == (1, 1) and not s.padded and s.out_channels == s.channels
        self.steps = self.taps // 2 + 1
        self.weights = 4 * -(-2 * self.steps // 4)
        self.plane = max(-(-self.width // 2), 2 * ((self.outputs - 1) // _TILE) + self.steps + 1)
        self.lanes = min(4 if 4 * self.plane + self.weights <= _SCRATCH_WORDS else 2, s.channels)

    @property
    def words(self) -> int:
        """Words of scratch."""
        return self.lanes * self.plane + self.weights


def fits(request: KernelRequest) -> bool:
    """Whether this is a row of pixels that is worth its widening, and the short requantization is exact."""
    row = _Row(request)
    fitting = row.straight and row.outputs >= _TILE and row.taps > 1 and row.words <= _SCRATCH_WORDS
    return fitting and short_scaling(request) is not None


def schedule(request: KernelRequest) -> Schedule:
    """The schedule of a layer that :func:`fits`."""
    row = _Row(request)
    tiles = -(-row.outputs // _TILE)
    channel = 75.0 + 9.0 * row.weights / 2 + tiles * (52.0 + 10.0 * row.steps) + 2.6 * row.width
    return Schedule(
        "row-1d",
        lambda: kernel(request),
        f"4 outputs of a row, {row.lanes} channels widened",
        cycles=row.sizes.batch * row.sizes.channels * channel,
        scratch=4 * row.words,
        constants=row.sizes.channels * (12 + row.weights),
        code=_CODE,
    )


def records(request: KernelRequest) -> NDArray[np.int32]:
    """int32 [C, 3 + weights / 4], flat, as ai_k_depthwise.h describes; see :func:`fits`."""
    row, scaling = _Row(request), short_scaling(request)
    if scaling is None:
        raise ValueError("the layer has no short requantization")
    bias = request.constant(2)
    matrix = request.constant(1).reshape(len(bias), -1)
    padded = np.zeros((len(bias), row.weights), np.int8)
    padded[:, : row.taps] = matrix
    folded = 2 * folded_bias(bias, matrix, request.integer("input_zero_point"))
    head = np.stack([folded, scaling[0], -scaling[1].astype(np.int32)], axis=1).astype(np.int32)
    return np.concatenate([head, padded.view(np.int32)], axis=1).ravel()


def kernel(request: KernelRequest) -> Kernel:
    """x int8 [N,H,W,C] -> y int8 [N,OH,OW,C] of a layer that :func:`fits`."""
    row = _Row(request)
    macs = row.sizes.batch * row.outputs * row.sizes.channels * row.taps
    with KernelBuilder("depthwise_conv_2d", macs) as k:
        x = k.input("x", (request.inputs[0].elements,), "int8")
        constants = k.constant("records", records(request))
        y = k.output("y", (request.output.elements,), "int8")
        pairs = k.scratch("pairs", row.lanes * row.plane, "int32")
        weights = k.scratch("weights", row.weights, "int32")
        _emit(k, request, row, x, constants, y, pairs, weights)
        clamp(k, request, y)
    return k.kernel()


def _emit(
    k: KernelBuilder, request: KernelRequest, row: _Row, x: tirx.Buffer, records: tirx.Buffer, y: tirx.Buffer,
    pairs: tirx.Buffer, weights: tirx.Buffer,
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
                k.call(
                    "ai_k_depthwise_row_s8", address(pairs), address(records, first * record),
                    address(y, n * (row.outputs * channels) + first, write=True), address(weights, write=True),
                    row.steps, row.outputs, channels, request.integer("output_zero_point"), lanes, row.plane,
                )  # fmt: skip
