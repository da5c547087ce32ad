# SPDX-License-Identifier: Apache-2.0
"""CONV_2D, grouped convolution included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from tvm import relax, tirx

from stm32_emitter.operators import conv_2d_d8, conv_2d_plain, conv_2d_winograd, convolution_wide
from stm32_emitter.operators.base import Fused, KernelRequest, OperatorDefinition
from stm32_emitter.operators.convolution import Geometry, fused, geometry, match_quantized_convolution
from stm32_emitter.operators.packing import folded_bias, pack_rows, padded_depth
from stm32_emitter.operators.schedule import Schedule
from stm32_emitter.operators.scope import Scope
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

PIXELS = 2
"""Output pixels that share one pass over the weights."""
_NEIGHBOURS = (0, 2, 1, 3)
"""Byte order in which SXTB16 yields neighbouring elements."""


class Conv2D(OperatorDefinition):
    """int8 convolution: patches of two pixels are widened, then multiplied with four channels at a time."""

    kind: ClassVar[str] = "CONV_2D"
    roots: ClassVar[tuple[str, ...]] = ("quantize",)

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """quantize(act(conv2d(dequantize(x), dequantize(w)) + bias)), NHWC."""
        parts = match_quantized_convolution(scope, root)
        return None if parts is None else fused(self.kind, parts, root)

    def schedules(self, request: KernelRequest) -> Sequence[Schedule]:
        """Without DSP instructions the plain C form alone; else Winograd, two weights in a halfword, any layer."""
        if convolution_wide.is_wide(request):
            return [*conv_2d_d8.totals_schedules(request), convolution_wide.wide_schedule(request)]
        plain = conv_2d_plain.schedules(request)
        if plain and not request.target.dsp:
            return plain
        general = plain or [self._general(request)]
        return [*conv_2d_winograd.schedules(request), *conv_2d_d8.schedules(request), *general]

    def _general(self, request: KernelRequest) -> Schedule:
        sizes = geometry(request)
        depth = sizes.kernel[0] * sizes.kernel[1] * sizes.channels // sizes.groups
        # An odd pixel goes alone, which takes longer.
        outputs = sizes.batch * (sizes.pixels + 1.7 * (sizes.pixels % PIXELS)) * sizes.out_channels
        return Schedule(
            "general", lambda: self.kernel(request), "4 channels x 2 pixels, any scaling and bounds",
            cycles=outputs * (depth * 1.7 + 25) + _gather_cycles(sizes, depth), scratch=4 * padded_depth(depth),
            constants=sizes.out_channels * (padded_depth(depth) + 9), code=900,
        )  # fmt: skip

    def kernel(self, request: KernelRequest) -> Kernel:
        """x int8 [N,H,W,Cin] -> y int8 [N,OH,OW,Cout]; scratch: 2 patches of int16."""
        sizes = geometry(request)
        depth = sizes.kernel[0] * sizes.kernel[1] * sizes.channels // sizes.groups
        macs = sizes.batch * sizes.pixels * sizes.out_channels * depth
        with KernelBuilder("conv_2d", macs) as k:
            x = k.input("x", (request.inputs[0].elements,), "int8")
            weights, bias, multiplier, shift = (
                k.constant(name, value)
                for name, value in zip(
                    ("weights", "bias", "multiplier", "shift"), _constants(request, sizes), strict=True
                )
            )
            y = k.output("y", (request.output.elements,), "int8")
            columns = k.scratch("columns", PIXELS * padded_depth(depth), "int16")
            nest = GeneralNest(k, request, sizes, depth, x, y, columns)
            nest.emit(weights, bias, multiplier, shift)
        return k.kernel()


def _gather_cycles(sizes: Geometry, depth: int) -> float:
    """Of the general form: a call for each kernel row, or for each tap where columns may be outside or apart."""
    apart = sizes.padding[1] or sizes.padding[3] or sizes.dilation[1] > 1 or sizes.groups > 1
    calls = sizes.kernel[0] * (sizes.kernel[1] if apart else 1)
    return sizes.batch * sizes.groups * sizes.pixels * (90.0 * calls + 6.0 * depth)


def _constants(request: KernelRequest, sizes: Geometry) -> tuple[NDArray[Any], ...]:
    """(packed weights of all groups, folded bias, multipliers, shifts)."""
    weights, bias, multipliers, shifts = (request.constant(i) for i in range(1, 5))
    matrix = weights.reshape(sizes.out_channels, -1)
    return (
        packed_groups(matrix, sizes.groups),
        folded_bias(bias, matrix, request.integer("input_zero_point")),
        multipliers,
        shifts,
    )


def packed_groups(matrix: NDArray[np.int8], groups: int) -> NDArray[np.int8]:
    """Weights [Cout, depth] as ai_k_conv.h takes them, group by group."""
    return np.concatenate([pack_rows(group, _NEIGHBOURS) for group in np.split(matrix, groups)])


class GeneralNest:
    """The loop nest over images, groups and pixel pairs."""

    def __init__(
        self, k: KernelBuilder, request: KernelRequest, sizes: Geometry, depth: int,
        x: tirx.Buffer, y: tirx.Buffer, columns: tirx.Buffer,
    ) -> None:  # fmt: skip
        self.k, self.request, self.sizes, self.depth = k, request, sizes, depth
        self.x, self.y, self.columns = x, y, columns

    def emit(self, *constants: tirx.Buffer) -> None:
        """All output pixels; an odd last one goes alone."""
        k, sizes, backward = self.k, self.sizes, self.request.grows
        odd = sizes.pixels % PIXELS > 0
        with k.loop("n", sizes.batch, backward=backward) as n, k.loop("group", sizes.groups) as group:
            if odd and backward:
                self._pixels(n, group, sizes.pixels - 1, 1, constants)
            if sizes.pixels >= PIXELS:
                with k.loop("pair", sizes.pixels // PIXELS, backward=backward) as pair:
                    self._pixels(n, group, pair * PIXELS, PIXELS, constants)
            if odd and not backward:
                self._pixels(n, group, sizes.pixels - 1, 1, constants)

    def place(self, n: Any, pixel: Any) -> Any:
        """The first element of an output pixel in y."""
        return (n * self.sizes.pixels + pixel) * self.sizes.out_channels

    def step(self, first: Any) -> Any:  # noqa: ARG002
        """Elements of y from a pixel to the one that is computed with it."""
        return self.sizes.out_channels

    def _pixels(self, n: Any, group: Any, first: Any, count: int, constants: tuple[tirx.Buffer, ...]) -> None:
        sizes, request = self.sizes, self.request
        for pixel in range(count):
            self._gather(n, group, first + pixel, pixel)
        weights, bias, multiplier, shift = constants
        channels, depth4 = sizes.out_channels // sizes.groups, padded_depth(self.depth)
        start = self.place(n, first)
        self.k.call(
            "ai_k_conv_s8", address(self.columns), address(weights, group * (channels * depth4)),
            address(bias, group * channels), address(multiplier, group * channels), address(shift, group * channels),
            address(self.y, start + group * channels, write=True), self.step(first), count, depth4, channels,
            request.integer("output_zero_point"), request.integer("low"), request.integer("high"),
        )  # fmt: skip

    def _gather(self, n: Any, group: Any, pixel_index: Any, pixel: int) -> None:
        """Widens the patch of one output pixel, row by row."""
        sizes, k = self.sizes, self.k
        top, left, _, _ = sizes.padding
        row0 = pixel_index // sizes.out_width * sizes.stride[0] - top
        column0 = pixel_index % sizes.out_width * sizes.stride[1] - left
        per_tap = sizes.channels // sizes.groups
        with k.loop("ky", sizes.kernel[0]) as ky:
            row = row0 + ky * sizes.dilation[0]
            at = ky * (sizes.kernel[1] * per_tap)
            if top or sizes.padding[2]:
                with k.choose(tirx.all(row >= 0, row < sizes.height)) as (inside, outside):
                    with inside:
                        self._gather_row(n, group, row, column0, at, pixel)
                    with outside:
                        self._fill(at, pixel, sizes.kernel[1] * per_tap)
            else:
                self._gather_row(n, group, row, column0, at, pixel)

    def _gather_row(self, n: Any, group: Any, row: Any, column0: Any, at: Any, pixel: int) -> None:
        sizes, k = self.sizes, self.k
        per_tap = sizes.channels // sizes.groups
        base = (n * sizes.height + row) * sizes.width
        clipped = sizes.padding[1] or sizes.padding[3]
        if not clipped and sizes.dilation[1] == 1 and sizes.groups == 1:
            self._widen((base + column0) * sizes.channels, at, pixel, sizes.kernel[1] * per_tap)
            return
        with k.loop("kx", sizes.kernel[1]) as kx:
            column = column0 + kx * sizes.dilation[1]
            source = (base + column) * sizes.channels + group * per_tap
            if not clipped:
                self._widen(source, at + kx * per_tap, pixel, per_tap)
                return
            with k.choose(tirx.all(column >= 0, column < sizes.width)) as (inside, outside):
                with inside:
                    self._widen(source, at + kx * per_tap, pixel, per_tap)
                with outside:
                    self._fill(at + kx * per_tap, pixel, per_tap)

    def _widen(self, source: Any, at: Any, pixel: int, count: int) -> None:
        self.k.call("ai_k_widen_s8", address(self.columns, write=True), at, pixel, address(self.x, source), count)

    def _fill(self, at: Any, pixel: int, count: int) -> None:
        zero = self.request.integer("input_zero_point")
        self.k.call("ai_k_fill_s8", address(self.columns, write=True), at, pixel, zero, count)
