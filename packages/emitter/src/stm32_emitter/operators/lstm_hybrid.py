# SPDX-License-Identifier: Apache-2.0
"""UNIDIRECTIONAL_SEQUENCE_LSTM with weights of int8 and activations of float32; see :mod:`.hybrid`, :mod:`.lstm`.

h is quantized at each step, and what is projected, too. So a last bit of a gate decides about a whole step of h now and
then, and the arithmetic is that of the reference interpreter on x86 throughout (``ai_k_reference_f32.h``): peepholes
and projection as in :mod:`.lstm_general`, products and sums of float32 rounded one by one.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from stm32_emitter.operators.base import KernelRequest, MadeOperator
from stm32_emitter.operators.hybrid import NUMBERS
from stm32_emitter.operators.lstm import GATES, Layer, Reads, sequence_kernel, whole
from stm32_emitter.tir.builder import Kernel, KernelBuilder


class LstmHybrid(MadeOperator):
    """Inputs: x int8, h [B, O], c [B, N], numbers of x [rows, 2], weights, sums, values; results: y, c after the run.

    The last three and ``layer``: ``ai_k_lstm_hybrid_s8``; ``macs`` are those of a step. ``time_major``: as of LSTM.
    """

    kind: ClassVar[str] = "LSTM_HYBRID"

    def kernel(self, request: KernelRequest) -> Kernel:
        """Steps in order; the value of h after a step is its part of y."""
        cells, outputs = request.inputs[2].shape[1], request.output.shape[-1]
        scratch = GATES * cells + NUMBERS + (max(cells, outputs) + 3) // 4
        return sequence_kernel(request, _others, _Layer, macs=request.integer("macs"), scratch=scratch)


class _Layer(Layer):
    takes_element: ClassVar[bool] = True

    def called(self) -> tuple[str, list[Any]]:
        """Sizes are among the constants."""
        return "ai_k_lstm_hybrid_s8", []


def _others(k: KernelBuilder, request: KernelRequest) -> Reads:
    numbers = k.input("scaling", (request.inputs[3].elements,), "float32")
    constants = [k.constant(name, request.constant(4 + i)) for i, name in enumerate(("weights", "sums", "values"))]
    sizes = k.constant("sizes", np.array(request.integers("layer"), np.int32))
    return [(numbers, NUMBERS), *whole([*constants, sizes])]
