# SPDX-License-Identifier: Apache-2.0
"""CONV_3D and CONV_3D_TRANSPOSE in float32, NDHWC.

Both connect a fine grid and a coarse one: the tap t of the window at place p of the coarse grid lies at
q = p * stride - padding + t * dilation of the fine grid. A convolution adds x[q] w[t] to y[p], its transpose x[p] w[t]
to y[q]. Weights are [KD,KH,KW,Cin,Cout]; the frontend puts those of the transpose in this order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, ClassVar

from tvm import tirx

from stm32_emitter.operators.arithmetic_float import bounded
from stm32_emitter.operators.base import KernelRequest, MadeOperator
from stm32_emitter.operators.float_group import LARGEST, bounds_of
from stm32_emitter.operators.gather import operands
from stm32_emitter.tir.builder import Kernel, KernelBuilder


class Conv3D(MadeOperator):
    """Inputs: x [N,D,H,W,Cin], weights, bias [Cout]; attributes: transposed, strides, padding, dilation, low, high."""

    kind: ClassVar[str] = "CONV_3D_F32"

    def kernel(self, request: KernelRequest) -> Kernel:
        """X -> y [N,D,H,W,Cout]."""
        source, weights, _ = request.inputs
        result, transposed = request.output, bool(request.integer("transposed"))
        coarse, fine = (source, result) if transposed else (result, source)
        *taps, depth, channels = weights.shape
        macs = math.prod(coarse.shape[:4]) * math.prod(weights.shape)
        with KernelBuilder("conv_3d_transpose" if transposed else "conv_3d", macs) as k:
            x, w, bias = operands(k, ("x", "weights", "bias"), request.inputs)
            y = k.output("y", (result.elements,), "float32")
            with k.loop("e", result.elements // channels) as e, k.loop("o", channels) as o:
                k.store(y, [e * channels + o], bias[o])
            with ExitStack() as stack:
                n, *place = _loops(k, stack, "ndhw", coarse.shape[:4])
                tap = _loops(k, stack, "abc", taps)
                near = _near(request, place, tap)
                sizes = fine.shape[1:4]
                inside = [check for q, size in zip(near, sizes, strict=True) for check in (q >= 0, q < size)]
                stack.enter_context(k.when(tirx.all(*inside)))
                positions = [_flat((n, *place), coarse.shape[:4]), _flat((n, *near), fine.shape[:4])]
                to, of = positions[::-1] if transposed else positions
                i, o = _loops(k, stack, "io", (depth, channels))
                product = x[of * depth + i] * w[(_flat(tap, taps) * depth + i) * channels + o]
                k.store(y, [to * channels + o], y[to * channels + o] + product)
            _limit(k, y, result.elements, bounds_of(request))
        return k.kernel()


def _loops(k: KernelBuilder, stack: ExitStack, names: str, sizes: Sequence[int]) -> list[Any]:
    return [stack.enter_context(k.loop(name, size)) for name, size in zip(names, sizes, strict=True)]


def _near(request: KernelRequest, place: Sequence[Any], tap: Sequence[Any]) -> list[Any]:
    """The place of a tap in the fine grid."""
    strides, padding, dilation = (request.integers(name) for name in ("strides", "padding", "dilation"))
    return [place[i] * strides[i] - padding[i] + tap[i] * dilation[i] for i in range(3)]


def _flat(place: Sequence[Any], sizes: Sequence[int]) -> Any:
    """Number of a place in row-major order."""
    flat: Any = 0
    for position, size in zip(place, sizes, strict=True):
        flat = flat * size + position
    return flat


def _limit(k: KernelBuilder, y: tirx.Buffer, elements: int, bounds: tuple[float, float]) -> None:
    """The activation."""
    if bounds[0] <= -LARGEST and bounds[1] >= LARGEST:
        return
    with k.loop("l", elements) as i:
        k.store(y, [i], bounded(y[i], *bounds))
