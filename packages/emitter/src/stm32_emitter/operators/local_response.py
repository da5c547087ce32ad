# SPDX-License-Identifier: Apache-2.0
"""LOCAL_RESPONSE_NORMALIZATION of float32: y = x * (bias + alpha * s)^-beta, s the sum of squares.

Of the channels c - radius to c + radius - 1: the reference leaves out the last one.
"""

from __future__ import annotations

from typing import ClassVar

from tvm import tirx

from stm32_emitter.operators.base import KernelRequest, MadeOperator
from stm32_emitter.operators.float_group import number
from stm32_emitter.tir.builder import Kernel, KernelBuilder, expression


class LocalResponseNormalization(MadeOperator):
    """Input: x float32 [..., C]; attributes: radius, bias, alpha, beta."""

    kind: ClassVar[str] = "LOCAL_RESPONSE_NORMALIZATION"

    def kernel(self, request: KernelRequest) -> Kernel:
        """y of x's shape."""
        spec = request.output
        depth = spec.shape[-1]
        radius = min(request.integer("radius"), depth)
        bias, alpha, beta = (number(float(request.attributes[name])) for name in ("bias", "alpha", "beta"))
        with KernelBuilder("local_response_normalization") as k:
            x, y = k.input("x", (spec.elements,), "float32"), k.output("y", (spec.elements,), "float32")
            total = k.local("total", "float32")
            with k.loop("n", spec.elements // depth) as n, k.loop("c", depth) as c:
                k.store(total, [0], number(0.0))
                with k.loop("j", 2 * radius) as j:
                    near = c + j - radius
                    with k.when(tirx.all(near >= 0, near < depth)):
                        value = x[n * depth + near]
                        k.store(total, [0], total[0] + value * value)
                power = expression("powf", bias + alpha * total[0], number(0.0) - beta, dtype="float32")
                k.store(y, [n * depth + c], x[n * depth + c] * power)
        return k.kernel()
