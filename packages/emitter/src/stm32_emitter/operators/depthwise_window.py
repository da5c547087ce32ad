# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D with 3 x 3 windows: micro-kernels on pairs of input rows (ai_k_depthwise.h).

The channels go in groups of four, or of two where rows are long. A group is widened block by block into pairs of rows;
the last pair of a block is the first of the next; more scratch makes fewer blocks. Rows are widened before the output
rows that lie over them are written, and no group uses bytes of another: with depth multiplier 1 the output may be the
input.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import tirx

from stm32_emitter.operators.base import KernelRequest
from stm32_emitter.operators.convolution import Geometry, geometry
from stm32_emitter.operators.depthwise_scaling import LARGEST_SHIFT, channel_reach, clamp, short_scaling
from stm32_emitter.operators.gemmlowp import requantize
from stm32_emitter.operators.nearest import is_nearest, requantize_nearest
from stm32_emitter.operators.numbers import Numbers
from stm32_emitter.operators.packing import folded_bias
from stm32_emitter.operators.schedule import Schedule
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

_LANES = 4
_WINDOW = 3
WORDS = 5
"""Of a record."""
SHORT = 10
"""AI_K_DEPTHWISE_SHIFT."""
_SCRATCH_WORDS = (320, 1024, 2560)
"""Pairs of rows that are kept take this at most, unless two pairs of two channels need more; one schedule for each."""


def fits(request: KernelRequest) -> bool:
    """Whether this is a layer for the micro-kernels, and every channel has an exact record."""
    sizes = geometry(request)
    if sizes.kernel != (_WINDOW, _WINDOW) or sizes.dilation != (1, 1) or sizes.stride not in ((1, 1), (2, 2)):
        return False
    numbers = _numbers(request, sizes, _Plan.of(sizes, _SCRATCH_WORDS[0])).values()
    return sizes.channels > 1 and max(numbers) < 1 << 15 and records(request) is not None


def schedules(request: KernelRequest) -> list[Schedule]:
    """The schedules of a layer that :func:`fits`, of which each one takes more scratch than the one before."""
    sizes, plans = geometry(request), dict.fromkeys(_Plan.of(geometry(request), words) for words in _SCRATCH_WORDS)
    names = (NAME, *(f"{NAME}-{_SUFFIXES[i]}" for i in range(len(plans) - 1)))
    return [
        Schedule(
            name,
            partial(kernel, request, plan),
            f"tiles of {_TILES[plan.rows]}, {plan.lanes} channels widened, {plan.rows * plan.block} rows a block",
            cycles=_cycles(sizes, plan, relu=is_floored(request)),
            scratch=4 * plan.words,
            constants=4 * WORDS * sizes.out_channels,
            code=_CODE,
            family=NAME,
        )
        for name, plan in zip(names, plans, strict=True)
    ]


NAME = "rows-3x3"
_SUFFIXES = ("wide", "wider")
_TILES = {2: "2 rows x 2 columns", 1: "1 row x 4 columns"}
_CODE = 1300
"""Bytes of the micro-kernels on a Cortex-M4: one form of the windows, and what widens."""


