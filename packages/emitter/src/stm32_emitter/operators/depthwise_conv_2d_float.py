# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D in float32."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from tvm import relax

from stm32_emitter.operators.base import Fused, KernelRequest, OperatorDefinition
from stm32_emitter.operators.convolution import geometry
from stm32_emitter.operators.convolution_float import ROOTS, layer_words, match_float_convolution
from stm32_emitter.operators.float_group import clamp_output
from stm32_emitter.operators.schedule import Schedule
from stm32_emitter.operators.scope import Scope
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

_CYCLES = 4.6
"""Of a product, in blocks of 4 channels x 4 pixels."""
_START = 12
"""Cycles of an output for starting and storing its block."""


class DepthwiseConv2DFloat(OperatorDefinition):
    """Windows are read where they lie, weights keep TFLite's order."""

    kind: ClassVar[str] = "DEPTHWISE_CONV_2D_F32"
    roots: ClassVar[tuple[str, ...]] = ROOTS

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """act(conv2d(x, constant weights) + bias) with one input channel in each group, NHWC."""
        return match_float_convolution(scope, root, self.kind, depthwise=True)

    def schedules(self, request: KernelRequest) -> Sequence[Schedule]:
        """One: 4 channels x 4 pixels in registers."""
        taps = request.constant(1)[0].size
        cycles = request.output.elements * (taps * _CYCLES + _START)
        constants = request.constant(1).nbytes + request.constant(2).nbytes
        text = "float32, 4 channels x 4 pixels in registers, windows read in place"
        return (Schedule("f32-4x4", lambda: self.kernel(request), text, cycles, constants=constants),)

    def kernel(self, request: KernelRequest) -> Kernel:
        """x float32 [N,H,W,C] -> y float32 [N,OH,OW,C*M]."""
        sizes, weights = geometry(request), request.constant(1)
        channel_last = np.ascontiguousarray(weights[..., 0].transpose(1, 2, 0)).ravel()
        layer = layer_words(request, sizes, sizes.channels, sizes.out_channels)
        with KernelBuilder("depthwise_conv_2d", weights[0].size * request.output.elements) as k:
            x = k.input("x", (request.inputs[0].elements,), "float32")
            w, b = k.constant("weights", channel_last), k.constant("bias", request.constant(2))
            words = k.constant("layer", layer)
            y = k.output("y", (request.output.elements,), "float32")
            with k.loop("n", sizes.batch) as n, k.loop("v", sizes.out_height) as v:
                row = v * sizes.stride[0] - sizes.padding[0]
                at = (n * sizes.out_height + v) * (sizes.out_width * sizes.out_channels)
                k.call(
                    "ai_k_depthwise_f32", address(x, n * (sizes.height * sizes.width * sizes.channels)), address(w),
                    address(b), address(y, at, write=True), address(words), row, -sizes.padding[1], sizes.out_width,
                )  # fmt: skip
            clamp_output(k, request, y)
        return k.kernel()
