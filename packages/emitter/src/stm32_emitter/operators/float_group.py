# SPDX-License-Identifier: Apache-2.0
"""Groups of float32 operators: activation(operation + bias), and the bounds of an activation.

The operations are the reference interpreter's; sums are rounded in another order and partly fused, so results agree
within 1e-5 of the output's range rather than bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import relax, tirx

from stm32_emitter.operators.base import Attribute, KernelRequest
from stm32_emitter.operators.scope import Scope, dtype_of, shape_of
from stm32_emitter.tir.builder import KernelBuilder, address

LARGEST = float(np.finfo(np.float32).max)
"""Where an activation has no bound, the reference interpreter limits results to +-LARGEST."""


@dataclass(frozen=True)
class FloatGroup:
    """clamp(call + bias).

    Attributes:
        call: the operation itself.
        bias: float32, one element for each index of the last axis; None if there is none.
        low: lower bound of the result.
        high: upper bound of the result.
    """

    call: relax.Call
    bias: NDArray[np.float32] | None
    low: float
    high: float

    @property
    def bounds(self) -> dict[str, Attribute]:
        """The bounds as attributes of a fused operator."""
        return {"low": self.low, "high": self.high}


def float_group(scope: Scope, root: relax.Call, *operators: str, biased: bool = False) -> FloatGroup | None:
    """The group that ends in ``root`` and has one of ``operators`` in its middle, or None.

    Args:
        scope: the function.
        root: the last call of the group.
        operators: Relax operators without ``relax.``.
        biased: the sum with a constant for each index of the last axis belongs to the group.
    """
    if dtype_of(root) != "float32":
        return None
    value, low, high = scope.clamped(root)
    total, addend = scope.biased(value) if biased else (value, None)
    call = scope.call(total, *operators)
    inner = [expr for expr in (value, total) if isinstance(expr, relax.Var)]
    if call is None or not all(scope.used_once(var) for var in inner) or shape_of(call) != shape_of(root):
        return None
    bias = None if addend is None else _bias(scope, addend, shape_of(call)[-1])
    if addend is not None and bias is None:
        return None
    return FloatGroup(call, bias, -LARGEST if low is None else low, LARGEST if high is None else high)


def _bias(scope: Scope, expr: relax.Expr, channels: int) -> NDArray[np.float32] | None:
    """A constant float32 [channels] or of one element, which may have axes of size 1 in front; None for another."""
    value = scope.constant(expr)
    if value is None or value.dtype != np.float32 or value.size not in (1, channels):
        return None
    if value.size > 1 and value.shape[-1] != channels:
        return None
    return np.broadcast_to(value.ravel(), (channels,)).astype(np.float32)


UNBOUNDED: dict[str, Attribute] = {"low": -LARGEST, "high": LARGEST}
"""The attributes of an operator without activation."""


def bounds_of(request: KernelRequest) -> tuple[float, float]:
    """(low, high) of a fused operator."""
    return float(request.attributes["low"]), float(request.attributes["high"])


def is_relu(request: KernelRequest) -> bool:
    """Whether the bounds are those of RELU, which micro-kernels apply themselves."""
    return bounds_of(request) == (0.0, LARGEST)


def is_unbounded(request: KernelRequest) -> bool:
    """Whether there is no activation."""
    return bounds_of(request) == (-LARGEST, LARGEST)


def number(value: float) -> Any:
    """A float32 literal."""
    return tirx.const(value, "float32")


def clamp_output(k: KernelBuilder, request: KernelRequest, y: tirx.Buffer) -> None:
    """Limits a result that a micro-kernel has written, unless that was without bounds or did RELU itself."""
    if is_relu(request) or is_unbounded(request):
        return
    low, high = bounds_of(request)
    k.call("ai_k_clamp_f32", address(y, write=True), request.output.elements, number(low), number(high))
