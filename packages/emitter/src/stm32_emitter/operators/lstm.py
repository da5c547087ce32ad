# SPDX-License-Identifier: Apache-2.0
"""UNIDIRECTIONAL_SEQUENCE_LSTM without peepholes, projection and layer normalisation (those: ``lstm_general.py``).

With gates i, f, o = logistic(Wx x + Wh h + b) and g = tanh(...): c' = limited(f c + i g), h' = o tanh(c'). Without
weights for it, i = 1 - f; its place among the weights is then filled with zeros.

Arithmetic of int8, that of the reference interpreter's 8x8_16 kernel: the sums over x and over h are scaled one after
the other to Q3.12 (``ai_k_requantize``), each limited to 16 bits. Logistic and tanh are gemmlowp's functions of 16 bits
with results in Q0.15. c has 16 bits and a scale 2**n, -15 <= n <= -9; products are shifted with rounding. h has its own
scale and zero point. Multipliers are float32 quotients, as the reference computes them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from tvm import tirx

from stm32_emitter.operators.base import KernelRequest, MadeOperator
from stm32_emitter.operators.float_group import number
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

GATES = 4
"""In the order input, forget, output, candidate."""
Reads = list[tuple[tirx.Buffer, int]]
"""What a step reads beside x, h and c: (buffer, elements that belong to a row of x, or 0 for all of them)."""


class Lstm(MadeOperator):
    """Inputs: x, h [B, N], c [B, N], weights [N, I + N, 4], bias; results: y [..., N] and c after the run.

    x is [T, B, I] with ``time_major`` and [B, T, I] without; y is like it. Of int8 the bias is [N, 8], for the sums
    over x and over h, and ``scaling`` is as ``ai_k_lstm_s8`` wants it; of float32 the bias is [N, 4], beside ``clip``
    and ``coupled``.
    """

    kind: ClassVar[str] = "LSTM"

    def kernel(self, request: KernelRequest) -> Kernel:
        """Steps in order; the value of h after a step is its part of y."""
        return sequence_kernel(request, _constants, _Layer, macs=request.constant(3).size)


def sequence_kernel(
    request: KernelRequest, others: Callable[[KernelBuilder, KernelRequest], Reads],
    layer_class: type[Layer], *, macs: int, scratch: int = 0,
) -> Kernel:  # fmt: skip
    """The loops over steps and batch.

    Args:
        request: of a layer with the inputs x, h, c and others.
        others: declares the others.
        layer_class: emits a step.
        macs: multiplications of a step of one element.
        scratch: elements of working memory, of the cell state's type.
    """
    x, h, c = request.inputs[:3]
    batch, outputs = h.shape
    steps = request.output.elements // (batch * outputs)
    with KernelBuilder("lstm", steps * batch * macs) as k:
        source = k.input("x", (x.elements,), x.dtype) if x.value is None else k.constant("x", x.value.ravel())
        before = [k.input(name, (spec.elements,), spec.dtype) for name, spec in (("h", h), ("c", c))]
        given = others(k, request)
        y = k.output("y", (request.output.elements,), request.output.dtype)
        after = k.output("c_after", (c.elements,), c.dtype)
        work = [k.scratch("gates", scratch, c.dtype)] if scratch else []
        layer = layer_class(k, request, source, given, y, after, work)
        with k.loop("i", c.elements) as i:
            k.store(after, [i], before[1][i])
        with k.loop("n", batch) as n:
            layer.step(0, n, before[0], n)
        if steps > 1:
            with k.loop("t", steps, 1) as t, k.loop("b", batch) as n:
                layer.step(t, n, y, layer.row(t - 1, n))
    return k.kernel()


class Layer:
    """Emits the steps of one layer."""

    takes_element: ClassVar[bool] = False
    """Whether the last argument of the function is the element of the batch."""

    def __init__(
        self, k: KernelBuilder, request: KernelRequest, x: tirx.Buffer, others: Reads, y: tirx.Buffer,
        c: tirx.Buffer, scratch: list[tirx.Buffer],
    ) -> None:  # fmt: skip
        self.k, self.request, self.x, self.others, self.y, self.c = k, request, x, others, y, c
        self.scratch = scratch
        self.time_major = bool(request.integer("time_major"))
        self.batch, self.outputs = request.inputs[1].shape
        self.cells = request.inputs[2].shape[1]
        self.steps = request.output.elements // (self.batch * self.outputs)
        self.depth = request.inputs[0].elements // (self.batch * self.steps)

    def row(self, t: Any, n: Any) -> Any:
        """Row of x and y that belongs to step ``t`` of element ``n`` of the batch."""
        return t * self.batch + n if self.time_major else n * self.steps + t

    def step(self, t: Any, n: Any, h: tirx.Buffer, h_row: Any) -> None:
        """One step of one element, with h before it at row ``h_row`` of a buffer."""
        (function, numbers), row = self.called(), self.row(t, n)
        others = [address(buffer, row * size if size else 0) for buffer, size in self.others]
        written = [address(buffer, write=True) for buffer in self.scratch]
        self.k.call(
            function, address(self.x, row * self.depth), address(h, h_row * self.outputs), *others,
            address(self.c, n * self.cells, write=True), address(self.y, row * self.outputs, write=True), *written,
            *numbers, *([n] if self.takes_element else []),
        )  # fmt: skip

    def called(self) -> tuple[str, list[Any]]:
        """(C function, its numbers)."""
        raise NotImplementedError


class _Layer(Layer):
    def called(self) -> tuple[str, list[Any]]:
        """Depth and cells; clip and coupling of float32."""
        if self.request.output.dtype != "float32":
            return "ai_k_lstm_s8", [self.depth, self.cells]
        clip = number(float(self.request.attributes["clip"]))
        return "ai_k_lstm_f32", [self.depth, self.cells, clip, self.request.integer("coupled")]


def _constants(k: KernelBuilder, request: KernelRequest) -> Reads:
    buffers = [k.constant("weights", request.constant(3).ravel()), k.constant("bias", request.constant(4).ravel())]
    if request.output.dtype == "int8":
        buffers.append(k.constant("scaling", np.array(request.integers("scaling"), np.int32)))
    return whole(buffers)


def whole(buffers: list[tirx.Buffer]) -> Reads:
    """Buffers that are read in each step."""
    return [(buffer, 0) for buffer in buffers]


def interleaved(over_x: list[NDArray[Any]], over_h: list[NDArray[Any]]) -> NDArray[Any]:
    """Weights [N, I] and [N, N] of each gate -> [N, I + N, 4], as the kernels read them."""
    gates = [np.concatenate(pair, axis=1) for pair in zip(over_x, over_h, strict=True)]
    return np.ascontiguousarray(np.stack(gates, axis=2))
