# SPDX-License-Identifier: Apache-2.0
"""RNN, UNIDIRECTIONAL_SEQUENCE_RNN and both halves of BIDIRECTIONAL_SEQUENCE_RNN in float32.

h' = act(W x + R h + b), step after step; the value of h after a step is its part of y.
"""

from __future__ import annotations

from typing import Any, ClassVar

from tvm import tirx

from stm32_emitter.operators.arithmetic_float import bounded
from stm32_emitter.operators.base import KernelRequest, MadeOperator
from stm32_emitter.operators.float_group import bounds_of
from stm32_emitter.operators.gather import operands
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

TANH = "tanh"


class Rnn(MadeOperator):
    """Inputs: x, h [B, N], weights [N, I], recurrent weights [N, N], bias [N]; result: y [..., N].

    x is [T, B, I] with ``time_major`` and [B, T, I] without; y is like it. ``activation`` is ``TANH``, or empty with
    the bounds ``low`` and ``high``.
    """

    kind: ClassVar[str] = "RNN"

    def kernel(self, request: KernelRequest) -> Kernel:
        """Steps in order."""
        batch, units = request.inputs[1].shape
        steps = request.output.elements // (batch * units)
        macs = steps * batch * (request.inputs[2].elements + request.inputs[3].elements)
        with KernelBuilder("rnn", macs) as k:
            names = ("x", "h", "weights", "recurrent", "bias")
            x, h, *constants = operands(k, names, request.inputs)
            y = k.output("y", (request.output.elements,), "float32")
            row = StepRows(batch, steps, bool(request.integer("time_major")))
            with k.loop("n", batch) as n:
                _step(k, request, (x, row(0, n)), (h, n), constants, (y, row(0, n)))
            if steps > 1:
                with k.loop("t", steps, 1) as t, k.loop("b", batch) as n:
                    _step(k, request, (x, row(t, n)), (y, row(t - 1, n)), constants, (y, row(t, n)))
        return k.kernel()


class StepRows:
    """The row of x and y that belongs to step ``t`` of element ``n`` of the batch."""

    def __init__(self, batch: int, steps: int, time_major: bool) -> None:
        self.batch, self.steps, self.time_major = batch, steps, time_major

    def __call__(self, t: Any, n: Any) -> Any:
        """An expression."""
        return t * self.batch + n if self.time_major else n * self.steps + t


def _step(
    k: KernelBuilder, request: KernelRequest, x: tuple[Any, Any], h: tuple[Any, Any], constants: list[tirx.Buffer],
    y: tuple[Any, Any],
) -> None:  # fmt: skip
    """One step of one element; x, h and y are (buffer, row)."""
    weights, recurrent, bias = constants
    units, depth = request.inputs[2].shape
    first = y[1] * units
    total = k.local("total", "float32")
    with k.loop("o", units) as o:
        k.store(total, [0], bias[o])
        with k.loop("i", depth) as i:
            k.store(total, [0], total[0] + x[0][x[1] * depth + i] * weights[o * depth + i])
        with k.loop("j", units) as j:
            k.store(total, [0], total[0] + h[0][h[1] * units + j] * recurrent[o * units + j])
        tanh = request.attributes["activation"] == TANH
        k.store(y[0], [first + o], total[0] if tanh else bounded(total[0], *bounds_of(request)))
    if request.attributes["activation"] == TANH:
        k.call("ai_k_tanh_f32", address(y[0], first), address(y[0], first, write=True), units)
