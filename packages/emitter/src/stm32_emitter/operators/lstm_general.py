# SPDX-License-Identifier: Apache-2.0
"""UNIDIRECTIONAL_SEQUENCE_LSTM with peepholes, layer normalisation or a projection, in float32 and int8.

As ``lstm.py``, with: peepholes, w c added to the sums of the gates input and forget (c before the step) and output (c
behind it); layer normalisation, (sum - mean) / deviation * norm + bias in place of sum + bias; projection, h =
limited(P (o tanh(c)) + bias).

Arithmetic of int8, that of the reference interpreter's 8x8_16 kernel: sums are in the scale of the gate's intermediate
tensor with layer normalisation, else Q3.12; a peephole's product is scaled (``ai_k_requantize``) and added with
saturation to 16 bits. The mean is kept in 1/1024, the inverse of the deviation comes from Newton's method, a variance
below 1 is replaced by 10000 times the norm's scale; products with the norm are 32 bits wide, plus the bias, in 1/1024,
and scaled to Q3.12. What is projected has its own scale and zero point.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from stm32_emitter.operators.base import KernelRequest, MadeOperator
from stm32_emitter.operators.float_group import number
from stm32_emitter.operators.lstm import Layer, Reads, sequence_kernel, whole
from stm32_emitter.tir.builder import Kernel, KernelBuilder

_ROWS = 5
"""Of the scratch: four gates, and what is projected."""


class LstmGeneral(MadeOperator):
    """Inputs as those of LSTM, then, of float32, extras; of int8, coefficients and projection (``ai_k_lstm.h``)."""

    kind: ClassVar[str] = "LSTM_GENERAL"

    def kernel(self, request: KernelRequest) -> Kernel:
        """Steps in order; the value of h after a step is its part of y."""
        scratch = _ROWS * request.inputs[2].shape[1]
        return sequence_kernel(request, _constants, _Layer, macs=request.constant(3).size, scratch=scratch)


class _Layer(Layer):
    def called(self) -> tuple[str, list[Any]]:
        """The limits of float32."""
        if self.request.output.dtype != "float32":
            return "ai_k_lstm_general_s8", []
        names = ("clip", "projection_clip")
        return "ai_k_lstm_general_f32", [number(float(self.request.attributes[name])) for name in names]


def _constants(k: KernelBuilder, request: KernelRequest) -> Reads:
    names = ("weights", "bias", "extras") if request.output.dtype == "float32" else _NAMES
    buffers = [k.constant(name, request.constant(3 + i).ravel()) for i, name in enumerate(names)]
    if request.output.dtype != "float32":
        buffers.append(k.constant("scaling", np.array(request.integers("scaling"), np.int32)))
    return whole([*buffers, k.constant("sizes", np.array(request.integers("layer"), np.int32))])


_NAMES = ("weights", "bias", "coefficients", "projection")
