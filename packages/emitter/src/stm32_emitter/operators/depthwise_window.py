# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D with 3 x 3 windows: micro-kernels on pairs of input rows (ai_k_depthwise.h).

Four channels are widened once into pairs of rows: all of them where they are small, else two pairs at a time, which
take turns. The sums are kept doubled and rounded by the high word of one product; :func:`records` tells where that is
exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import tirx

from stm32_emitter.operators.base import KernelRequest
from stm32_emitter.operators.convolution import Geometry, geometry
from stm32_emitter.operators.packing import folded_bias
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

_LANES = 4
_WINDOW = 3
_WORDS = 5
"""Of a record."""
_LARGEST_SHIFT = 22
_SCRATCH_WORDS = 640
"""Up to here all pairs of four channels are kept; two pairs need less only where the image is larger."""


def window_kernel(request: KernelRequest) -> Kernel | None:
    """x int8 [N,H,W,C] -> y int8 [N,OH,OW,C*M], or None if this is not a layer for the micro-kernels."""
    sizes = geometry(request)
    if sizes.kernel != (_WINDOW, _WINDOW) or sizes.dilation != (1, 1) or sizes.stride not in ((1, 1), (2, 2)):
        return None
    packed = records(request)
    if packed is None:
        return None
    macs = sizes.batch * sizes.pixels * sizes.out_channels * _WINDOW * _WINDOW
    with KernelBuilder("depthwise_conv_2d", macs) as k:
        x = k.input("x", (request.inputs[0].elements,), "int8")
        constants = k.constant("records", packed)
        y = k.output("y", (request.output.elements,), "int8")
        plan = _Plan.of(sizes)
        pairs = k.scratch("pairs", plan.kept * plan.pitch, "int32")
        _Nest(k, request, sizes, plan, x, constants, y, pairs).emit()
    return k.kernel()


def short_scaling(request: KernelRequest) -> tuple[NDArray[np.int32], NDArray[np.int8]] | None:
    """(multipliers, shifts) with which the short form of the requantization is exact, or None.

    The short form takes the high word of (2 * sum) * multiplier and a right shift of 1 or more. Channels whose results
    are all 0 before the zero point get the multiplier 0.
    """
    weights, bias, multipliers, shifts = (request.constant(i) for i in range(1, 5))
    taps = np.abs(weights.reshape(len(bias), -1).astype(np.int64))
    reach = np.abs(bias.astype(np.int64)) + 255 * taps.sum(axis=1)
    right = -shifts.astype(np.int64)
    vanishing = (multipliers == 0) | ((right >= 1) & (2 * reach < 1 << np.maximum(right, 1)))
    right = np.where(vanishing, 1, right)
    if right.min() < 1 or right.max() > _LARGEST_SHIFT or reach.max() >= 1 << 29:
        return None
    return np.where(vanishing, 0, multipliers).astype(np.int32), (-right).astype(np.int8)


def clamp(k: KernelBuilder, request: KernelRequest, y: tirx.Buffer) -> None:
    """Bounds of the activation, unless they are those of int8."""
    low, high = request.integer("low"), request.integer("high")
    if (low, high) != (-128, 127):
        k.call("ai_k_clamp_s8", address(y, write=True), request.output.elements, low, high)


def records(request: KernelRequest) -> NDArray[np.int32] | None:
    """int32 [C*M*5] as ai_k_depthwise.h describes, or None if a channel has no exact record."""
    scaling = short_scaling(request)
    if scaling is None:
        return None
    weights, bias = request.constant(1), request.constant(2)
    words = np.zeros((len(bias), _WORDS), np.int32)
    columns = words[:, :_WINDOW].view(np.int8).reshape(len(bias), _WINDOW, 4)
    columns[:, :, :_WINDOW] = weights[..., 0].transpose(0, 2, 1)
    columns[:, 0, _WINDOW] = -scaling[1]
    words[:, 3] = 2 * folded_bias(bias, weights.reshape(len(bias), -1), request.integer("input_zero_point"))
    words[:, 4] = scaling[0]
    return words.ravel()


