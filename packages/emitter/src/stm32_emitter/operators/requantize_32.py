# SPDX-License-Identifier: Apache-2.0
"""QUANTIZE from a tensor of int16 to one of int32.

Arithmetic: requantize(x - zero point, input scale / output scale) with two roundings, plus the output's zero point.
Relax has no quantize to int32, so the frontend makes this operator.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from stm32_emitter.operators.base import KernelRequest, MadeOperator
from stm32_emitter.operators.gemmlowp import requantize
from stm32_emitter.tir.builder import Kernel, KernelBuilder, expression


class Requantize32(MadeOperator):
    """Attributes: multiplier, shift, input_zero_point, output_zero_point."""

    kind: ClassVar[str] = "REQUANTIZE_32"

    def kernel(self, request: KernelRequest) -> Kernel:
        """x int16 -> y int32 of the same shape."""
        x = request.inputs[0]
        scaling = [request.integer(name) for name in ("multiplier", "shift")]
        offset, zero_point = request.integer("output_zero_point"), request.integer("input_zero_point")
        with KernelBuilder("requantize_32") as k:
            if x.value is not None:
                values = requantize(x.value.astype(np.int64).ravel() - zero_point, *scaling) + offset
                made = k.constant("values", values.astype(np.int32))
                y = k.output("y", (x.elements,), "int32")
                with k.loop("i", x.elements) as i:
                    k.store(y, [i], made[i])
            else:
                source = k.input("x", (x.elements,), x.dtype)
                y = k.output("y", (x.elements,), "int32")
                with k.loop("i", x.elements, backward=request.grows) as i:
                    centred = source[i].astype("int32") - zero_point
                    k.store(y, [i], expression("ai_k_requantize", centred, *scaling) + offset)
        return k.kernel()
