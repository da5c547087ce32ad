# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D with any depth multiplier."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from tvm import relax, tirx

from stm32_emitter.operators.base import Fused, KernelRequest, OperatorDefinition
from stm32_emitter.operators.convolution import Geometry, fused, geometry, match_quantized_convolution
from stm32_emitter.operators.depthwise_window import window_kernel
from stm32_emitter.operators.scope import Scope
from stm32_emitter.tir.builder import Kernel, KernelBuilder, expression


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
        """x int8 [N,H,W,C] -> y int8 [N,OH,OW,C*M]; weights are stored [KH,KW,C*M]."""
        windows = window_kernel(request)
        if windows is not None:
            return windows
        s = geometry(request)
        weights, bias, multipliers, shifts = (request.constant(i) for i in range(1, 5))
        order = np.ascontiguousarray(weights[..., 0].transpose(1, 2, 0))
        macs = s.batch * s.pixels * s.out_channels * s.kernel[0] * s.kernel[1]
        with KernelBuilder("depthwise_conv_2d", macs) as k:
            x = k.input("x", request.inputs[0].shape, "int8")
            w = k.constant("weights", order)
            b, m, e = (k.constant(n, v) for n, v in (("bias", bias), ("multiplier", multipliers), ("shift", shifts)))
            y = k.output("y", request.output.shape, "int8")
            with (
                k.loop("n", s.batch) as n, k.loop("oy", s.out_height) as oy, k.loop("ox", s.out_width) as ox,
                k.loop("c", s.out_channels) as c,
            ):  # fmt: skip
                acc = k.local("acc", "int32")
                k.store(acc, [0], b[c])
                _accumulate(k, request, s, (n, oy, ox, c), x, w, acc)
                scaled = expression("ai_k_requantize", acc[0], m[c], e[c].astype("int32"))
                value = scaled + request.integer("output_zero_point")
                clamped = expression("ai_k_clamp", value, request.integer("low"), request.integer("high"))
                k.store(y, [n, oy, ox, c], clamped.astype("int8"))
        return k.kernel()


def _accumulate(
    k: KernelBuilder, request: KernelRequest, s: Geometry, at: tuple[Any, Any, Any, Any],
    x: tirx.Buffer, w: tirx.Buffer, acc: tirx.Buffer,
) -> None:  # fmt: skip
    n, oy, ox, c = at
    row0 = oy * s.stride[0] - s.padding[0]
    column0 = ox * s.stride[1] - s.padding[1]
    zero = request.integer("input_zero_point")
    source = c // (s.out_channels // s.channels)
    with k.loop("ky", s.kernel[0]) as ky, k.loop("kx", s.kernel[1]) as kx:
        row, column = row0 + ky * s.dilation[0], column0 + kx * s.dilation[1]

        def tap() -> None:
            product = (x[n, row, column, source].astype("int32") - zero) * w[ky, kx, c].astype("int32")
            k.store(acc, [0], acc[0] + product)

        if not s.padded:
            tap()
            return
        with k.when(tirx.all(row >= 0, row < s.height, column >= 0, column < s.width)):
            tap()
