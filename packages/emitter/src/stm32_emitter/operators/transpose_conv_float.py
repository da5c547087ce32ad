# SPDX-License-Identifier: Apache-2.0
"""TRANSPOSE_CONV in float32: the phases of ``transposed.py`` as rows of float convolutions whose outputs lie apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tvm import relax

from stm32_emitter.operators.base import Fused, KernelRequest, OperatorDefinition
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
from stm32_emitter.operators.transposed import phases
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

_PIXEL_STEP = 9
"""Word of a layer: floats from an output pixel to the next (ai_k_window_f32.h)."""


class TransposeConvFloat(OperatorDefinition):
    """4 output channels x 4 pixels in registers."""

    kind: ClassVar[str] = "TRANSPOSE_CONV_F32"
    roots: ClassVar[tuple[str, ...]] = ("nn.conv2d_transpose", *ROOTS[1:])

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """act(conv2d_transpose(x, constant weights) + bias), NHWC, without groups or dilation."""
        found = match_float_convolution(scope, root, self.kind, depthwise=False, operator="nn.conv2d_transpose")
        if found is None or found.attributes["groups"] != 1 or found.attributes["dilation"] != [1, 1]:
            return None
        return found

    def schedules(self, request: KernelRequest) -> Sequence[Schedule]:
        """One."""
        cycles = sum(
            block_cycles(part.weights[0].size, part.sizes.out_channels, part.sizes.batch * part.sizes.pixels)
            for part in phases(request)
        )
        text = "float32, phases, 4 channels x 4 pixels in registers, windows read in place"
        constants = request.constant(1).nbytes + request.constant(2).nbytes
        return (Schedule("f32-4x4", lambda: self.kernel(request), text, cycles, constants=constants),)

    def kernel(self, request: KernelRequest) -> Kernel:
        """x float32 [N,H,W,Cin] -> y float32 [N,OH,OW,Cout]."""
        _, height, width, channels = request.output.shape
        image, parts = request.inputs[0].elements // request.output.shape[0], phases(request)
        depth = request.inputs[0].shape[3]
        with KernelBuilder("transpose_conv", request.inputs[0].elements * request.inputs[1].elements // depth) as k:
            x = k.input("x", (request.inputs[0].elements,), "float32")
            matrices = [k.constant("weights", interleaved(part.weights.reshape(channels, -1))) for part in parts]
            bias = k.constant("bias", request.constant(2))
            layers = []
            for part in parts:
                words = layer_words(request, part.sizes, depth, channels)
                words[_PIXEL_STEP] = part.stride[1] * channels
                layers.append(k.constant("layer", words))
            y = k.output("y", (request.output.elements,), "float32")
            for part, matrix, layer in zip(parts, matrices, layers, strict=True):
                with k.loop("n", part.sizes.batch) as n, k.loop("v", part.sizes.out_height) as v:
                    at = (n * (height * width) + part.place(v, 0)) * channels
                    k.call(
                        "ai_k_conv_f32", address(x, n * image), address(matrix), address(bias),
                        address(y, at, write=True), address(layer), v - part.sizes.padding[0], -part.sizes.padding[1],
                        part.sizes.out_width,
                    )  # fmt: skip
            clamp_output(k, request, y)
        return k.kernel()
