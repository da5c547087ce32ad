# SPDX-License-Identifier: Apache-2.0
"""What somebody else's operator is made of."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from stm32_emitter.errors import ModelRefused, OperatorError
from stm32_emitter.extension.call import Call, Tensor, call_of, with_quantization
from stm32_emitter.extension.kernels import built
from stm32_emitter.operators.base import KernelRequest, MadeOperator
from stm32_emitter.operators.schedule import Schedule
from stm32_emitter.tir.builder import Kernel
from stm32_emitter.tir.lowering import ELEMENT_TYPES

SCHEDULE_NAME = "plug-in"
"""What the report shows as schedule of such an operator."""


def _no_macs(_call: Call) -> int:
    return 0


@dataclass(frozen=True)
class Operator:
    """An operator.

    Attributes:
        name: of [A-Za-z0-9_], unlike every other operator's.
        results: gives the results' shapes and element types of a call; raises ModelRefused for a call that the operator
            cannot do.
        kernel: gives what computes a call: a CKernel, a TeKernel, a PrimFunc, or a Kernel of KernelBuilder.
        tflite: custom_code of the TFLite operator, empty for none.
        onnx: ``<domain>.<op_type>`` of the ONNX operator, empty for none.
        relax: name of the external function of ``call_dps_packed``, or of a Relax function (its attribute ``Composite``
            or its own name) that is called in ``main``; empty for none.
        macs: multiply-accumulate operations of a call, for the report.
    """

    name: str
    results: Callable[[Call], Tensor | Sequence[Tensor]]
    kernel: Callable[[Call], Any]
    tflite: str = ""
    onnx: str = ""
    relax: str = ""
    macs: Callable[[Call], int] = _no_macs

    def check(self) -> None:
        """Refuses what no call could go well with.

        Raises:
            OperatorError: a function that does not take one argument, an ONNX name without domain.
        """
        for what in ("results", "kernel", "macs"):
            _check_callable(self.name, what, getattr(self, what))
        if self.onnx and "." not in self.onnx:
            raise OperatorError(
                f"operator '{self.name}': '{self.onnx}' names no domain of ONNX", "Write <domain>.<op_type>."
            )

    def resolved(self, call: Call) -> Call:
        """The call with its results.

        Raises:
            ModelRefused: the operator refuses the call.
            OperatorError: ``results`` fails, or gives something else than tensors.
        """
        found = self.guarded("results", call)
        results = [found] if isinstance(found, Tensor) else found
        if not isinstance(results, Sequence) or not results or not all(isinstance(r, Tensor) for r in results):
            raise OperatorError(f"operator '{self.name}': results() gives {found!r}, not a Tensor or a list of them")
        for result in results:
            _check_result(self.name, result)
        return replace(call, operator=self.name, outputs=with_quantization(list(results), call.outputs))

    def guarded(self, what: str, call: Call) -> Any:
        """Calls one of the operator's functions; whatever it raises besides ModelRefused is told as its failure.

        Raises:
            ModelRefused: the operator refuses the call.
            OperatorError: the function fails.
        """
        try:
            return getattr(self, what)(call)
        except (ModelRefused, OperatorError):
            raise
        except Exception as error:
            raise OperatorError(
                f"operator '{self.name}': {what}() failed with {type(error).__name__}: {error}"
            ) from error


def _check_callable(name: str, what: str, function: Any) -> None:
    if not callable(function):
        raise OperatorError(f"operator '{name}': {what} is a {type(function).__name__}, not a function of a Call")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # of C; it may be right
        return
    try:
        signature.bind(None)
    except TypeError:
        raise OperatorError(
            f"operator '{name}': {what}{signature} cannot be called with one argument, a Call"
        ) from None


def _check_result(name: str, result: Tensor) -> None:
    if result.dtype not in ELEMENT_TYPES:
        raise OperatorError(
            f"operator '{name}': a result has elements of type {result.dtype}, which C99 does not have",
            f"Take one of {', '.join(ELEMENT_TYPES)}.",
        )
    if any(not isinstance(dim, int) or dim < 1 for dim in result.shape):
        raise OperatorError(f"operator '{name}': a result has the shape {result.shape}, not of positive integers")


class ExternalDefinition(MadeOperator):
    """An :class:`Operator` as the passes know operators; frontends make its calls, so nothing has to be recognised."""

    def __init__(self, operator: Operator) -> None:
        self.operator = operator
        self.kind = operator.name  # type: ignore[misc]  # one class serves many operators

    def kernel(self, request: KernelRequest) -> Kernel:
        """What the operator's own function gives for this call."""
        return self._built(request)[0]

    def schedules(self, request: KernelRequest) -> Sequence[Schedule]:
        """One, which is named as what it is."""
        kernel, description = self._built(request)
        return (Schedule(SCHEDULE_NAME, lambda: kernel, description),)

    def _built(self, request: KernelRequest) -> tuple[Kernel, str]:
        call = call_of(request)
        made = self.operator.guarded("kernel", call)
        return built(call, made, int(self.operator.guarded("macs", call)))
