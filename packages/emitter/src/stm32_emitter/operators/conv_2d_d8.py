# SPDX-License-Identifier: Apache-2.0
"""The schedules of CONV_2D for ai_k_conv_d8.h: 4 output channels x 2 output pixels at a time, or 2 x 4."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import tirx

from stm32_emitter.operators.base import KernelRequest
from stm32_emitter.operators.convolution import geometry
from stm32_emitter.operators.d8 import (
    halfword_pairs,
    mixed_bias,
    overlapping_groups,
    position_order,
    shift_word,
    steps_of,
    sums_are_exact,
    words,
)
from stm32_emitter.operators.d8_scaling import Linear, Scaling, linear_scaling
from stm32_emitter.operators.gemmlowp import requantize
from stm32_emitter.operators.packing import folded_bias
from stm32_emitter.operators.schedule import Schedule
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

_QUAD_STEPS = 32
"""Steps of the kernel for four pixels (AI_K_QUAD_STEPS)."""
_RUN_BYTES = 1024
"""Columns of quads that share one load of the weights."""
_SINGLE_ISSUE = ("cortex-m4", "cortex-m33")
"""Cores for which single loads in a row are the fastest."""
_MOST_RIGHT = 23
"""Largest shift for which zero point and rounding still fit 32 bits."""


@dataclass(frozen=True)
class Rows:
    """Output channels as the kernel sees them: weights int8 [rows, depth]; bias with the zero point, scales, shifts."""

    weights: NDArray[np.int8]
    bias: NDArray[np.int32]
    multipliers: NDArray[np.int64]
    right: NDArray[np.int64]


def rows_of(request: KernelRequest) -> Rows:
    """The output channels. One without weights is a constant, which any scale can give: its bias is often huge."""
    weights, bias, multipliers, shifts = (request.constant(i) for i in range(1, 5))
    matrix = weights.reshape(len(weights), -1)
    folded = folded_bias(bias, matrix, request.integer("input_zero_point"))
    scales, right = multipliers.astype(np.int64), -shifts.astype(np.int64)
    # A sum below 2**23 shifted by 24 or more is 0.
    nothing = (scales == 0) | (right > _MOST_RIGHT)
    scales, right = np.where(nothing, 0, scales), np.where(nothing, 1, right)
    zero_point = request.integer("output_zero_point")
    for row in np.flatnonzero(~matrix.any(axis=1)):
        value = requantize(folded[row], int(multipliers[row]), int(shifts[row]))
        # 4 * v * 2**30 / 2**31, shifted by 1, is v without any rounding.
        folded[row] = 4 * (np.clip(value + zero_point, -128, 127) - zero_point)
        scales[row], right[row] = 1 << 30, 1
    return Rows(matrix, folded, scales, right)


def is_exact(rows: Rows) -> bool:
    """Whether the arithmetic of two weights in a halfword is proven for these channels."""
    return bool(rows.right.min() >= 1 and sums_are_exact(rows.weights, rows.bias))


def _linear(request: KernelRequest, rows: Rows) -> Linear | None:
    """What linear records hold, if all channels have them."""
    reach = np.abs(rows.weights.astype(np.int64)).sum(axis=1) * 128
    low, high, zero_point = (request.integer(name) for name in ("low", "high", "output_zero_point"))
    return linear_scaling(reach, Scaling(rows.bias, rows.multipliers, rows.right, zero_point, low, high))


def fits(request: KernelRequest) -> bool:
    """Whether the layer has a block of 4 channels x 2 pixels and the arithmetic is exact for it."""
    rows = rows_of(request)
    return is_exact(rows) and _Nest(request, rows, _PAIRS, 1).fits()


def schedules(request: KernelRequest) -> list[Schedule]:
    """Both blockings; none where the layer has no such block or the arithmetic is not proven."""
    rows, s = rows_of(request), geometry(request)
    if not is_exact(rows):
        return []
    nests = [_Nest(request, rows, _QUADS, quads) for quads in _runs(s.pixels // _QUADS.pixels)]
    nests = [nest for nest in [*nests, _Nest(request, rows, _PAIRS, 1)] if nest.fits()]
    return [nest.described() for nest in nests]


def _runs(quads: int) -> list[int]:
    """How many quads may share one load of the weights: of each doubling what leaves the fewest over."""
    limits = [limit for limit in (8, 4, 2, 1) if limit <= quads]
    found = [min(range(limit, limit // 2, -1), key=lambda count: -(-quads // count) * count) for limit in limits]
    return sorted(set(found), reverse=True)


@dataclass(frozen=True)
class _Block:
    """What the micro-kernel computes at a time; ``header`` counts the words of a record besides its weights."""

    name: str
    channels: int
    pixels: int
    header: int
    kernel: str
    gather: str


_PAIRS = _Block("d8-4x2", 4, 2, 9, "ai_k_conv_d8", "ai_k_columns_s8")
_QUADS = _Block("d8-2x4", 2, 4, 5, "ai_k_conv_d8_quad", "ai_k_columns_quad_s8")


class _Nest:
    """The loop nest over images, groups and runs of pixels; the last run may overlap the one before it."""

    def __init__(self, request: KernelRequest, rows: Rows, block: _Block, blocks_in_run: int) -> None:
        self.request, self.block, self.channels, self.sizes = request, block, rows, geometry(request)
        self.linear = _linear(request, rows)
        s = self.sizes
        self.per_tap, self.per_group = s.channels // s.groups, s.out_channels // s.groups
        row = s.kernel[1] * self.per_tap
        self.contiguous = self.per_tap == s.channels and s.dilation[1] == 1
        # Neighbouring pixels are neighbours in memory.
        self.pointwise = s.kernel == (1, 1) and s.stride == (1, 1) and not s.padded and self.contiguous
        # A patch whose rows touch is one long row.
        whole = self.contiguous and (s.kernel[0] == 1 or (s.kernel[1] == s.width and s.dilation[0] == 1))
        whole = whole and not s.padded
        self.row, self.rows = (row * s.kernel[0], 1) if whole else (row, s.kernel[0])
        self.steps = steps_of(self.row) * self.rows
        self.blocks = overlapping_groups(max(self.per_group, block.channels), block.channels)
        self.record_words = block.header + block.channels // 2 * self.steps
        self.blocks_in_run, self.run = blocks_in_run, block.pixels * blocks_in_run
        self.alone = block is _PAIRS and s.pixels % block.pixels == 1

    def fits(self) -> bool:
        """Whether the layer has a run of pixels and the micro-kernel takes its depth and scales."""
        if self.per_group < self.block.channels:
            return False
        if self.block is not _QUADS:
            return True
        if self.sizes.pixels < self.run:
            return False
        columns = 4 * self.run * self.steps
        small = self.blocks_in_run == 1 or columns <= _RUN_BYTES
        return self.steps <= _QUAD_STEPS and small

    def described(self) -> Schedule:
        """The schedule with its costs, from measured parts of the micro-kernels."""
        s, block = self.sizes, self.block
        runs, blocks = s.batch * s.groups * -(-s.pixels // self.run), len(self.blocks)
        values = self.run / 2 * self._pair_cycles()
        overhead = 0.0 if self.linear is not None else 20.0
        if block is _QUADS:
            products = blocks * (65 + self.steps * 1.2 + self.run / 4 * (66 + overhead + self.steps * 15.0))
        else:
            products = blocks * (88 + overhead + self.steps * 15.1)
        return Schedule(
            block.name + (f"x{self.blocks_in_run}" if self.blocks_in_run > 1 else ""), self.kernel,
            f"{block.channels} channels x {block.pixels} pixels, two weights in a halfword, {self.run} pixels widened",
            cycles=runs * (values + products + 60), scratch=4 * self.run * self.steps,
            constants=4 * s.groups * blocks * self.record_words, code=2700 if block is _QUADS else 1900,
            family=block.name,
        )  # fmt: skip

    def _pair_cycles(self) -> float:
        """Of widening two pixels, of which the part at the border takes longer."""
        s, block = self.sizes, self.block
        per_four = 13.0 if self.row % 4 == 0 or block is _QUADS else 22.0
        inside = 30 + self.rows * 14 + self.steps / 2 * per_four
        extents = zip((s.out_height, s.out_width), (s.padding[0:3:2], s.padding[1:4:2]), s.stride, strict=True)
        share = 1.0
        for length, sides, stride in extents:
            share *= max(0.0, 1 - sum(-(-side // stride) for side in sides) / length)
        # One pixel outside takes its whole block along.
        border = 1 - share**2 if block is _QUADS else 1 - share
        return inside * (1 - border) + border * (120 + self.rows * 90 + self.steps / 2 * 40)

    def kernel(self) -> Kernel:
        """x int8 [N,H,W,Cin] -> y int8 [N,OH,OW,Cout]; scratch: the columns of a run of pixels."""
        s = self.sizes
        with KernelBuilder("conv_2d", s.batch * s.pixels * self.channels.weights.size) as k:
            self._emit(k)
        return k.kernel()

    def _emit(self, k: KernelBuilder) -> None:
        """Parameters and loops."""
        s, request = self.sizes, self.request
        self.k = k
        self.x = k.input("x", (request.inputs[0].elements,), "int8")
        self.records = k.constant("records", self._records())
        clipped = s.padded or not self.contiguous
        self.patch = k.constant("patch", self._patch()) if clipped else None
        self.y = k.output("y", (request.output.elements,), "int8")
        self.columns = k.scratch("columns", self.run * self.steps, "int32")
        runs, backward = -(-s.pixels // self.run), request.grows
        with (
            k.loop("n", s.batch, backward=backward) as n,
            k.loop("group", s.groups) as group,
            k.loop("run", runs, backward=backward) as run,
        ):
            first = run * self.run
            if s.pixels % self.run and not self.alone:
                first = tirx.min(first, s.pixels - self.run)
            self._gather_run(n, group, first)
            self._multiply(n, group, first)
        low, high = request.integer("low"), request.integer("high")
        if low > -128 or high < 127:
            k.call("ai_k_clamp_s8", address(self.y, write=True), request.output.elements, low, high)

    def _gather_run(self, n: Any, group: Any, first: Any) -> None:
        s, pixels = self.sizes, self.block.pixels
        if self.pointwise:
            start = n * (s.height * s.width)
            places = [(start + pixel) * s.channels for pixel in self._pixels(first)]
            self._widen(0, places, self.blocks_in_run, pixels * s.channels)
        elif self.blocks_in_run == 1:
            self._gather(n, group, first, 0)
        else:
            with self.k.loop("quad", self.blocks_in_run) as quad:
                self._gather(n, group, first + quad * pixels, quad * (pixels * self.steps))

    def _records(self) -> NDArray[np.int32]:
        order = position_order(self.row, self.rows)
        parts: list[Any] = []
        for group in range(self.sizes.groups):
            for start in self.blocks:
                first = group * self.per_group + start
                parts += self._record(slice(first, first + self.block.channels), order)
        return np.concatenate(parts)

    def _record(self, block: slice, order: NDArray[np.intp]) -> list[NDArray[np.int32]]:
        rows, linear = self.channels, self.linear
        scaling = rows if linear is None else linear
        bias, scales = mixed_bias(scaling.bias[block]), words(scaling.multipliers[block])
        weights = halfword_pairs(rows.weights[block], order).T.ravel()
        shifts = rows.right[block] - 1 if linear is None else linear.offsets[block]
        if self.block is _QUADS:
            return [*bias, scales, shift_word(shifts), weights]
        return [*bias, weights, shift_word(shifts), scales]

    def _patch(self) -> NDArray[np.int32]:
        s = self.sizes
        return np.array(
            [s.height, s.width, s.channels, self.per_tap, *s.kernel, *s.dilation,
             self.request.integer("input_zero_point")], np.int32,
        )  # fmt: skip

    def _multiply(self, n: Any, group: Any, first: Any) -> None:
        s = self.sizes
        record = group * (len(self.blocks) * self.record_words)
        start = (n * s.pixels + first) * s.out_channels + group * self.per_group
        whole, rest = divmod(self.per_group, self.block.channels)
        pixels = self._pixels(first)
        stride = (pixels[1] - first) * s.out_channels if self.alone else s.out_channels
        self._call(record, start, stride, whole)
        if rest:
            self._call(record + whole * self.record_words, start + (self.per_group - self.block.channels), stride, 1)

    def _pixels(self, first: Any) -> list[Any]:
        """The pixels of a block; a last one without a neighbour is its own, so that none is computed twice."""
        if self.alone:
            return [first, tirx.min(first + 1, self.sizes.pixels - 1)]
        return [first + pixel for pixel in range(self.block.pixels)]

    def _call(self, record: Any, start: Any, stride: Any, blocks: int) -> None:
        quads = [self.blocks_in_run] if self.block is _QUADS else []
        self.k.call(
            self._function(), address(self.columns), address(self.records, record),
            address(self.y, start, write=True), stride, self.steps, blocks, *quads,
            self.request.integer("output_zero_point"),
        )  # fmt: skip

    def _function(self) -> str:
        """The micro-kernel for this core and these records."""
        form = "" if self.linear is None else "_linear"
        core = "_m4" if self.block is _PAIRS and self.request.target.name in _SINGLE_ISSUE else ""
        return f"{self.block.kernel}{form}{core}_s8"

    def _gather(self, n: Any, group: Any, first: Any, at: Any) -> None:
        """Widens one block of pixels; at: where its columns start."""
        s, k = self.sizes, self.k
        image = n * (s.height * s.width * s.channels)
        corners = [self._corner(pixel) for pixel in self._pixels(first)]
        places = [image + (row * s.width + column) * s.channels for row, column in corners]
        if self.patch is None:
            self._inside(at, places)
        elif not self.contiguous:
            self._clipped(at, image + group * self.per_tap, corners)
        else:
            conditions = [condition for corner in corners for condition in self._reaches(*corner)]
            with k.choose(tirx.all(*conditions)) as (inside, outside):
                with inside:
                    self._inside(at, places)
                with outside:
                    self._clipped(at, image, corners)

    def _corner(self, pixel: Any) -> tuple[Any, Any]:
        """Row and column of the first tap."""
        s = self.sizes
        row, column = pixel // s.out_width, pixel % s.out_width
        return row * s.stride[0] - s.padding[0], column * s.stride[1] - s.padding[1]

    def _reaches(self, row: Any, column: Any) -> list[Any]:
        """Conditions for a patch to lie inside the input; the ones that always hold are left out."""
        s = self.sizes
        top, left, bottom, right = s.padding
        last_row = s.height - 1 - (s.kernel[0] - 1) * s.dilation[0]
        last_column = s.width - 1 - (s.kernel[1] - 1) * s.dilation[1]
        pairs = ((top, row >= 0), (bottom, row <= last_row), (left, column >= 0), (right, column <= last_column))
        return [condition for needed, condition in pairs if needed]

    def _inside(self, at: Any, places: list[Any]) -> None:
        s = self.sizes
        self._widen(at, places, self.rows, s.dilation[0] * s.width * s.channels)

    def _widen(self, at: Any, places: list[Any], rows: int, pitch: int) -> None:
        """`rows` rows of each pixel, `pitch` values apart."""
        self.k.call(
            self.block.gather, address(self.columns, at, write=True), *(address(self.x, place) for place in places),
            self.row, rows, pitch,
        )  # fmt: skip

    def _clipped(self, at: Any, image: Any, corners: list[tuple[Any, Any]]) -> None:
        for pixel, (row, column) in enumerate(corners):
            self.k.call(
                "ai_k_columns_clipped_s8", address(self.columns, at + pixel, write=True), self.block.pixels,
                address(self.x, image), address(self.patch), row, column,
            )  # fmt: skip
