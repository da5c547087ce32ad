# SPDX-License-Identifier: Apache-2.0
"""RNN and its sequences with weights of int8 and activations of float32; see :mod:`.hybrid`, :mod:`.rnn`.

h is quantized at each step; tanh is that of the reference interpreter on x86 to the last bit.
"""

from __future__ import annotations

from typing import Any, ClassVar

from numpy.typing import NDArray
from tvm import tirx

from stm32_emitter.operators.base import KernelRequest, MadeOperator
from stm32_emitter.operators.float_group import bounds_of, number
from stm32_emitter.operators.hybrid import NUMBERS, packed_matrices
from stm32_emitter.operators.rnn import TANH, StepRows
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address


class RnnHybrid(MadeOperator):
    """Inputs: x int8, h [B, N], numbers of x [rows, 2], weights [N, I], recurrent ones [N, N], scales [2], bias [N].

    The result and ``activation``, ``low``, ``high``, ``time_major`` are as of RNN; x and h have zero points if
    ``offset`` is 1.
    """

    kind: ClassVar[str] = "RNN_HYBRID"

    def kernel(self, request: KernelRequest) -> Kernel:
        """Steps in order; the value of h after a step is its part of y."""
        batch, units = request.inputs[1].shape
        steps = request.output.elements // (batch * units)
        macs = steps * batch * (request.inputs[3].elements + request.inputs[4].elements)
        with KernelBuilder("rnn", macs) as k:
            step = _Step(k, request)
            y, row = step.y, StepRows(batch, steps, bool(request.integer("time_major")))
            with k.loop("n", batch) as n:
                step.emit(row(0, n), step.h, n)
            if steps > 1:
                with k.loop("t", steps, 1) as t, k.loop("b", batch) as n:
                    step.emit(row(t, n), y, row(t - 1, n))
        return k.kernel()


class _Step:
    """Declares the tensors of a kernel and emits calls."""

    def __init__(self, k: KernelBuilder, request: KernelRequest) -> None:
        x, h, numbers = request.inputs[:3]
        matrices = [request.constant(3), request.constant(4)]
        weights, sums = packed_matrices(matrices)
        self._k, (self._units, self._depth) = k, matrices[0].shape
        self._x = k.input("x", (x.elements,), "int8")
        self.h = k.input("h", (h.elements,), "float32")
        self._numbers = k.input("scaling", (numbers.elements,), "float32")
        constants: dict[str, NDArray[Any]] = {
            "weights": weights,
            "sums": sums,
            "scales": request.constant(5),
            "bias": request.constant(6),
        }
        self._constants = [k.constant(name, value) for name, value in constants.items()]
        self.y = k.output("y", (request.output.elements,), "float32")
        self._scratch = k.scratch("quantized", NUMBERS + (self._units + 3) // 4, "float32")
        low, high = (1.0, -1.0) if request.attributes["activation"] == TANH else bounds_of(request)
        self._sizes = (self._depth, self._units, request.integer("offset"), number(low), number(high))

    def emit(self, row: Any, h: tirx.Buffer, h_row: Any) -> None:
        """One step of one element, whose row of x and y is ``row``."""
        self._k.call(
            "ai_k_rnn_hybrid_s8", address(self._x, row * self._depth), address(h, h_row * self._units),
            address(self._numbers, row * NUMBERS), *(address(constant) for constant in self._constants),
            address(self.y, row * self._units, write=True), address(self._scratch, write=True), *self._sizes,
        )  # fmt: skip
