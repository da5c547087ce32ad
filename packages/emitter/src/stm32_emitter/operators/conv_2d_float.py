# SPDX-License-Identifier: Apache-2.0
"""CONV_2D in float32, grouped convolution included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from tvm import relax

from stm32_emitter.operators.base import Fused, KernelRequest, OperatorDefinition
from stm32_emitter.operators.convolution import Geometry, geometry
from stm32_emitter.operators.convolution_float import (
    ROOTS,
    block_cycles,
    interleaved,
    layer_words,
    match_float_convolution,
)
from stm32_emitter.operators.float_group import clamp_output
from stm32_emitter.operators.schedule import Schedule
from stm32_emitter.operators.scope import Scope
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

_STRIP = 16
"""Pixels of one call where the image's rows do not matter."""


class Conv2DFloat(OperatorDefinition):
    """Windows are read where they lie: row by row, clipped to the image, without a copy."""

    kind: ClassVar[str] = "CONV_2D_F32"
    roots: ClassVar[tuple[str, ...]] = ROOTS

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """act(conv2d(x, constant weights) + bias), NHWC."""
        return match_float_convolution(scope, root, self.kind, depthwise=False)

    def schedules(self, request: KernelRequest) -> Sequence[Schedule]:
        """One: 4 output channels x 4 pixels in registers."""
        sizes, depth = geometry(request), request.constant(1)[0].size
        cycles = block_cycles(depth, sizes.out_channels, sizes.batch * sizes.pixels)
        constants = request.constant(1).nbytes + request.constant(2).nbytes
        text = "float32, 4 channels x 4 pixels in registers, weights interleaved by 4 channels, windows read in place"
        return (Schedule("f32-4x4", lambda: self.kernel(request), text, cycles, constants=constants),)

    def kernel(self, request: KernelRequest) -> Kernel:
        """x float32 [N,H,W,Cin] -> y float32 [N,OH,OW,Cout]."""
        sizes = _flattened(geometry(request))
        weights = request.constant(1).reshape(sizes.out_channels, -1)
        outputs, depth = sizes.out_channels // sizes.groups, sizes.channels // sizes.groups
        packed = np.concatenate([interleaved(part) for part in np.split(weights, sizes.groups)])
        with KernelBuilder("conv_2d", weights.size * sizes.batch * sizes.pixels) as k:
            x = k.input("x", (request.inputs[0].elements,), "float32")
            w, b = k.constant("weights", packed), k.constant("bias", request.constant(2))
            layer = k.constant("layer", layer_words(request, sizes, depth, outputs))
            y = k.output("y", (request.output.elements,), "float32")
            with k.loop("n", sizes.batch) as n, k.loop("group", sizes.groups) as group:
                image = n * (sizes.height * sizes.width * sizes.channels) + group * depth
                part = address(w, group * (packed.size // sizes.groups)), address(b, group * outputs)
                for row, column, count, start in _strips(k, sizes):
                    at = (n * sizes.pixels + start) * sizes.out_channels + group * outputs
                    k.call(
                        "ai_k_conv_f32", address(x, image), *part, address(y, at, write=True), address(layer),
                        row, column, count,
                    )  # fmt: skip
            clamp_output(k, request, y)
        return k.kernel()


def _flattened(sizes: Geometry) -> Geometry:
    """A convolution that looks at one pixel at a time sees all images as one row."""
    if sizes.kernel != (1, 1) or sizes.stride != (1, 1) or sizes.padded:
        return sizes
    pixels = sizes.batch * sizes.pixels
    return replace(sizes, batch=1, height=1, width=pixels, out_height=1, out_width=pixels)


def _strips(k: KernelBuilder, sizes: Geometry) -> Iterator[tuple[Any, Any, int, Any]]:
    """Loops over runs of neighbouring output pixels.

    Yields:
        (row and column of the first window in the image, pixels, the first pixel's number), inside the loop.
    """
    if sizes.out_height > 1 or sizes.padded:
        with k.loop("v", sizes.out_height) as v:
            row = v * sizes.stride[0] - sizes.padding[0]
            yield row, -sizes.padding[1], sizes.out_width, v * sizes.out_width
        return
    strips, left = divmod(sizes.out_width, _STRIP)
    if strips:
        with k.loop("strip", strips) as strip:
            yield 0, strip * (_STRIP * sizes.stride[1]), _STRIP, strip * _STRIP
    if left:
        first = strips * _STRIP
        yield 0, first * sizes.stride[1], left, first
