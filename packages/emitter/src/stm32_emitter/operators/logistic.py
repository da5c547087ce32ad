# SPDX-License-Identifier: Apache-2.0
"""LOGISTIC and TANH.

Arithmetic, established against the reference interpreter: float32 throughout, once for each of the 256 values:
d = scale * (x - zero point), t = f(d), y = round_half_away(t * (1 / output scale)) + output zero point. int16 is
another arithmetic: ``sigmoid_16.py``.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.operators.base import Fused, KernelRequest
from stm32_emitter.operators.gemmlowp import Ints
from stm32_emitter.operators.scope import Quantized, Scope
from stm32_emitter.operators.sigmoid_16 import fused_16, kernel_16
from stm32_emitter.operators.table import Source, TableOperator
from stm32_emitter.operators.tanh_32 import tanh_32
from stm32_emitter.tir.builder import Kernel

Floats = NDArray[np.float32]


class FloatTable(TableOperator):
    """A table that is computed in float32."""

    operator: ClassVar[str]
    """The Relax operator."""

    @staticmethod
    @abstractmethod
    def function(values: Floats) -> Floats:
        """The function in float32."""

    def source(self, scope: Scope, result: Quantized) -> relax.Expr | None:
        """quantize(f(x)) without bounds."""
        call = scope.call(result.value, self.operator) if result.low is result.high is None else None
        return None if call is None else call.args[0]

    def results(self, scope: Scope, source: Source, result: Quantized) -> Ints:  # noqa: ARG002
        """In float32, rounded half away from zero."""
        inverse = np.float32(1) / np.float32(result.scale)
        scaled = (self.function(source.reals) * inverse).astype(np.float32).astype(np.float64)
        return np.trunc(scaled + np.copysign(0.5, scaled)).astype(np.int64) + result.zero_point


class _Sigmoid(FloatTable):
    """One of the two functions that the reference interpolates in a table of the logistic function."""

    def wide(self, scope: Scope, source: Source, result: Quantized, shape: tuple[int, ...]) -> Fused | None:  # noqa: ARG002
        """See ``sigmoid_16.py``."""
        return fused_16(self.kind, source, shape)

    def wide_kernel(self, request: KernelRequest) -> Kernel:
        """x int16 -> y int16 of the same shape."""
        return kernel_16(request)


class Logistic(_Sigmoid):
    """1 / (1 + exp(-x))."""

    kind: ClassVar[str] = "LOGISTIC"
    operator: ClassVar[str] = "sigmoid"

    @staticmethod
    def function(values: Floats) -> Floats:
        """The exponential is rounded to float32, as expf does."""
        with np.errstate(over="ignore"):
            powers = np.exp(-values.astype(np.float64)).astype(np.float32)
        return (np.float32(1) / (np.float32(1) + powers)).astype(np.float32)


class Tanh(_Sigmoid):
    """tanh(x)."""

    kind: ClassVar[str] = "TANH"
    operator: ClassVar[str] = "tanh"

    @staticmethod
    def function(values: Floats) -> Floats:
        """See ``tanh_32.py``."""
        return tanh_32(values)