def _cycles(sizes: Geometry, plan: _Plan, *, relu: bool) -> float:
    """Expected cycles on a Cortex-M4: per output, strip and block of a channel, group, pair of rows, widened value."""
    stride = sizes.stride[0]
    channels, blocks = sizes.batch * sizes.out_channels, -(-plan.strips // plan.block)
    outputs = channels * plan.strips * plan.rows * sizes.out_width
    single = channels * plan.strips * (sizes.out_width % (2 * stride))
    pairs = min(plan.strips + 1, _filled(sizes))
    groups = sizes.batch * -(-sizes.channels // plan.lanes)
    work = 16.2 * outputs + 12.0 * single if stride == 1 else 19.5 * outputs + 13.5 * single
    work += 0.0 if relu else 2.75 * outputs
    widening = (2.0 if plan.lanes == _LANES else 2.7) * 2 * pairs * sizes.width * sizes.batch * sizes.channels
    by_group = groups * (150.0 + 200.0 * blocks + 45.0 * pairs)
    return work + channels * (24.0 * plan.strips + 85.0 * blocks) + by_group + widening


def kernel(request: KernelRequest, plan: _Plan) -> Kernel:
    """x int8 [N,H,W,C] -> y int8 [N,OH,OW,C*M] of a layer that :func:`fits`."""
    sizes, packed = geometry(request), records(request)
    if packed is None:
        raise ValueError("the layer has no exact records")
    macs = sizes.batch * sizes.pixels * sizes.out_channels * _WINDOW * _WINDOW
    with KernelBuilder("depthwise_conv_2d", macs) as k:
        x = k.input("x", (request.inputs[0].elements,), "int8")
        constants = k.constant("records", packed)
        numbers = Numbers(k, _numbers(request, sizes, plan))
        y = k.output("y", (request.output.elements,), "int8")
        pairs = k.scratch("pairs", plan.words, "int32")
        _Nest(k, request, sizes, numbers, x, constants, y, pairs).emit()
    return k.kernel()


def is_floored(request: KernelRequest) -> bool:
    """Whether the high word is floored (the forms with relu), not rounded.

    The results are clamped at the zero point from below, and that is -128; or they are rounded once.
    """
    return is_nearest(request) or request.integer("output_zero_point") == request.integer("low") == -128


@dataclass(frozen=True)
class _Scaling:
    """How a channel is requantized (ai_k_depthwise.h): 2**scale before, shift after, 2**rounding / 2 in between."""

    bias: int
    multiplier: int
    shift: int
    scale: int
    rounding: int


def _floored_scaling(bias: int, multiplier: int, right: int, reach: int, *, twice: bool) -> _Scaling | None:
    """The scaling of a channel whose high word is floored, or None if there is no exact one.

    Rounding the product and then its shift (halves upwards, as results are not negative) is one floor with both halves
    added: floor((floor(p + 1/2) + 2**(s-1)) / 2**s) = floor((p + 1/2 + 2**(s-1)) / 2**s). With sums that are 2**t
    times as large, t > 0, the 1/2 is an integer, 2**(t-1). Without a right shift there is no second rounding. What is
    rounded once has one half, the second, and may be negative.

    Args:
        bias: what the sum begins with.
        multiplier: 31 bits.
        right: right shift; a left shift is negative.
        reach: largest magnitude of the sum.
        twice: whether the product is rounded, too.
    """
    if multiplier == 0:
        return _Scaling(0, 0, SHORT, 0, 0)
    more = SHORT - right
    if right < 1:
        shift, scale, rounding = 1, 2 - right, 0
    elif 1 <= more <= _MOST_SCALE - 1 and reach << (1 + more) < 1 << 31:
        shift, scale, rounding = SHORT, 1 + more, more
    else:
        shift, scale, rounding = right + 1, 2, 1
    if scale > _MOST_SCALE or shift > LARGEST_SHIFT + 1 or reach << scale >= 1 << 31:
        return None
    return _Scaling(bias << scale, multiplier, shift, scale, rounding if twice else 0)


_MOST_SCALE = 8
"""An int8 weight scaled by 2**8 fits a halfword."""


def _scalings(request: KernelRequest, *, folded: bool) -> list[_Scaling] | None:
    """The scaling of every output channel, or None if one has none; ``folded``: biases hold the input's zero point."""
    weights, bias, multipliers, shifts = (request.constant(i) for i in range(1, 5))
    matrix, zero_point = weights.reshape(len(bias), -1), request.integer("output_zero_point")
    first = folded_bias(bias, matrix, request.integer("input_zero_point") if folded else 0)
    floored, nearest = is_floored(request), is_nearest(request)
    short = None if floored else short_scaling(request)
    rescale = requantize_nearest if nearest else requantize
    found: list[_Scaling | None] = []
    for i, reach in enumerate(channel_reach(weights, bias)):
        if not matrix[i].any():
            value = int(np.clip(rescale(first[i], int(multipliers[i]), int(shifts[i])) + zero_point, -128, 127))
            # 4 * v * 2**30 / 2**32 = v: no rounding. A shift keeps it so.
            shift = SHORT if floored else 1
            found.append(_Scaling((value - zero_point) << (2 + shift), 1 << 30, shift, 1, 0))
        elif floored:
            scale = (int(first[i]), int(multipliers[i]), -int(shifts[i]), int(reach))
            found.append(_floored_scaling(*scale, twice=not nearest))
        elif short is not None:
            found.append(_Scaling(2 * int(first[i]), int(short[0][i]), -int(short[1][i]), 1, 0))
        else:
            found.append(None)
    exact = [scaling for scaling in found if scaling is not None]
    return exact if len(exact) == len(found) else None


def records(request: KernelRequest, *, folded: bool = True) -> NDArray[np.int32] | None:
    """int32 [C*M*5] as ai_k_depthwise.h describes, or None if a channel has no exact record.

    Args:
        request: the layer.
        folded: whether sums begin with the bias less the input's zero point times the weights, or with the bias.
    """
    scalings = _scalings(request, folded=folded)
    if scalings is None:
        return None
    words = np.zeros((len(scalings), WORDS), np.int32)
    columns = words[:, :_WINDOW].view(np.int8).reshape(len(scalings), _WINDOW, 4)
    columns[:, :, :_WINDOW] = request.constant(1)[..., 0].transpose(0, 2, 1)
    columns[:, :, _WINDOW] = [(s.shift, s.scale, s.rounding) for s in scalings]
    words[:, 3] = [s.bias for s in scalings]
    words[:, 4] = [s.multiplier for s in scalings]
    return words.ravel()


@dataclass(frozen=True)
class _Plan:
    """How the pairs of rows are laid out and visited.

    A strip is what two neighbouring pairs of rows give: an output row, or two of them with stride 1.

    Attributes:
        columns: words of a pair of rows of one channel, padding included.
        pitch: words from a pair of rows to the next; a word of padding ends one and begins the next.
        rows: output rows of a strip.
        strips: of the image.
        block: strips that are computed at a time; block + 1 pairs of rows are kept.
        lanes: channels of a group.
        shared: pairs of rows (0 or 1) that end a channel and begin the next one. Of the last pair only the upper row
            counts where it lies below the image, and that of the first is padding, too.
    """

    columns: int
    pitch: int
    rows: int
    strips: int
    block: int
    lanes: int
    shared: int

    @property
    def plane(self) -> int:
        """Words from a channel to the next."""
        return self.pitch * (self.block + 1 - self.shared)

    @property
    def words(self) -> int:
        """Words of the pairs, as many as ai_k_depthwise_clear_s8 takes."""
        words = self.plane * self.lanes + self.pitch * self.shared + self.columns - self.pitch
        return -(-words // 4) * 4

    @classmethod
    def of(cls, sizes: Geometry, most_words: int) -> _Plan:
        """The plan of a layer with at most so many words, unless two pairs of rows of two channels need more."""
        stride = sizes.stride[0]
        columns = (sizes.out_width - 1) * stride + _WINDOW
        rows = 2 // stride
        strips = -(-sizes.out_height // rows)
        pitch = columns - int(0 < sizes.padding[1] < columns - sizes.width)
        lanes = _LANES if sizes.channels >= _LANES and 2 * columns * _LANES <= most_words else 2
        small = lanes * strips * pitch + columns <= most_words
        shared = int(small and sizes.padding[0] > 0 and _filled(sizes) == strips)
        most = max(1, (most_words // lanes - columns) // pitch)
        blocks = 1 if shared else -(-strips // most)
        return cls(columns, pitch, rows, strips, -(-strips // blocks), lanes, shared)


def _filled(sizes: Geometry) -> int:
    """Pairs of rows with a row of the image, from the first one on."""
    return (sizes.height + sizes.padding[0] + 1) // 2


def _numbers(request: KernelRequest, sizes: Geometry, plan: _Plan) -> dict[str, int]:
    """What the loops of a layer read: all pairs of rows are widened ahead where one block holds them, else one pair.

    Those below the image stay as they were cleared.
    """
    whole = plan.block == plan.strips
    return {
        "height": sizes.height, "width": sizes.width, "channels": sizes.channels, "left": sizes.padding[1],
        "columns": plan.columns, "plane": plan.plane, "outside": request.integer("input_zero_point"),
        "out_width": sizes.out_width, "out_channels": sizes.out_channels,
        "depth": sizes.out_channels // sizes.channels, "zero_point": request.integer("output_zero_point"),
        "words": plan.words, "groups": -(-sizes.channels // plan.lanes), "lanes": plan.lanes,
        "top": sizes.padding[0], "pitch": plan.pitch, "block": plan.block,
        "ahead": min(plan.strips + 1, _filled(sizes)) if whole else 1, "follow": 0 if whole else plan.block,
        "blocks": -(-plan.strips // plan.block), "strips": plan.strips, "out_height": sizes.out_height,
    }  # fmt: skip


class _Nest:
    """The loops over images, groups of channels, and blocks of strips: the same for all layers of one stride."""

    def __init__(
        self, k: KernelBuilder, request: KernelRequest, sizes: Geometry, numbers: Numbers,
        x: tirx.Buffer, records: tirx.Buffer, y: tirx.Buffer, pairs: tirx.Buffer,
    ) -> None:  # fmt: skip
        self.k, self.request, self.sizes, self.numbers = k, request, sizes, numbers
        self.x, self.records, self.y, self.pairs = x, records, y, pairs
        name = "ai_k_depthwise_3x3" + ("" if sizes.stride[0] == 1 else "_s2")
        self.function = name + ("_relu_s8" if is_floored(request) else "_s8")
        self.rows = 2 // sizes.stride[0]

    def emit(self) -> None:
        """All of the layer; the last group may have fewer channels."""
        k, number = self.k, self.numbers
        k.call("ai_k_depthwise_clear_s8", address(self.pairs, write=True), number["words"], number["outside"])
        with k.loop("n", self.sizes.batch) as n, k.loop("group", number["groups"]) as group:
            first = group * number["lanes"]
            self._group(n, first, tirx.min(number["lanes"], number["channels"] - first))
        clamp(k, self.request, self.y)

    def _group(self, n: Any, first: Any, lanes: Any) -> None:
        """Blocks are laid out upwards and downwards in turn, so that one ends where the next begins."""
        number, upwards = self.numbers, self.numbers["pitch"]
        self._widen(n, first, lanes, 0, upwards, 0, number["ahead"])
        with self.k.loop("block", number["blocks"]) as block:
            strip, down = block * number["block"], block % 2
            pitch, start = upwards * (1 - 2 * down), down * (number["block"] * upwards)
            with self.k.when(number["follow"] > 0):
                strips = tirx.min(number["follow"], number["strips"] - strip)
                self._widen(n, first, lanes, start + pitch, pitch, strip + 1, strips)
            rows = tirx.min(number["block"] * self.rows, number["out_height"] - strip * self.rows)
            # An odd count of lanes lies behind one that came along.
            self._compute(n, first, lanes, strip, start + lanes % 2 * number["plane"], pitch, rows)

    def _widen(self, n: Any, first: Any, lanes: Any, at: Any, pitch: Any, pair: Any, count: Any) -> None:
        image = n * (self.sizes.height * self.sizes.width * self.sizes.channels)
        self.k.call(
            "ai_k_depthwise_pairs_s8", address(self.pairs, at, write=True), address(self.x, image + first),
            pair * 2 - self.numbers["top"], count, pitch, lanes, address(self.numbers.buffer),
        )  # fmt: skip

    def _compute(self, n: Any, first: Any, lanes: Any, strip: Any, at: Any, pitch: Any, rows: Any) -> None:
        number, depth = self.numbers, self.sizes.out_channels // self.sizes.channels
        row = n * self.sizes.out_height + strip * self.rows
        with self.k.loop("m", depth) as m:
            channel = first * depth + m
            self.k.call(
                self.function, address(self.pairs, at), pitch, address(self.records, channel * WORDS),
                address(self.y, row * (number["out_width"] * number["out_channels"]) + channel, write=True),
                lanes, rows, address(number.buffer),
            )  # fmt: skip
