# SPDX-License-Identifier: Apache-2.0
"""TRANSPOSE_CONV with weights of int8 and activations of float32: the phases of ``transposed.py``.

The reference interpreter quantizes each image with a zero point and adds up float32 products one by one; a sum of
integers that is scaled once (:mod:`.hybrid`) is nearer to the real numbers and differs in rounding only.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from tvm import tirx

from stm32_emitter.operators.base import KernelRequest, MadeOperator
from stm32_emitter.operators.conv_2d_hybrid import PixelNest, Window, of_weights
from stm32_emitter.operators.float_group import clamp_output
from stm32_emitter.operators.hybrid import NUMBERS, Rows, finish_of
from stm32_emitter.operators.transposed import Phase, phases
from stm32_emitter.tir.builder import Kernel, KernelBuilder


class TransposeConvHybrid(MadeOperator):
    """Inputs: int8 [N,H,W,Cin], its numbers [N, 2], weights [Cout,KH,KW,Cin], scales [Cout] or [1], bias [Cout].

    The result is float32 [N,OH,OW,Cout].
    """

    kind: ClassVar[str] = "TRANSPOSE_CONV_HYBRID"

    def kernel(self, request: KernelRequest) -> Kernel:
        """Phase by phase and pixel by pixel, four channels at a time."""
        parts, batch, outputs = phases(of_weights(request)), request.output.shape[0], request.output.shape[3]
        matrices = [part.weights.reshape(outputs, -1) for part in parts]
        products = sum(batch * part.sizes.pixels * part.weights.size for part in parts)
        with KernelBuilder("transpose_conv", products) as k:
            x = k.input("x", (request.inputs[0].elements,), "int8")
            numbers = k.input("scaling", (batch * NUMBERS,), "float32")
            finish = finish_of(k, request)
            rows = [Rows(k, finish, [matrix]) for matrix in matrices]
            windows = [Window.of(k, part.sizes) for part in parts]
            y = k.output("y", (request.output.elements,), "float32")
            depth = max((r.depth for r, w in zip(rows, windows, strict=True) if not w.contiguous), default=0)
            patch = k.scratch("window", depth, "int8") if depth else None
            for part, matrix, window in zip(parts, rows, windows, strict=True):
                nest = _PhaseNest(
                    k, window, matrix, x, numbers, y, patch, part, int(np.prod(request.output.shape[1:3]))
                )
                with k.loop("n", batch) as n, k.loop("pixel", part.sizes.pixels) as pixel:
                    nest.pixel(n, pixel)
            clamp_output(k, request, y)
        return k.kernel()


class _PhaseNest(PixelNest):
    """A pixel of one phase; y has ``pixels`` in each image."""

    def __init__(
        self, k: KernelBuilder, window: Window, rows: Rows, x: tirx.Buffer, numbers: tirx.Buffer, y: tirx.Buffer,
        patch: tirx.Buffer | None, part: Phase, pixels: int,
    ) -> None:  # fmt: skip
        super().__init__(k, window, rows, x, numbers, y, patch)
        self.part, self.pixels = part, pixels

    def place(self, n: Any, pixel: Any) -> Any:
        """See :meth:`Phase.place`."""
        width = self.sizes.out_width
        return n * self.pixels + self.part.place(pixel // width, pixel % width)