@dataclass(frozen=True)
class _Plan:
    """How the pairs of rows are laid out and visited.

    Attributes:
        pitch: words of a pair of rows.
        columns: of the pairs, padding included.
        strips: output rows, or pairs of them with stride 1, that are computed from two pairs of rows.
        rows: output rows of a strip.
        kept: pairs of rows in memory.
    """

    pitch: int
    columns: int
    strips: int
    rows: int
    kept: int

    @classmethod
    def of(cls, sizes: Geometry) -> _Plan:
        stride = sizes.stride[0]
        columns = (sizes.out_width - 1) * stride + _WINDOW
        rows = 2 // stride
        strips = -(-sizes.out_height // rows)
        pitch = columns * _LANES
        whole = (strips + 1) * pitch <= _SCRATCH_WORDS
        return cls(pitch, columns, strips, rows, strips + 1 if whole else 2)


class _Nest:
    """The loops over images, groups of four channels, and strips."""

    def __init__(
        self, k: KernelBuilder, request: KernelRequest, sizes: Geometry, plan: _Plan,
        x: tirx.Buffer, records: tirx.Buffer, y: tirx.Buffer, pairs: tirx.Buffer,
    ) -> None:  # fmt: skip
        self.k, self.request, self.sizes, self.plan = k, request, sizes, plan
        self.x, self.records, self.y, self.pairs = x, records, y, pairs
        self.lanes = min(_LANES, sizes.channels)
        zero_point, low = request.integer("output_zero_point"), request.integer("low")
        self.relu = zero_point == low == -128
        name = "ai_k_depthwise_3x3" + ("" if sizes.stride[0] == 1 else "_s2")
        self.function = name + ("_relu_s8" if self.relu else "_s8")

    def emit(self) -> None:
        """All of the layer; the last group of channels overlaps the one before where there are not 4 left."""
        k, sizes = self.k, self.sizes
        words = self.plan.kept * self.plan.pitch
        zero_point = self.request.integer("input_zero_point")
        k.call("ai_k_depthwise_clear_s8", address(self.pairs, write=True), words, zero_point)
        with k.loop("n", sizes.batch) as n, k.loop("group", -(-sizes.channels // self.lanes)) as group:
            first = tirx.min(group * self.lanes, sizes.channels - self.lanes)
            if sizes.channels % self.lanes == 0:
                first = group * self.lanes
            if self.plan.kept == 2:
                self._rolling(n, first)
            else:
                self._whole(n, first)
        clamp(k, self.request, self.y)

    def _whole(self, n: Any, first: Any) -> None:
        self._widen(n, first, 0, 0, self.plan.kept)
        self._compute(n, first, 0, 0, self.plan.pitch, self.sizes.out_height)

    def _rolling(self, n: Any, first: Any) -> None:
        plan, sizes, k = self.plan, self.sizes, self.k
        self._widen(n, first, 0, 0, 1)
        with k.loop("strip", plan.strips) as strip:
            slot = strip % 2
            self._widen(n, first, 1 - slot, strip + 1, 1)
            rows = plan.rows
            if sizes.out_height % rows:
                rows = tirx.min(rows, sizes.out_height - strip * rows)
            self._compute(n, first, strip, slot, plan.pitch * (1 - 2 * slot), rows)

    def _widen(self, n: Any, first: Any, slot: Any, pair: Any, count: int) -> None:
        sizes = self.sizes
        self.k.call(
            "ai_k_depthwise_pairs_s8", address(self.pairs, slot * self.plan.pitch, write=True),
            address(self.x, n * (sizes.height * sizes.width * sizes.channels) + first),
            pair * 2 - sizes.padding[0], count, sizes.height, sizes.width, sizes.channels, self.lanes,
            sizes.padding[1], self.plan.columns, self.request.integer("input_zero_point"),
        )  # fmt: skip

    def _compute(self, n: Any, first: Any, strip: Any, slot: Any, pitch: Any, rows: Any) -> None:
        sizes, plan = self.sizes, self.plan
        multiplier = sizes.out_channels // sizes.channels
        row = n * sizes.out_height + strip * plan.rows
        self.k.call(
            self.function, address(self.pairs, slot * plan.pitch), pitch,
            address(self.records, first * (multiplier * _WORDS)),
            address(self.y, row * (sizes.out_width * sizes.out_channels) + first * multiplier, write=True),
            self.lanes, multiplier, rows, sizes.out_width, sizes.out_channels,
            self.request.integer("output_zero_point"),
        )  # fmt: skip
