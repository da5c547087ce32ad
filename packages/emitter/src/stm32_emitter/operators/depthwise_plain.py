# SPDX-License-Identifier: Apache-2.0
"""The schedule of DEPTHWISE_CONV_2D for ai_k_plain.h, for cores without the DSP extension: 4 channels at a time.

A window inside the image is read where it lies; one that reaches outside is copied first, filled with the zero point.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import tirx

from stm32_emitter.operators.base import KernelRequest
from stm32_emitter.operators.convolution import geometry
from stm32_emitter.operators.nearest import is_nearest, scale_words
from stm32_emitter.operators.packing import folded_bias
from stm32_emitter.operators.schedule import Schedule
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

_MAC, _OUTPUT = 5.5, 30.0
"""Cortex-M3 cycles of a multiply-accumulate, and of an output around them."""


def schedules(request: KernelRequest) -> list[Schedule]:
    """The schedule for as many output as input channels, on cores without DSP, or of layers that are rounded once."""
    s, nearest = geometry(request), is_nearest(request)
    if (request.target.dsp and not nearest) or s.channels != s.out_channels:
        return []
    taps = s.kernel[0] * s.kernel[1]
    cycles = s.batch * s.pixels * s.channels * (taps * _MAC + _OUTPUT)
    scratch, constants = (taps * s.channels if s.padded else 0), s.channels * (taps + 12)
    text = "4 channels, C, weights as they are" + (", scaled in float32" if nearest else "")
    return [Schedule("c-4", lambda: _kernel(request), text, cycles, scratch=scratch, constants=constants, code=500)]


def _kernel(request: KernelRequest) -> Kernel:
    """x int8 [N,H,W,C] -> y int8 [N,OH,OW,C]; scratch: a window, if one reaches outside the image."""
    s = geometry(request)
    taps = s.kernel[0] * s.kernel[1]
    image = s.height * s.width * s.channels
    steps = (s.dilation[0] * s.width * s.channels, s.dilation[1] * s.channels)
    with KernelBuilder("depthwise_conv_2d", s.batch * s.pixels * s.channels * taps) as k:
        x = k.input("x", (request.inputs[0].elements,), "int8")
        weights = k.constant("weights", request.constant(1)[..., 0].transpose(1, 2, 0).ravel())
        channels = k.constant("channels", _channels(request))
        window = k.constant("window", _window(request, steps))
        constants = [window, weights, channels]
        if s.padded:
            whole = k.constant("whole", _window(request, (s.kernel[1] * s.channels, s.channels)))
            edges = k.constant("patch", _patch(request))
        y = k.output("y", (request.output.elements,), "int8")
        function = "ai_k_depthwise_nearest_s8" if is_nearest(request) else "ai_k_depthwise_plain_s8"

        def multiply(at: Any, constants: list[tirx.Buffer], to: Any) -> None:
            k.call(function, at, *map(address, constants), to)

        patch = k.scratch("patch_values", taps * s.channels, "int8") if s.padded else None
        with k.loop("n", s.batch) as n, k.loop("oy", s.out_height) as oy, k.loop("ox", s.out_width) as ox:
            row, column = oy * s.stride[0] - s.padding[0], ox * s.stride[1] - s.padding[1]
            to = address(y, ((n * s.out_height + oy) * s.out_width + ox) * s.channels, write=True)
            at = address(x, n * image + (row * s.width + column) * s.channels)
            if patch is None:
                multiply(at, constants, to)
            else:
                with k.choose(tirx.all(*_reaches(request, row, column))) as (inside, outside):
                    with inside:
                        multiply(at, constants, to)
                    with outside:
                        start = (address(patch, write=True), address(x, n * image), address(edges))
                        k.call("ai_k_patch_plain_s8", *start, row, column)
                        multiply(address(patch), [whole, weights, channels], to)
    return k.kernel()


def _channels(request: KernelRequest) -> NDArray[np.int32]:
    weights, bias = request.constant(1), request.constant(2)
    folded = folded_bias(bias, weights.reshape(len(bias), -1), request.integer("input_zero_point"))
    return np.stack([folded, *scale_words(request)], axis=1).ravel()


def _window(request: KernelRequest, steps: tuple[int, int]) -> NDArray[np.int32]:
    """An ai_k_plain_depthwise."""
    s = geometry(request)
    bounds = [request.integer(name) for name in ("output_zero_point", "low", "high")]
    return np.array([*s.kernel, *steps, s.channels, *bounds], np.int32)


def _patch(request: KernelRequest) -> NDArray[np.int32]:
    s = geometry(request)
    zero = request.integer("input_zero_point")
    return np.array([s.height, s.width, s.channels, s.channels, *s.kernel, *s.dilation, zero], np.int32)


def _reaches(request: KernelRequest, row: Any, column: Any) -> list[Any]:
    """Conditions for a window to lie inside the image; the ones that always hold are left out."""
    s = geometry(request)
    top, left, bottom, right = s.padding
    last_row = s.height - 1 - (s.kernel[0] - 1) * s.dilation[0]
    last_column = s.width - 1 - (s.kernel[1] - 1) * s.dilation[1]
    pairs = ((top, row >= 0), (bottom, row <= last_row), (left, column >= 0), (right, column <= last_column))
    return [condition for needed, condition in pairs if needed]
