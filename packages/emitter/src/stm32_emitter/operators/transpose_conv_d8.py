# SPDX-License-Identifier: Apache-2.0
"""The schedule of TRANSPOSE_CONV for ai_k_conv_d8.h: the phases, 4 output channels x 2 output pixels at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from stm32_emitter.operators.base import KernelRequest
from stm32_emitter.operators.conv_2d_d8 import PAIRS, Nest
from stm32_emitter.operators.conv_2d_records import is_exact, linear_of, rows_of, scales_fit
from stm32_emitter.operators.schedule import Schedule
from stm32_emitter.operators.transposed import Phase, phases
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address


def schedules(request: KernelRequest) -> list[Schedule]:
    """The schedule, on cores with DSP instructions, where all phases have such a block and their sums are proven."""
    if not request.target.dsp or request.output.shape[3] < PAIRS.channels:
        return []
    nests = []
    for part in phases(request):
        nest = _phase_nest(request, part)
        if nest is None:
            return []
        nests.append(nest)
    parts = [nest.described() for nest in nests]
    return [
        Schedule(
            PAIRS.name, _Kernel(request, nests).build, "phases, 4 channels x 2 pixels, two weights in a halfword",
            cycles=sum(part.cycles for part in parts), scratch=max(part.scratch for part in parts),
            constants=sum(part.constants for part in parts), code=1900, family=PAIRS.name,
        )
    ]  # fmt: skip


def _phase_nest(request: KernelRequest, part: Phase) -> _Nest | None:
    s = part.sizes
    weights = replace(request.inputs[1], shape=part.weights.shape, value=part.weights)
    output = replace(request.output, shape=(s.batch, s.out_height, s.out_width, s.out_channels))
    attributes = {**request.attributes, "strides": [1, 1], "padding": list(s.padding)}
    inputs = (request.inputs[0], weights, *request.inputs[2:])
    same = replace(request, inputs=inputs, output=output, attributes=attributes)
    nest = _Nest(same, part, request.output.shape[1] * request.output.shape[2])
    return nest if is_exact(nest.channels) and scales_fit(same, nest.linear) else None


class _Nest(Nest):
    """The pixels of one phase, which lie apart in y."""

    def __init__(self, request: KernelRequest, part: Phase, image: int) -> None:
        rows = rows_of(request)
        super().__init__(request, rows, linear_of(request, rows), PAIRS, 1)
        self.part, self.image = part, image

    def place(self, n: Any, pixel: Any) -> Any:
        """See :meth:`Phase.place`."""
        width = self.sizes.out_width
        return (n * self.image + self.part.place(pixel // width, pixel % width)) * self.sizes.out_channels

    def stride(self, first: Any) -> Any:
        """To the other pixel, which may be in the next row."""
        if self.sizes.out_width % PAIRS.pixels == 0:
            return self.part.stride[1] * self.sizes.out_channels
        return self.place(0, self.pixels(first)[1]) - self.place(0, first)


@dataclass(frozen=True)
class _Kernel:
    """All phases in one function."""

    request: KernelRequest
    nests: list[_Nest]

    def build(self) -> Kernel:
        """x int8 [N,H,W,Cin] -> y int8 [N,OH,OW,Cout]; scratch: the columns of two pixels."""
        request = self.request
        products = sum(nest.sizes.batch * nest.sizes.pixels * nest.channels.weights.size for nest in self.nests)
        with KernelBuilder("transpose_conv", products) as k:
            x = k.input("x", (request.inputs[0].elements,), "int8")
            for nest in self.nests:
                nest.declare(k, x)
            y = k.output("y", (request.output.elements,), "int8")
            columns = k.scratch("columns", max(nest.column_words for nest in self.nests), "int32")
            for nest in self.nests:
                nest.emit(y, columns)
            low, high = request.integer("low"), request.integer("high")
            if low > -128 or high < 127:
                k.call("ai_k_clamp_s8", address(y, write=True), request.output.elements, low, high)
        return k.kernel()
