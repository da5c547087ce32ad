# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D with any depth multiplier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.operators import (
    convolution_wide,
    depthwise_plain,
    depthwise_planes,
    depthwise_row,
    depthwise_taps,
    depthwise_window,
)
from stm32_emitter.operators.base import Fused, KernelRequest, OperatorDefinition
from stm32_emitter.operators.convolution import Geometry, fused, geometry, match_quantized_convolution
from stm32_emitter.operators.depthwise_scaling import clamp
from stm32_emitter.operators.nearest import is_nearest
from stm32_emitter.operators.schedule import Schedule
from stm32_emitter.operators.scope import Scope
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address


class DepthwiseConv2D(OperatorDefinition):
    """Each output channel reads one input channel; rows and columns outside the input are skipped."""

    kind: ClassVar[str] = "DEPTHWISE_CONV_2D"
    roots: ClassVar[tuple[str, ...]] = ("quantize",)

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """A quantized convolution with as many groups as input channels, more than one: with one it is a CONV_2D."""
        parts = match_quantized_convolution(scope, root)
        if parts is None or parts.groups == 1 or parts.groups != parts.x.shape[3] or parts.weights.shape[3] != 1:
            return None
        return fused(self.kind, parts, root)

    def kernel(self, request: KernelRequest) -> Kernel:
        """x int8 [N,H,W,C] -> y int8 [N,OH,OW,C*M]: the preferred schedule."""
        return self.schedules(request)[0].build()

    def schedules(self, request: KernelRequest) -> Sequence[Schedule]:
        """Those that are exact for this layer: rows-3x3, planes-3x3, row-1d, taps from 4 channels on, pixel for all.

        Without DSP instructions the plain C form alone, where it takes the layer.
        """
        if convolution_wide.is_wide(request):
            narrow = request.inputs[0].dtype == "int8" and depthwise_taps.fits(request)
            wide = convolution_wide.wide_schedule(request)
            return (depthwise_taps.schedule(request), wide) if narrow else (wide,)
        plain = depthwise_plain.schedules(request)
        if plain and not request.target.dsp:
            return plain
        offered = []
        if depthwise_window.fits(request):
            offered += depthwise_window.schedules(request)
            if request.target.dsp and depthwise_planes.fits(request):
                offered.append(depthwise_planes.schedule(request))
        if request.target.dsp:  # its C form is behind that of taps
            offered += depthwise_row.schedules(request)
        if depthwise_taps.fits(request):
            taps = depthwise_taps.schedule(request)
            # Beside rows-3x3, which most such layers of a model take, it is not worth its code.
            beside = bool(offered) and offered[0].name == depthwise_window.NAME
            offered.append(replace(taps, goals=taps.goals - {"balanced"}) if beside else taps)
        if is_nearest(request):
            return (*offered, *(plain or [convolution_wide.wide_schedule(request)]))
        return (*offered, _pixel_schedule(request))


def _pixel_schedule(request: KernelRequest) -> Schedule:
    sizes = geometry(request)
    outputs = sizes.batch * sizes.pixels * sizes.out_channels
    return Schedule(
        "pixel",
        lambda: pixel_kernel(request),
        "one output at a time, from NHWC",
        cycles=outputs * (60.0 + 16.0 * sizes.kernel[0] * sizes.kernel[1]),
        constants=request.inputs[1].elements + 9 * sizes.out_channels + 40,
        code=_PIXEL_CODE,
        goals=frozenset(("speed", "balanced", "ram")),
    )


_PIXEL_CODE = 500
"""Bytes of ai_k_depthwise_pixel_s8 on a Cortex-M4."""


def pixel_kernel(request: KernelRequest) -> Kernel:
    """Any layer: all channels of an output pixel at a time (ai_k_depthwise_pixel_s8); weights are [KH,KW,C*M]."""
    s, constants, fields = pixel_constants(request)
    macs = s.batch * s.pixels * s.out_channels * s.kernel[0] * s.kernel[1]
    with KernelBuilder("depthwise_conv_2d", macs) as k:
        x = k.input("x", (request.inputs[0].elements,), "int8")
        buffers = [k.constant(name, value) for name, value in constants.items()]
        sizes = k.constant("sizes", fields)
        y = k.output("y", (request.output.elements,), "int8")
        backward = request.grows
        with (
            k.loop("n", s.batch, backward=backward) as n,
            k.loop("oy", s.out_height, backward=backward) as oy,
            k.loop("ox", s.out_width, backward=backward) as ox,
        ):
            pixel = (n * s.out_height + oy) * s.out_width + ox
            k.call(
                "ai_k_depthwise_pixel_s8", address(x, n * (s.height * s.width * s.channels)),
                *(address(buffer) for buffer in buffers), address(y, pixel * s.out_channels, write=True),
                address(sizes), oy * s.stride[0] - s.padding[0], ox * s.stride[1] - s.padding[1],
            )  # fmt: skip
        clamp(k, request, y)
    return k.kernel()


def pixel_constants(request: KernelRequest) -> tuple[Geometry, dict[str, NDArray[Any]], NDArray[np.int32]]:
    """What ai_k_depthwise_pixel_s8 reads: (geometry, weights, bias, multiplier and shift, ai_k_depthwise_sizes)."""
    s = geometry(request)
    weights, bias, multipliers, shifts = (request.constant(i) for i in range(1, 5))
    order = np.ascontiguousarray(weights[..., 0].transpose(1, 2, 0))
    arrays = {"weights": order.ravel(), "bias": bias, "multiplier": multipliers, "shift": shifts}
    return s, arrays, _sizes(request, s)


def _sizes(request: KernelRequest, s: Geometry) -> NDArray[np.int32]:
    """The fields of ai_k_depthwise_sizes."""
    zero_points = (request.integer("input_zero_point"), request.integer("output_zero_point"))
    fields = (s.height, s.width, s.channels, *s.kernel, *s.dilation, s.out_channels // s.channels, *zero_points)
    return np.array(fields, np.int32)
