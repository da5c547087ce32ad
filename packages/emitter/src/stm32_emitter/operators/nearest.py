# SPDX-License-Identifier: Apache-2.0
"""The scaling of ONNX: an accumulator becomes a byte by one product of float32, rounded once.

onnxruntime computes, for each output channel, scale = x_scale * w_scale / y_scale in float32, and of a sum
clamp(rint(float32(sum) * scale) + zero point), ties to even (QLinearConv, QGemm, QLinearMatMul). TFLite rounds twice,
with a multiplier of 31 bits. Which of both a layer takes is its attribute ``rounding``: :data:`NEAREST`, or none for
TFLite's. Its constants are the same: multiplier * 2**(shift - 31) holds 24 bits of float32 without loss.

Integer kernels round the product itself. That gives another byte only next to a tie, where the product in float32 is
the tie and the exact one is not: some four of a million sums. Kernels that scale in float32 (``ai_k_scale_nearest``)
have no such sums; how many a linear form has is known (:class:`.d8_scaling.Linear`), and never is it more than a step.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stm32_emitter.operators.base import Attribute, KernelRequest
from stm32_emitter.operators.fixed_point import quantize_multipliers
from stm32_emitter.operators.gemmlowp import Ints, ints, requantize

NEAREST = "nearest"
"""Value of the attribute ``rounding``."""

_LARGEST = 2.0**30
"""Products are limited to it; what is clamped to 8 or 16 bits anyway is not changed."""


def rounding(*, nearest: bool) -> dict[str, Attribute]:
    """The attribute of a layer."""
    return {"rounding": NEAREST} if nearest else {}


def is_nearest(request: KernelRequest) -> bool:
    """Whether the layer is scaled as onnxruntime does."""
    return request.attributes.get("rounding") == NEAREST


def nearest_scaling(
    x: NDArray[np.float32], weights: NDArray[np.float32], result: float, channels: int
) -> tuple[NDArray[np.int32], NDArray[np.int8]]:
    """(multipliers, shifts) [channels] of x * weights / result in float32, without loss.

    Args:
        x: scale of the input, one element.
        weights: scales of the weights, one or one per output channel.
        result: scale of the output.
        channels: of the output.
    """
    real = x[:1] * weights / np.float32(result)
    return quantize_multipliers(np.broadcast_to(real.astype(np.float64), (channels,)))


def real_scales(multipliers: Any, shifts: Any) -> NDArray[np.float32]:
    """multiplier * 2**(shift - 31) as float32."""
    return np.ldexp(np.asarray(multipliers, np.float64), ints(shifts) - 31).astype(np.float32)


def rounded(sums: Any, scales: NDArray[np.float32]) -> Ints:
    """rint(float32(sum) * scale), ties to even; sums and scales broadcast."""
    product = ints(sums).astype(np.float32) * scales
    return ints(np.rint(np.clip(product, -_LARGEST, _LARGEST)))


def requantize_nearest(values: Any, multipliers: Any, shifts: Any) -> Ints:
    """The same of multipliers and shifts that broadcast with the values."""
    return rounded(values, real_scales(multipliers, shifts))


def first_sums(levels: Ints, scales: NDArray[np.float32]) -> Ints:
    """Smallest sums that are rounded to ``levels`` [n] or more, by bisection; scales > 0 [channels] -> [channels, n].

    Around the real threshold, two roundings to 24 bits move the product by less than 2**-22 of it.
    """
    wanted, scales = ints(levels)[None, :], scales[:, None]
    near = (wanted - 0.5) / scales.astype(np.float64)
    reach = np.abs(near) * 2.0**-22 + 2
    below, first = ints(np.floor(near - reach)), ints(np.ceil(near + reach))
    while bool((first - below > 1).any()):
        middle = (below + first) >> 1
        enough = rounded(middle, scales) >= wanted
        below, first = np.where(enough, below, middle), np.where(enough, middle, first)
    return first


_NUDGES = (0, 1, -1, 2, -2, 3, -3)
"""Changes of a multiplier that move a tie to the other side."""


def single_product(scale: np.float32, reach: int) -> tuple[int, int] | None:
    """(multiplier, shift >= 0) with which ``ai_k_requantize`` rounds sums up to ``reach`` alike, or None."""
    sums = first_sums(np.arange(-256, 257), np.full(1, scale, np.float32))[0]
    sums = np.unique(np.clip(np.concatenate([sums, sums - 1]), -reach, reach))
    return product_of(sums, rounded(sums, np.full(1, scale, np.float32)), scale, reach)


def product_of(sums: Ints, results: Ints, scale: np.float32, reach: int) -> tuple[int, int] | None:
    """(multiplier, shift >= 0) with which ``ai_k_requantize`` gives ``results`` of ``sums``, or None.

    Without a shift to the right it rounds once, halves upwards; a smaller multiplier with sums that are shifted to the
    left has as many bits as they leave. Results are compared between -256 and 256.

    Args:
        sums: at which they are compared.
        results: of about sum * scale.
        scale: real.
        reach: largest magnitude of a sum.
    """
    wanted = np.clip(results, -256, 256)
    for shift in range(max(0, 30 - int(reach).bit_length()), -1, -1):
        exact = round(float(scale) * 2.0 ** (31 - shift))
        for multiplier in (exact + nudge for nudge in _NUDGES):
            found = requantize(sums, multiplier, shift) if 0 <= multiplier < 1 << 31 else None
            if found is not None and np.array_equal(np.clip(found, -256, 256), wanted):
                return multiplier, shift
    return None


def fused_product(values: Any, factor: np.float32, summand: Any) -> NDArray[np.float32]:
    """fma(value, factor, summand) of float32: integers of 9 bits at most, whose product is exact before it is added."""
    product = np.asarray(values, np.longdouble) * np.longdouble(factor)
    return np.asarray(product + np.asarray(summand, np.longdouble), np.float32)


def scale_words(request: KernelRequest) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The two numbers of each channel beside its bias that kernels read: multiplier and shift, or float32 and 0."""
    multipliers, shifts = request.constant(3), request.constant(4)
    if is_nearest(request):
        return real_scales(multipliers, shifts).view(np.int32), np.zeros(len(shifts), np.int32)
    return multipliers.astype(np.int32), shifts.astype(np.int32)
