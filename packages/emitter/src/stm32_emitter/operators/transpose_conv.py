# SPDX-License-Identifier: Apache-2.0
"""TRANSPOSE_CONV: each input pixel is spread over a window of outputs.

Arithmetic, established against the reference interpreter: that of CONV_2D (``convolution.py``) for int8, uint8 and
int16, whatever the order in which products are added; outputs that no product reaches get the bias.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from tvm import relax, tirx

from stm32_emitter.operators import convolution_wide, transpose_conv_d8
from stm32_emitter.operators.base import Fused, KernelRequest, OperatorDefinition
from stm32_emitter.operators.conv_2d import PIXELS, Conv2D, GeneralNest, packed_groups
from stm32_emitter.operators.convolution import fused, match_quantized_convolution
from stm32_emitter.operators.nearest import is_nearest
from stm32_emitter.operators.packing import folded_bias, padded_depth
from stm32_emitter.operators.schedule import Schedule
from stm32_emitter.operators.scope import Scope
from stm32_emitter.operators.transposed import Phase, as_convolution, phases
from stm32_emitter.tir.builder import Kernel, KernelBuilder

_CONVOLUTION = Conv2D()


class TransposeConv(OperatorDefinition):
    """Its phases, one after the other, as convolutions (``transposed.py``)."""

    kind: ClassVar[str] = "TRANSPOSE_CONV"
    roots: ClassVar[tuple[str, ...]] = ("quantize",)

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """quantize(act(conv2d_transpose(dequantize(x), dequantize(w)) + bias)), NHWC, without groups or dilation."""
        parts = match_quantized_convolution(scope, root, "nn.conv2d_transpose")
        if parts is None or parts.groups != 1 or any(int(d) != 1 for d in parts.call.attrs.dilation):
            return None
        return fused(self.kind, parts, root)

    def schedules(self, request: KernelRequest) -> Sequence[Schedule]:
        """With stride 1 those of CONV_2D; else two weights in a halfword where that is exact, and one for any layer."""
        same = as_convolution(request)
        if same is not None:
            return _CONVOLUTION.schedules(same)
        products = request.inputs[0].elements * request.inputs[1].elements / request.inputs[0].shape[3]
        if convolution_wide.is_wide(request) or is_nearest(request):
            cycles = products * 7.0 + request.output.elements * 40.0
            wide = Schedule("wide", lambda: _wide(request), "phases, one output at a time, 16 bits", cycles)
            return (*([] if convolution_wide.is_wide(request) else transpose_conv_d8.schedules(request)), wide)
        depth = max(padded_depth(phase.weights[0].size) for phase in phases(request))
        general = Schedule(
            "general", lambda: self.kernel(request), "phases, 4 channels x 2 pixels, any scaling and bounds",
            cycles=products * 2.3 + request.output.elements * 90.0, scratch=4 * depth,
            constants=request.inputs[1].elements, code=900,
        )  # fmt: skip
        return [*transpose_conv_d8.schedules(request), general]

    def kernel(self, request: KernelRequest) -> Kernel:
        """x int8 [N,H,W,Cin] -> y int8 [N,OH,OW,Cout]; scratch: 2 patches of int16."""
        _, bias, multipliers, shifts = (request.constant(i) for i in range(1, 5))
        zero_point, parts = request.integer("input_zero_point"), phases(request)
        matrices = [part.weights.reshape(len(bias), -1) for part in parts]
        products = sum(part.sizes.batch * part.sizes.pixels * part.weights.size for part in parts)
        with KernelBuilder("transpose_conv", products) as k:
            x = k.input("x", (request.inputs[0].elements,), "int8")
            weights = [k.constant("weights", packed_groups(matrix, 1)) for matrix in matrices]
            biases = [k.constant("bias", folded_bias(bias, matrix, zero_point)) for matrix in matrices]
            scaling = [k.constant("multiplier", multipliers), k.constant("shift", shifts)]
            y = k.output("y", (request.output.elements,), "int8")
            depths = [matrix.shape[1] for matrix in matrices]
            columns = k.scratch("columns", PIXELS * padded_depth(max(depths)), "int16")
            for part, w, b, depth in zip(parts, weights, biases, depths, strict=True):
                _Nest(k, request, part, depth, x, y, columns).emit(w, b, *scaling)
        return k.kernel()


def _wide(request: KernelRequest) -> Kernel:
    parts = [convolution_wide.Part(part.sizes, part.weights, part.place) for part in phases(request)]
    return convolution_wide.kernel_of_parts(request, parts)


class _Nest(GeneralNest):
    """The pixels of one phase, which lie apart in y."""

    def __init__(
        self, k: KernelBuilder, request: KernelRequest, part: Phase, depth: int,
        x: tirx.Buffer, y: tirx.Buffer, columns: tirx.Buffer,
    ) -> None:  # fmt: skip
        super().__init__(k, request, part.sizes, depth, x, y, columns)
        self.part = part
        self.pixels = int(np.prod(request.output.shape[1:3]))

    def place(self, n: Any, pixel: Any) -> Any:
        """See :meth:`Phase.place`."""
        width = self.sizes.out_width
        return (n * self.pixels + self.part.place(pixel // width, pixel % width)) * self.sizes.out_channels

    def step(self, first: Any) -> Any:
        """From one pixel to the next, which may be in another row."""
        right = self.part.stride[1] * self.sizes.out_channels
        if self.sizes.out_width % PIXELS == 0:
            return right
        return self.place(0, first + 1) - self.place(0, first)
