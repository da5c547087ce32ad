# SPDX-License-Identifier: Apache-2.0
"""CONV_2D with weights of int8 and activations of float32, grouped convolution included; see :mod:`.hybrid`."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from tvm import tirx

from stm32_emitter.operators.base import KernelRequest, MadeOperator, TensorSpec
from stm32_emitter.operators.convolution import Geometry, geometry
from stm32_emitter.operators.float_group import clamp_output
from stm32_emitter.operators.hybrid import NUMBERS, Rows
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address


class Conv2DHybrid(MadeOperator):
    """Inputs: int8 [N,H,W,Cin], its numbers [N, 2], weights [Cout,KH,KW,Cin/groups], scales [Cout] or [1], bias [Cout].

    The result is float32 [N,OH,OW,Cout].
    """

    kind: ClassVar[str] = "CONV_2D_HYBRID"

    def kernel(self, request: KernelRequest) -> Kernel:
        """Pixel by pixel, four channels at a time; a window that is not contiguous is copied first."""
        sizes = hybrid_geometry(request)
        with KernelBuilder("conv_2d", request.constant(2).size * sizes.batch * sizes.pixels) as k:
            x = k.input("x", (request.inputs[0].elements,), "int8")
            numbers = k.input("scaling", (sizes.batch * NUMBERS,), "float32")
            rows = Rows(k, request, sizes.groups)
            words = None if _contiguous(sizes) else k.constant("patch", _patch_words(sizes))
            y = k.output("y", (request.output.elements,), "float32")
            patch = None if words is None else k.scratch("window", rows.depth, "int8")
            nest = _Nest(k, sizes, rows, x, numbers, y, words, patch)
            images = k.loop("n", sizes.batch, backward=request.grows)
            with images as n, k.loop("pixel", sizes.pixels, backward=request.grows) as pixel:
                nest.pixel(n, pixel)
            clamp_output(k, request, y)
        return k.kernel()


def hybrid_geometry(request: KernelRequest) -> Geometry:
    """Sizes; the weights are input 2."""
    values: tuple[TensorSpec, ...] = (request.inputs[0], request.inputs[2])
    return geometry(KernelRequest(request.kind, values, request.output, request.attributes, request.target))


def _contiguous(sizes: Geometry) -> bool:
    """Whether the values of each window are neighbours."""
    return sizes.kernel == (1, 1) and sizes.groups == 1 and not sizes.padded


def _patch_words(sizes: Geometry) -> Any:
    """The geometry of ai_k_patch_hybrid_s8."""
    taken = sizes.channels // sizes.groups
    return np.array([sizes.height, sizes.width, sizes.channels, taken, *sizes.kernel, *sizes.dilation], np.int32)


class _Nest:
    """What is done for a pixel."""

    def __init__(
        self, k: KernelBuilder, sizes: Geometry, rows: Rows, x: tirx.Buffer, numbers: tirx.Buffer, y: tirx.Buffer,
        words: tirx.Buffer | None, patch: tirx.Buffer | None,
    ) -> None:  # fmt: skip
        self.k, self.sizes, self.rows, self.y = k, sizes, rows, y
        self.x, self.numbers, self.words, self.patch = x, numbers, words, patch

    def pixel(self, n: Any, pixel: Any) -> None:
        """The outputs of all groups."""
        with self.k.loop("group", self.sizes.groups) as group:
            self._part(n, pixel, group)

    def _part(self, n: Any, pixel: Any, group: Any) -> None:
        s = self.sizes
        row = pixel // s.out_width * s.stride[0] - s.padding[0]
        column = pixel % s.out_width * s.stride[1] - s.padding[1]
        image, numbers = n * (s.height * s.width * s.channels), address(self.numbers, n * NUMBERS)
        source = address(self.x, image + (row * s.width + column) * s.channels)
        if self.patch is not None:
            self.k.call(
                "ai_k_patch_hybrid_s8", address(self.patch, write=True),
                address(self.x, image + group * (s.channels // s.groups)), numbers, address(self.words), row, column,
            )  # fmt: skip
            source = address(self.patch)
        start = (n * s.pixels + pixel) * s.out_channels + group * self.rows.outputs
        self.rows.multiply(source, numbers, self.y, start, group)
