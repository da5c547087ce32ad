# SPDX-License-Identifier: Apache-2.0
"""A transposed convolution as ordinary ones: output rows and columns that differ by a stride are one phase.

Row ``oy`` gets x[iy] * w[ky] wherever oy + top = iy * stride + ky. Within a phase, (oy + top) % stride, the same rows
of the window meet, every stride-th one, and consecutive outputs read consecutive rows of x: a convolution of stride 1
with these rows of the weights in opposite order. No product is computed in vain, and nothing is stored in between.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stm32_emitter.operators.base import KernelRequest
from stm32_emitter.operators.convolution import Geometry, geometry


@dataclass(frozen=True)
class Phase:
    """Outputs (first[0] + i * stride[0], first[1] + j * stride[1]).

    Attributes:
        sizes: of the convolution that gives them; ``out_height`` and ``out_width`` count them.
        weights: [Cout, KH, KW, Cin] of that convolution.
        first: row and column of the first one.
        stride: of the transposed convolution.
        width: columns of the whole output.
    """

    sizes: Geometry
    weights: NDArray[Any]
    first: tuple[int, int]
    stride: tuple[int, int]
    width: int

    def place(self, row: Any, column: Any) -> Any:
        """Number of the pixel (row, column) of the phase in the whole output image."""
        return (self.first[0] + row * self.stride[0]) * self.width + self.first[1] + column * self.stride[1]


@dataclass(frozen=True)
class _Line:
    """A phase along one axis: first output, outputs, rows of the window, padding in front and behind."""

    first: int
    count: int
    taps: tuple[int, ...]
    before: int
    after: int


def phases(request: KernelRequest) -> list[Phase]:
    """The phases of x [N,H,W,Cin], weights [Cout,KH,KW,Cin] -> y [N,OH,OW,Cout], in order of their first pixel."""
    whole, weights = geometry(request), request.constant(1)
    rows = _lines(whole.out_height, whole.height, whole.kernel[0], whole.stride[0], whole.padding[0])
    columns = _lines(whole.out_width, whole.width, whole.kernel[1], whole.stride[1], whole.padding[1])
    return [_phase(whole, weights, down, right) for down in rows for right in columns]


def _lines(outputs: int, inputs: int, window: int, stride: int, before: int) -> list[_Line]:
    found = []
    for first in range(min(stride, outputs)):
        base, tap = divmod(first + before, stride)
        taps = tuple(range(tap, window, stride))[::-1]
        count = -(-(outputs - first) // stride)
        # Without taps the window stays in front of the image, where nothing is added.
        front = len(taps) - 1 - base if taps else count
        behind = count - 1 - front + max(len(taps), 1) - inputs
        found.append(_Line(first, count, taps, front, max(behind, 0)))
    return found


def _phase(whole: Geometry, weights: NDArray[Any], down: _Line, right: _Line) -> Phase:
    if down.taps and right.taps:
        part = weights[:, list(down.taps)][:, :, list(right.taps)]
    else:
        taps = (max(len(down.taps), 1), max(len(right.taps), 1))
        part = np.zeros((weights.shape[0], *taps, weights.shape[3]), weights.dtype)
    sizes = replace(
        whole, out_height=down.count, out_width=right.count, kernel=(part.shape[1], part.shape[2]), stride=(1, 1),
        dilation=(1, 1), padding=(down.before, right.before, down.after, right.after),
    )  # fmt: skip
    return Phase(sizes, np.ascontiguousarray(part), (down.first, right.first), whole.stride, whole.out_width)


def as_convolution(request: KernelRequest) -> KernelRequest | None:
    """The same layer as a convolution, where the stride is 1 and so there is one phase; else None."""
    found = phases(request)
    if len(found) > 1 or not found[0].weights.any():
        return None
    (only,) = found
    weights = replace(request.inputs[1], shape=only.weights.shape, value=only.weights)
    attributes = {**request.attributes, "strides": [1, 1], "padding": list(only.sizes.padding)}
    return replace(request, inputs=(request.inputs[0], weights, *request.inputs[2:]), attributes=attributes)
