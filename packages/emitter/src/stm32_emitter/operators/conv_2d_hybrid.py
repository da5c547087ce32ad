# SPDX-License-Identifier: Apache-2.0
"""CONV_2D with weights of int8 and activations of float32, grouped convolution included; see :mod:`.hybrid`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from tvm import tirx

from stm32_emitter.operators.base import KernelRequest, MadeOperator
from stm32_emitter.operators.convolution import Geometry, geometry
from stm32_emitter.operators.float_group import clamp_output
from stm32_emitter.operators.hybrid import NUMBERS, Rows, finish_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address


class Conv2DHybrid(MadeOperator):
    """Inputs: int8 [N,H,W,Cin], its numbers [N, 2], weights [Cout,KH,KW,Cin/groups], scales [Cout] or [1], bias [Cout].

    The result is float32 [N,OH,OW,Cout].
    """

    kind: ClassVar[str] = "CONV_2D_HYBRID"

    def kernel(self, request: KernelRequest) -> Kernel:
        """Pixel by pixel, four channels at a time; a window that is not contiguous is copied first."""
        sizes = geometry(of_weights(request))
        with KernelBuilder("conv_2d", request.constant(2).size * sizes.batch * sizes.pixels) as k:
            x = k.input("x", (request.inputs[0].elements,), "int8")
            numbers = k.input("scaling", (sizes.batch * NUMBERS,), "float32")
            matrix = request.constant(2).reshape(sizes.out_channels, -1)
            rows = Rows(k, finish_of(k, request), np.split(matrix, sizes.groups))
            window = Window.of(k, sizes)
            y = k.output("y", (request.output.elements,), "float32")
            patch = None if window.contiguous else k.scratch("window", rows.depth, "int8")
            nest = PixelNest(k, window, rows, x, numbers, y, patch)
            images = k.loop("n", sizes.batch, backward=request.grows)
            with images as n, k.loop("pixel", sizes.pixels, backward=request.grows) as pixel:
                nest.pixel(n, pixel)
            clamp_output(k, request, y)
        return k.kernel()


def of_weights(request: KernelRequest) -> KernelRequest:
    """The request with inputs (x, weights), as layers without numbers at run time have it."""
    return replace(request, inputs=(request.inputs[0], request.inputs[2]))


@dataclass(frozen=True)
class Window:
    """Sizes of a layer, and the constant that ai_k_patch_hybrid_s8 needs; None where windows are contiguous."""

    sizes: Geometry
    words: tirx.Buffer | None

    @classmethod
    def of(cls, k: KernelBuilder, sizes: Geometry) -> Window:
        """Adds the constant where it is needed."""
        if sizes.kernel == (1, 1) and sizes.groups == 1 and not sizes.padded:
            return cls(sizes, None)
        taken = sizes.channels // sizes.groups
        words = [sizes.height, sizes.width, sizes.channels, taken, *sizes.kernel, *sizes.dilation]
        return cls(sizes, k.constant("patch", np.array(words, np.int32)))

    @property
    def contiguous(self) -> bool:
        """Whether the values of each window are neighbours."""
        return self.words is None


class PixelNest:
    """What is done for a pixel."""

    def __init__(
        self, k: KernelBuilder, window: Window, rows: Rows, x: tirx.Buffer, numbers: tirx.Buffer, y: tirx.Buffer,
        patch: tirx.Buffer | None,
    ) -> None:  # fmt: skip
        self.k, self.sizes, self.words, self.rows = k, window.sizes, window.words, rows
        self.x, self.numbers, self.y, self.patch = x, numbers, y, patch

    def pixel(self, n: Any, pixel: Any) -> None:
        """The outputs of all groups."""
        with self.k.loop("group", self.sizes.groups) as group:
            self._part(n, pixel, group)

    def place(self, n: Any, pixel: Any) -> Any:
        """Number of the pixel in y."""
        return n * self.sizes.pixels + pixel

    def _part(self, n: Any, pixel: Any, group: Any) -> None:
        s = self.sizes
        row = pixel // s.out_width * s.stride[0] - s.padding[0]
        column = pixel % s.out_width * s.stride[1] - s.padding[1]
        image, numbers = n * (s.height * s.width * s.channels), address(self.numbers, n * NUMBERS)
        source = address(self.x, image + (row * s.width + column) * s.channels)
        if self.words is not None and self.patch is not None:
            self.k.call(
                "ai_k_patch_hybrid_s8", address(self.patch, write=True),
                address(self.x, image + group * (s.channels // s.groups)), numbers, address(self.words), row, column,
            )  # fmt: skip
            source = address(self.patch)
        start = self.place(n, pixel) * s.out_channels + group * self.rows.outputs
        self.rows.multiply(source, numbers, self.y, start, group)
