# SPDX-License-Identifier: Apache-2.0
"""AVERAGE_POOL_2D and MAX_POOL_2D in float32; averages count the elements inside the image only."""

from __future__ import annotations

from typing import ClassVar

from tvm import relax

from stm32_emitter.operators.base import Attribute, Fused, KernelRequest, OperatorDefinition
from stm32_emitter.operators.float_group import bounds_of, float_group, number
from stm32_emitter.operators.pooling import clipped, supported
from stm32_emitter.operators.scope import Scope, integers, shape_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

_LANES = 4
"""Channels that a micro-kernel takes together; with fewer, a call for each window costs more than the window."""


class AveragePool2DFloat(OperatorDefinition):
    """All channels of one window in a call."""

    kind: ClassVar[str] = "AVERAGE_POOL_2D_F32"
    roots: ClassVar[tuple[str, ...]] = ("nn.avg_pool2d", "nn.relu", "clip")
    operator: ClassVar[str] = "nn.avg_pool2d"
    function: ClassVar[str] = "average_pool"

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """act(pool(x)), NHWC."""
        group = float_group(scope, root, self.operator)
        if group is None or not supported(group.call) or shape_of(root)[-1] < _LANES:
            return None
        attrs = group.call.attrs
        attributes: dict[str, Attribute] = {
            "window": integers(attrs.pool_size),
            "strides": integers(attrs.strides),
            "padding": integers(attrs.padding),
            **group.bounds,
        }
        return Fused(self.kind, (group.call.args[0],), shape_of(root), "float32", attributes)

    def kernel(self, request: KernelRequest) -> Kernel:
        """x float32 [N,H,W,C] -> y float32 [N,OH,OW,C]."""
        batch, height, width, channels = request.inputs[0].shape
        _, out_height, out_width, _ = request.output.shape
        window, stride, padding = (request.integers(key) for key in ("window", "strides", "padding"))
        low, high = bounds_of(request)
        with KernelBuilder(f"{self.function}_2d") as k:
            x = k.input("x", (request.inputs[0].elements,), "float32")
            y = k.output("y", (request.output.elements,), "float32")
            with k.loop("n", batch) as n, k.loop("v", out_height) as v, k.loop("u", out_width) as u:
                top, rows = clipped(v, height, out_height, window[0], stride[0], padding[0])
                left, columns = clipped(u, width, out_width, window[1], stride[1], padding[1])
                k.call(
                    f"ai_k_{self.function}_f32", address(x, ((n * height + top) * width + left) * channels),
                    address(y, ((n * out_height + v) * out_width + u) * channels, write=True),
                    rows, columns, width * channels, channels, number(low), number(high),
                )  # fmt: skip
        return k.kernel()


class MaxPool2DFloat(AveragePool2DFloat):
    """All channels of one window in a call."""

    kind: ClassVar[str] = "MAX_POOL_2D_F32"
    roots: ClassVar[tuple[str, ...]] = ("nn.max_pool2d", "nn.relu", "clip")
    operator: ClassVar[str] = "nn.max_pool2d"
    function: ClassVar[str] = "max_pool"
