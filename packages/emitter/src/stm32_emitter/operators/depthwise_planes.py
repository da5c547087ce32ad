# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D with 3 x 3 windows on planes of few rows (ai_k_depthwise_planes_s8).

On such planes most windows reach outside of the image. Values are widened less the zero point, so what is outside adds
nothing and is not multiplied. Four channels at a time, all of their plane before the first output: the output may be
the input.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from tvm import tirx

from stm32_emitter.operators.base import KernelRequest
from stm32_emitter.operators.convolution import Geometry, geometry
from stm32_emitter.operators.depthwise_scaling import clamp
from stm32_emitter.operators.depthwise_window import SHORT, WORDS, is_floored, records
from stm32_emitter.operators.numbers import Numbers
from stm32_emitter.operators.schedule import Schedule
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

_LANES = 4
_MOST_WIDTH = 30
"""Wider images would take more than 1 KB of scratch, and :mod:`.depthwise_window` serves them nearly as well."""


def fits(request: KernelRequest) -> bool:
    """Whether windows, padding and image are of this class, and every channel has an exact record."""
    sizes = geometry(request)
    if sizes.kernel != (3, 3) or sizes.dilation != (1, 1) or sizes.stride != (1, 1) or sizes.padding != (1, 1, 1, 1):
        return False
    shape = (sizes.height, sizes.width)
    if shape != (2, 2) and (sizes.height not in (3, 4) or not 2 <= sizes.width <= _MOST_WIDTH):
        return False
    if not _LANES <= sizes.channels == sizes.out_channels < 1 << 15:
        return False
    return _records(request) is not None


def schedule(request: KernelRequest) -> Schedule:
    """The schedule of a layer that :func:`fits`."""
    sizes = geometry(request)
    return Schedule(
        "planes-3x3",
        lambda: kernel(request),
        f"{_LANES} channels at a time, all of their plane widened less the zero point",
        cycles=_cycles(sizes, relu=is_floored(request)),
        scratch=4 * _LANES * _plane(sizes),
        constants=4 * WORDS * sizes.out_channels,
        code=_CODE,
    )


_CODE = 890
"""Bytes of the micro-kernels on a Cortex-M4, the mean of both forms."""


def _cycles(sizes: Geometry, *, relu: bool) -> float:
    """Expected cycles on a Cortex-M4: per channel, column or pixel of it, and group of channels."""
    column = (17.0 if sizes.height == 2 else 56.0) + (0.0 if relu else 14.0)
    groups = -(-sizes.channels // _LANES) * sizes.batch
    widened = sizes.width * -(-sizes.height // 2)
    return sizes.batch * sizes.channels * (62.0 + column * sizes.width) + groups * (90.0 + 22.0 * widened)


def _plane(sizes: Geometry) -> int:
    """Words of a channel: two for each column of the image and the one before and behind it."""
    return 2 * (sizes.width + 2)


def _records(request: KernelRequest) -> NDArray[np.int32] | None:
    """As ai_k_depthwise.h describes, or None; where the high word is floored all shifts have to be the same."""
    packed = records(request, folded=False)
    if packed is None or not is_floored(request):
        return packed
    return packed if (packed[::WORDS] >> 24 == SHORT).all() else None


def kernel(request: KernelRequest) -> Kernel:
    """x int8 [N,H,W,C] -> y int8 [N,H,W,C] of a layer that :func:`fits`."""
    sizes, packed = geometry(request), _records(request)
    if packed is None:
        raise ValueError("the layer has no exact records")
    macs = sizes.batch * sizes.pixels * sizes.out_channels * 9
    with KernelBuilder("depthwise_conv_2d", macs) as k:
        x = k.input("x", (request.inputs[0].elements,), "int8")
        constants = k.constant("records", packed)
        numbers = Numbers(k, _numbers(request, sizes))
        y = k.output("y", (request.output.elements,), "int8")
        pairs = k.scratch("pairs", _LANES * _plane(sizes), "int32")
        _emit(k, request, numbers, (x, constants, y, pairs))
    return k.kernel()


def _numbers(request: KernelRequest, sizes: Geometry) -> dict[str, int]:
    """The fields of ai_k_depthwise_rows, then the words of the planes."""
    return {
        "height": sizes.height, "width": sizes.width, "channels": sizes.channels, "left": 1,
        "columns": sizes.width + 2, "plane": _plane(sizes), "outside": request.integer("input_zero_point"),
        "out_width": sizes.width, "out_channels": sizes.channels, "depth": 1,
        "zero_point": request.integer("output_zero_point"),
        "words": _LANES * _plane(sizes),
    }  # fmt: skip


def _emit(k: KernelBuilder, request: KernelRequest, number: Numbers, buffers: tuple[tirx.Buffer, ...]) -> None:
    """The loop over images."""
    x, constants, y, pairs = buffers
    sizes = geometry(request)
    name = "ai_k_depthwise_planes" + ("_relu_s8" if is_floored(request) else "_s8")
    k.call("ai_k_depthwise_clear_s8", address(pairs, write=True), number["words"], 0)
    with k.loop("n", sizes.batch) as n:
        at = n * (sizes.height * sizes.width * sizes.channels)
        k.call(
            name, address(pairs, write=True), address(x, at), address(constants), address(y, at, write=True),
            address(number.buffer),
        )  # fmt: skip
    clamp(k, request, y)
