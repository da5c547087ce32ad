# SPDX-License-Identifier: Apache-2.0
"""The schedules of CONV_2D for ai_k_conv_d8.h: 4 output channels x 2 output pixels at a time, or 2 x 4."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import tirx

from stm32_emitter.operators.base import KernelRequest
from stm32_emitter.operators.conv_2d_records import (
    TOTAL_STEPS,
    Rows,
    centre_of,
    fours,
    is_exact,
    linear_of,
    pairs,
    rows_of,
    scales_fit,
)
from stm32_emitter.operators.convolution import Geometry, geometry
from stm32_emitter.operators.d8 import overlapping_groups, position_order, steps_of
from stm32_emitter.operators.d8_scaling import Linear
from stm32_emitter.operators.nearest import is_nearest
from stm32_emitter.operators.numbers import Numbers
from stm32_emitter.operators.schedule import Schedule
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

_QUAD_STEPS = 32
"""Steps of the kernel for four pixels (AI_K_QUAD_STEPS)."""
_PASS_STEPS = 16
"""Steps of a pass of the kernel for two pixels."""
_RUN_BYTES = 4096
"""Columns of quads that share one load of the weights."""
_CLIPPED_BYTES = 48
"""AI_K_CLIPPED_BYTES."""
_SINGLE_ISSUE = ("cortex-m4", "cortex-m33")
"""Cores for which single loads in a row are the fastest."""


def fits(request: KernelRequest) -> bool:
    """Whether the layer has a block of 4 channels x 2 pixels and the arithmetic is exact for it."""
    rows = rows_of(request)
    scales = not is_nearest(request) or linear_of(request, rows) is not None
    return is_exact(rows) and scales and Nest(request, rows, None, PAIRS, 1).fits()


def schedules(request: KernelRequest) -> list[Schedule]:
    """Both blockings; none where the layer has no such block or the arithmetic is not proven."""
    rows, s = rows_of(request), geometry(request)
    if not is_exact(rows):
        return []
    linear = linear_of(request, rows)
    if not scales_fit(request, linear):
        return []
    nests = [Nest(request, rows, linear, _QUADS, quads) for quads in _runs(s.pixels // _QUADS.pixels)]
    nests = [nest for nest in [*nests, Nest(request, rows, linear, PAIRS, 1)] if nest.fits()]
    return [nest.described() for nest in nests]


def totals_schedules(request: KernelRequest) -> list[Schedule]:
    """The block of 4 channels x 2 pixels for x of int8 and weights of 9 bits; none where it is not proven."""
    if request.inputs[0].dtype != "int8" or centre_of(request.constant(1)) is None:
        return []
    s = geometry(request)
    steps = steps_of(s.kernel[1] * (s.channels // s.groups)) * s.kernel[0]
    rows = rows_of(request, -(-steps // TOTAL_STEPS))
    linear = linear_of(request, rows)
    nest = Nest(request, rows, linear, PAIRS, 1)
    return [nest.described()] if is_exact(rows) and scales_fit(request, linear) and nest.fits() else []


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
    gather: str


PAIRS = _Block("d8-4x2", 4, 2, 9, "ai_k_columns_s8")
_QUADS = _Block("d8-2x4", 2, 4, 5, "ai_k_columns_quad_s8")


def function_of_pairs(request: KernelRequest, linear: Linear | None) -> str:
    """The micro-kernel of 4 channels x 2 pixels for a core and records."""
    core = "_m4" if request.target.name in _SINGLE_ISSUE else ""
    return f"ai_k_conv_d8{'' if linear is None else '_linear'}{core}_s8"


def function_of_patches(s: Geometry) -> str:
    """What gathers a patch at the border of the input: the faster function, if the layer keeps its rules."""
    touches = s.groups == 1 and s.dilation[1] == 1
    short = s.channels % 4 == 0 or s.kernel[1] * s.channels <= _CLIPPED_BYTES
    whole = s.padding[1] == s.padding[3] == 0
    return "ai_k_columns_clipped_s8" if touches and (short or whole) else "ai_k_columns_scattered_s8"


class Nest:
    """The loop nest over images, groups and runs of pixels; the last run may overlap the one before it."""

    def __init__(
        self, request: KernelRequest, rows: Rows, linear: Linear | None, block: _Block, blocks_in_run: int
    ) -> None:
        self.request, self.block, self.channels, self.sizes = request, block, rows, geometry(request)
        self.linear = linear
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
        self.patch_steps = steps_of(self.row) * self.rows
        self.steps = self.patch_steps + rows.totals
        self.blocks = overlapping_groups(max(self.per_group, block.channels), block.channels)
        self.record_words = block.header + block.channels // 2 * self.steps
        self.blocks_in_run, self.run = blocks_in_run, block.pixels * blocks_in_run
        self.deep = block is _QUADS and self.steps > _QUAD_STEPS
        # Sums of a chunk lie behind the columns.
        self.column_words = self.run * self.steps + (8 * blocks_in_run if self.deep else 0)
        self.alone = block is PAIRS and s.pixels % block.pixels == 1

    def fits(self) -> bool:
        """Whether the layer has a run of pixels and the micro-kernel takes its depth and scales."""
        if self.per_group < self.block.channels:
            return False
        if self.block is not _QUADS:
            return True
        if self.sizes.pixels < self.run:
            return False
        return self.blocks_in_run == 1 or 4 * self.column_words <= _RUN_BYTES

    def described(self) -> Schedule:
        """The schedule with its costs, from measured parts of the micro-kernels."""
        s, block = self.sizes, self.block
        runs, blocks = s.batch * s.groups * -(-s.pixels // self.run), len(self.blocks)
        values = self.run / 2 * self._pair_cycles()
        name = block.name + (f"x{self.blocks_in_run}" if self.blocks_in_run > 1 else "")
        values += self.channels.totals * self.patch_steps * 9.0
        return Schedule(
            name + ("-total" if self.channels.totals else ""), self.kernel,
            f"{block.channels} channels x {block.pixels} pixels, two weights in a halfword, {self.run} pixels widened",
            cycles=runs * (values + blocks * self._products_cycles() + 120), scratch=4 * self.column_words,
            constants=4 * s.groups * blocks * self.record_words, code=2500 if block is _QUADS else 1900,
            family=block.name,
        )  # fmt: skip

    def _products_cycles(self) -> float:
        """Of the channels of a block in a run of pixels."""
        if self.block is PAIRS:
            return (73 if self.linear is not None else 93) + self.steps * 15.0 + 6 * -(-self.steps // _PASS_STEPS)
        chunks = -(-self.steps // _QUAD_STEPS) - 1
        quad = (56 if self.linear is not None else 89) + self.steps * 15.0 + (chunks > 0) * 25 + chunks * 30
        return 45 + self.steps * 1.25 + chunks * 35 + self.blocks_in_run * quad

    def _pair_cycles(self) -> float:
        """Of widening two pixels, of which the part at the border takes longer."""
        s, block = self.sizes, self.block
        per_four = 13.0 if self.row % 4 == 0 or block is _QUADS else 22.0
        inside = 30 + self.rows * 14 + self.steps / 2 * per_four
        extents = zip((s.out_height, s.out_width), (s.padding[0:3:2], s.padding[1:4:2]), s.stride, strict=True)
        share = 1.0
        for length, sides, stride in extents:
            share *= max(0.0, 1 - sum(-(-max(side, 0) // stride) for side in sides) / length)
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
        self._declare_records()
        if self.pointwise and s.groups == 1:
            self._emit_pointwise()
        else:
            self._emit_windows()
        low, high = request.integer("low"), request.integer("high")
        if low > -128 or high < 127:
            k.call("ai_k_clamp_s8", address(self.y, write=True), request.output.elements, low, high)

    def _emit_pointwise(self) -> None:
        """Sizes are read from an array, so that pointwise layers share a function; images are one row of pixels."""
        s, k, block = self.sizes, self.k, self.block
        pixels, backward = s.batch * s.pixels, self.request.grows
        whole, rest = divmod(s.out_channels, block.channels)
        runs, step = -(-pixels // self.run), -self.run if backward else self.run
        size = Numbers(k, {
            "runs": runs, "first": (runs - 1) * self.run if backward else 0, "step": step,
            "last": pixels - (1 if block is PAIRS else self.run), "depth": s.channels, "channels": s.out_channels,
            "steps": self.steps, "blocks": whole, "parts": 2 if rest else 1, "quads": self.blocks_in_run,
            "part": whole * self.record_words, "zero_point": self.request.integer("output_zero_point"),
        })  # fmt: skip
        self.y = k.output("y", (self.request.output.elements,), "int8")
        self.columns = k.scratch("columns", self.column_words, "int32")
        depth, channels = size["depth"], size["channels"]
        with k.loop("run", size["runs"]) as run:
            first = size["first"] + run * size["step"]
            if block is PAIRS:
                places = [first, tirx.min(first + 1, size["last"])]
                stride = (places[1] - first) * channels
            else:
                first = tirx.min(first, size["last"])
                places, stride = [first + pixel for pixel in range(block.pixels)], channels
            k.call(
                block.gather, address(self.columns, write=True),
                *(address(self.x, place * depth) for place in places), depth, size["quads"], block.pixels * depth,
            )  # fmt: skip
            self._add_totals()
            # A last block of channels that overlaps its neighbour is a part of its own.
            with k.loop("part", size["parts"]) as part:
                self._call(
                    part * size["part"], first * channels + part * (channels - block.channels), stride, size["steps"],
                    size["blocks"] + part * (1 - size["blocks"]), size["quads"], size["zero_point"],
                )  # fmt: skip

    def _emit_windows(self) -> None:
        """A function for this layer alone."""
        self.patch = self._patch()
        self.y = self.k.output("y", (self.request.output.elements,), "int8")
        self.columns = self.k.scratch("columns", self.column_words, "int32")
        self._emit_runs()

    def declare(self, k: KernelBuilder, x: tirx.Buffer) -> None:
        """The constants of one of several nests in a kernel with the input ``x``."""
        self.k, self.x = k, x
        self._declare_records()
        self.patch = self._patch()

    def _declare_records(self) -> None:
        self.records = self.k.constant("records", self._records())
        self.ones = self.k.constant("ones", self._ones()) if self.channels.totals else None

    def emit(self, y: tirx.Buffer, columns: tirx.Buffer) -> None:
        """Its loops, behind what all nests of the kernel have declared."""
        self.y, self.columns = y, columns
        self._emit_runs()

    def _emit_runs(self) -> None:
        s, k = self.sizes, self.k
        runs, backward = -(-s.pixels // self.run), self.request.grows
        with (
            k.loop("n", s.batch, backward=backward) as n,
            k.loop("group", s.groups) as group,
            k.loop("run", runs, backward=backward) as run,
        ):
            first = run * self.run
            if s.pixels % self.run and not self.alone:
                first = tirx.min(first, s.pixels - self.run)
            self._gather_run(n, group, first)
            self._add_totals()
            self._multiply(n, group, first)

    def _gather_run(self, n: Any, group: Any, first: Any) -> None:
        pixels = self.block.pixels
        if self.blocks_in_run == 1:
            self._gather(n, group, first, 0)
        else:
            with self.k.loop("quad", self.blocks_in_run) as quad:
                self._gather(n, group, first + quad * pixels, quad * (pixels * self.steps))

    def _add_totals(self) -> None:
        """Sums of each patch behind it."""
        if self.ones is not None:
            self.k.call(
                "ai_k_columns_total_s8", address(self.columns, write=True), address(self.ones), self.patch_steps,
                self.channels.totals,
            )  # fmt: skip

    def _ones(self) -> NDArray[np.int32]:
        """1 in each half of a step that holds a value."""
        taken = (position_order(self.row, self.rows) >= 0).astype(np.int32)
        return taken[0::2] | taken[1::2] << 16

    def _records(self) -> NDArray[np.int32]:
        order, channels = position_order(self.row, self.rows), self.block.channels
        behind = np.arange(2 * self.channels.totals) + self.row * self.rows
        order = np.concatenate([order, behind])
        starts = [group * self.per_group + start for group in range(self.sizes.groups) for start in self.blocks]
        blocks = [slice(start, start + channels) for start in starts]
        return np.concatenate((pairs if self.block is _QUADS else fours)(self.channels, self.linear, blocks, order))

    def _patch(self) -> tirx.Buffer | None:
        """What gathers patches at the border is told of the layer; None where all patches lie inside."""
        s = self.sizes
        if not s.padded and self.contiguous:
            return None
        zero_point = self.request.integer("input_zero_point")
        words = [s.height, s.width, s.channels, self.per_tap, *s.kernel, *s.dilation, zero_point]
        return self.k.constant("patch", np.array(words, np.int32))

    def place(self, n: Any, pixel: Any) -> Any:
        """The first element of an output pixel in y."""
        return (n * self.sizes.pixels + pixel) * self.sizes.out_channels

    def stride(self, first: Any) -> Any:
        """Elements of y from a pixel of a block to the next one."""
        return (self.pixels(first)[1] - first if self.alone else 1) * self.sizes.out_channels

    def _multiply(self, n: Any, group: Any, first: Any) -> None:
        record, stride = group * (len(self.blocks) * self.record_words), self.stride(first)
        start = self.place(n, first) + group * self.per_group
        whole, rest = divmod(self.per_group, self.block.channels)
        quads, zero_point = self.blocks_in_run, self.request.integer("output_zero_point")
        self._call(record, start, stride, self.steps, whole, quads, zero_point)
        if rest:
            record, start = record + whole * self.record_words, start + (self.per_group - self.block.channels)
            self._call(record, start, stride, self.steps, 1, quads, zero_point)

    def pixels(self, first: Any) -> list[Any]:
        """The pixels of a block; a last one without a neighbour is its own, so that none is computed twice."""
        if self.alone:
            return [first, tirx.min(first + 1, self.sizes.pixels - 1)]
        return [first + pixel for pixel in range(self.block.pixels)]

    def _call(self, record: Any, start: Any, stride: Any, steps: Any, blocks: Any, quads: Any, zero_point: Any) -> None:
        """The micro-kernel on the columns; blocks: of channels."""
        last = [quads, zero_point] if self.block is _QUADS else [zero_point]
        self.k.call(
            self._function(), address(self.columns, write=self.deep), address(self.records, record),
            address(self.y, start, write=True), stride, steps, blocks, *last,
        )  # fmt: skip

    def _function(self) -> str:
        """The micro-kernel for this core and these records."""
        if self.block is PAIRS:
            return function_of_pairs(self.request, self.linear)
        return f"ai_k_conv_d8_quad{'_deep' if self.deep else ''}{'' if self.linear is None else '_linear'}_s8"

    def _gather(self, n: Any, group: Any, first: Any, at: Any) -> None:
        """Widens one block of pixels; at: where its columns start."""
        s, k = self.sizes, self.k
        image = n * (s.height * s.width * s.channels)
        corners = [self._corner(pixel) for pixel in self.pixels(first)]
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
                function_of_patches(self.sizes), address(self.columns, at + pixel, write=True), self.block.pixels,
                address(self.x, image), address(self.patch), row, column,
            )  # fmt: skip
