# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D with weights of int8 and activations of float32; see :mod:`.hybrid`."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from stm32_emitter.operators.base import KernelRequest, MadeOperator
from stm32_emitter.operators.conv_2d_hybrid import of_weights
from stm32_emitter.operators.convolution import geometry
from stm32_emitter.operators.float_group import clamp_output
from stm32_emitter.operators.hybrid import NUMBERS, layer_kind
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address


class DepthwiseConv2DHybrid(MadeOperator):
    """Inputs: int8 [N,H,W,C], its numbers [N, 2], weights [1,KH,KW,C*M], scales [C*M], bias [C*M].

    The result is float32 [N,OH,OW,C*M].
    """

    kind: ClassVar[str] = "DEPTHWISE_CONV_2D_HYBRID"

    def kernel(self, request: KernelRequest) -> Kernel:
        """Pixel by pixel, four channels at a time where each has one output."""
        weights, scales, bias = (request.constant(i) for i in (2, 3, 4))
        sizes = geometry(of_weights(request))
        words = (
            sizes.height, sizes.width, sizes.channels, sizes.out_channels // sizes.channels, *sizes.kernel,
            *sizes.dilation, layer_kind(request, scales),
        )  # fmt: skip
        with KernelBuilder("depthwise_conv_2d", weights.size * sizes.batch * sizes.pixels) as k:
            x = k.input("x", (request.inputs[0].elements,), "int8")
            numbers = k.input("scaling", (sizes.batch * NUMBERS,), "float32")
            w, s, b = k.constant("weights", weights.ravel()), k.constant("scales", scales), k.constant("bias", bias)
            layer = k.constant("layer", np.array(words, np.int32))
            y = k.output("y", (request.output.elements,), "float32")
            image = sizes.height * sizes.width * sizes.channels
            images = k.loop("n", sizes.batch, backward=request.grows)
            with images as n, k.loop("pixel", sizes.pixels, backward=request.grows) as pixel:
                row = pixel // sizes.out_width * sizes.stride[0] - sizes.padding[0]
                column = pixel % sizes.out_width * sizes.stride[1] - sizes.padding[1]
                k.call(
                    "ai_k_depthwise_hybrid_s8", address(x, n * image), address(numbers, n * NUMBERS), address(w),
                    address(s), address(b), address(y, (n * sizes.pixels + pixel) * sizes.out_channels, write=True),
                    address(layer), row, column,
                )  # fmt: skip
            clamp_output(k, request, y)
        return k.kernel()
