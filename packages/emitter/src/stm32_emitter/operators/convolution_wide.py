# SPDX-License-Identifier: Apache-2.0
"""Convolutions beyond int8 x int8: activations of int16, and weights of 9 bits (uint8 minus their zero point).

One loop nest for CONV_2D, DEPTHWISE_CONV_2D and the phases of TRANSPOSE_CONV: each output is summed alone, taps outside
the image are skipped. The
scaling is that of the accumulator: with 32 bits ``ai_k_requantize``, with 64 bits ``ai_k_requantize_64``. A layer of
FULLY_CONNECTED is one pixel of a convolution, rounded once (attribute ``once``). What is scaled in float32
(``nearest.py``) takes ``ai_k_scale_nearest``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import tirx

from stm32_emitter.operators.base import KernelRequest
from stm32_emitter.operators.convolution import Geometry, geometry
from stm32_emitter.operators.nearest import is_nearest, real_scales
from stm32_emitter.operators.schedule import Schedule
from stm32_emitter.tir.builder import Kernel, KernelBuilder, expression

_MAC, _OUTPUT = 7.0, 40.0
"""Expected Cortex-M4 cycles of a product and of an output around its products."""


def is_wide(request: KernelRequest) -> bool:
    """Whether the kernels of int8 cannot take this layer."""
    return any(spec.dtype == "int16" for spec in request.inputs[:2])


def wide_schedule(request: KernelRequest) -> Schedule:
    """The one schedule of such a layer."""
    weights = request.inputs[1]
    per_output = weights.elements // request.output.shape[3]
    size = np.dtype(weights.dtype).itemsize
    return Schedule(
        "wide", lambda: wide_kernel(request), "one output at a time, 16 bits",
        cycles=request.output.elements * (per_output * _MAC + _OUTPUT), constants=weights.elements * size,
    )  # fmt: skip


def wide_kernel(request: KernelRequest) -> Kernel:
    """x int8 or int16 [N,H,W,Cin], weights int8 or int16 [Cout,KH,KW,Cin/groups] -> y of x's type [N,OH,OW,Cout]."""
    s = geometry(request)
    return kernel_of_parts(request, [Part(s, request.constant(1), lambda y, x: y * s.out_width + x)])


@dataclass(frozen=True)
class Part:
    """Some of the output pixels.

    Attributes:
        sizes: of the convolution that gives them.
        weights: int8 or int16 [Cout,KH,KW,Cin/groups].
        place: (row, column) among them -> number of the pixel in its output image.
    """

    sizes: Geometry
    weights: NDArray[Any]
    place: Callable[[Any, Any], Any]


def kernel_of_parts(request: KernelRequest, parts: Sequence[Part]) -> Kernel:
    """x, weights, bias, scales -> y: all pixels of each part, one part after the other."""
    bias = request.constant(2)
    dtype, products = request.inputs[0].dtype, sum(part.sizes.pixels * part.weights.size for part in parts)
    with KernelBuilder(request.kind.lower(), request.output.shape[0] * products) as k:
        x = k.input("x", (request.inputs[0].elements,), dtype)
        w = k.constant("weights", np.concatenate([part.weights.ravel() for part in parts]))
        b = k.constant("bias", bias)
        scales = {name: k.constant(name, value) for name, value in _scales(request).items()}
        y = k.output("y", (request.output.elements,), dtype)
        total, first = k.local("total", str(bias.dtype)), 0
        for part in parts:
            taps = _Taps(k, request, part.sizes, x, w, total, first)
            with _pixels(k, request, part) as (position, at, c):
                k.store(total, [0], b[c])
                taps.add(*position, c)
                each = [scale[c].astype("int32") if name == "shift" else scale[c] for name, scale in scales.items()]
                _store_clamped(k, request, y, at, _scaled(request, total[0], *each))
            first += part.weights.size
    return k.kernel()


@contextmanager
def _pixels(k: KernelBuilder, request: KernelRequest, part: Part) -> Iterator[tuple[tuple[Any, Any, Any], Any, Any]]:
    """Loops over a part: ((image, row, column), place in y, output channel), inside the loops."""
    s, back = part.sizes, request.grows
    pixels = request.output.elements // (s.batch * s.out_channels)
    with (
        k.loop("n", s.batch, backward=back) as n,
        k.loop("oy", s.out_height, backward=back) as oy,
        k.loop("ox", s.out_width, backward=back) as ox,
        k.loop("c", s.out_channels) as c,
    ):
        yield (n, oy, ox), (n * pixels + part.place(oy, ox)) * s.out_channels + c, c


def _scales(request: KernelRequest) -> dict[str, NDArray[Any]]:
    """What the accumulator is multiplied by, by the name of the array."""
    multipliers, shifts = request.constant(3), request.constant(4)
    if is_nearest(request):
        return {"scale": real_scales(multipliers, shifts)}
    return {"multiplier": multipliers, "shift": shifts}


def _scaled(request: KernelRequest, total: Any, *scale: Any) -> Any:
    """The accumulator times its multiplier."""
    if is_nearest(request):
        return expression("ai_k_scale_nearest", total, *scale)
    multiplier, shift = scale
    once, wide = bool(request.attributes.get("once")), request.inputs[2].dtype == "int64"
    if once and wide:
        return expression("ai_k_requantize_double", total, multiplier)
    name = "ai_k_requantize_64" if wide else "ai_k_requantize_once" if once else "ai_k_requantize"
    return expression(name, total, multiplier, shift)


def _store_clamped(k: KernelBuilder, request: KernelRequest, y: tirx.Buffer, at: Any, scaled: Any) -> None:
    """y[at] = clamp(scaled + output zero point)."""
    low, high = request.integer("low"), request.integer("high")
    value = expression("ai_k_clamp", scaled + request.integer("output_zero_point"), low, high)
    k.store(y, [at], value.astype(str(y.dtype)))


class _Taps:
    """The sum over one window."""

    def __init__(
        self, k: KernelBuilder, request: KernelRequest, s: Geometry,
        x: tirx.Buffer, w: tirx.Buffer, total: tirx.Buffer, start: int,
    ) -> None:  # fmt: skip
        self.k, self.s, self.x, self.w, self.total, self.start = k, s, x, w, total, start
        self.zero_point = request.integer("input_zero_point")

    def add(self, n: Any, oy: Any, ox: Any, c: Any) -> None:
        """All taps that lie inside the image."""
        k, s = self.k, self.s
        taken = s.channels // s.groups
        first = c // (s.out_channels // s.groups) * taken if s.groups > 1 else 0
        with k.loop("ky", s.kernel[0]) as ky:
            row = oy * s.stride[0] - s.padding[0] + ky * s.dilation[0]
            with self._when(row, s.height), k.loop("kx", s.kernel[1]) as kx:
                column = ox * s.stride[1] - s.padding[1] + kx * s.dilation[1]
                with self._when(column, s.width), k.loop("i", taken) as i:
                    pixel = ((n * s.height + row) * s.width + column) * s.channels
                    weight = ((c * s.kernel[0] + ky) * s.kernel[1] + kx) * taken + i + self.start
                    self._product(self.x[pixel + first + i], self.w[weight])

    def _when(self, index: Any, size: int) -> AbstractContextManager[None]:
        """if (0 <= index < size), where windows reach outside the image."""
        return self.k.when(tirx.all(index >= 0, index < size)) if self.s.padded else nullcontext()

    def _product(self, x: Any, weight: Any) -> None:
        product = (x.astype("int32") - self.zero_point) * weight.astype("int32")
        self.k.store(self.total, [0], self.total[0] + product.astype(str(self.total.dtype)))
