# SPDX-License-Identifier: Apache-2.0
"""SVDF: a dense layer whose filters remember their last results, as two operators.

SVDF_STATE moves what each filter keeps by one step and appends its result for this input; SVDF sums what the filters
of a unit keep, weighted. F filters keep M results each; a unit has F / U of them, which are neighbours, so a unit's sum
goes over a contiguous row of both state and weights.

Arithmetic: both results are scaled once, by input scale * feature scale / state scale and by
state scale * time scale / output scale in double precision, rounded twice (``ai_k_requantize``). Sums are 32 bits wide
and wrap. A state of int16 is that of the reference interpreter; one of int8, with a zero point, only its edition for
microcontrollers has. Both ask for the activation
RELU of integers and apply none: the range of int8 is the only limit.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from stm32_emitter.operators.base import KernelRequest, MadeOperator, TensorSpec
from stm32_emitter.operators.float_group import bounds_of, number
from stm32_emitter.operators.gemmlowp import wrap32
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

_SUFFIX = {"int8": "s8", "int16": "s16", "float32": "f32"}


class SvdfState(MadeOperator):
    """Inputs: state [B, F*M], x [B, I], feature weights [F, I]; attributes of integers as in :meth:`scaling`.

    Or state [B, F*M] and results [B, F] that are appended as they are.
    """

    kind: ClassVar[str] = "SVDF_STATE"
    updates_in_place: ClassVar[bool] = True

    def kernel(self, request: KernelRequest) -> Kernel:
        """State -> state one step later. Forward, so that in place each result is read before it is overwritten."""
        before, x = request.inputs[:2]
        if len(request.inputs) == 2:
            return _appended(before, x)
        weights = request.constant(2)
        (filters, depth), batch = weights.shape, before.shape[0]
        memory = before.shape[1] // filters
        with KernelBuilder("svdf_state", batch * filters * depth) as k:
            state = k.input("state", (before.elements,), before.dtype)
            source = k.input("x", (x.elements,), x.dtype) if x.value is None else k.constant("x", x.value.ravel())
            w = k.constant("weights", weights.ravel())
            bias = (
                []
                if x.dtype == "float32"
                else [address(k.constant("bias", _bias(weights, request.integer("input_zero_point"))))]
            )
            out = k.output("out", (before.elements,), before.dtype)
            if memory > 1:
                with k.loop("f", batch * filters) as f, k.loop("m", memory - 1) as m:
                    k.store(out, [f * memory + m], state[f * memory + m + 1])
            with k.loop("n", batch) as n:
                to = address(out, n * (filters * memory) + (memory - 1), write=True)
                k.call(
                    f"ai_k_svdf_filter_{_SUFFIX[before.dtype]}", address(source, n * depth), address(w), *bias, to,
                    depth, filters, memory, *_scaling(request, before.dtype == "int8"),
                )  # fmt: skip
        return k.kernel()


def _appended(before: TensorSpec, results: TensorSpec) -> Kernel:
    filters, memory = results.elements, before.elements // results.elements
    with KernelBuilder("svdf_state") as k:
        state = k.input("state", (before.elements,), before.dtype)
        last = k.input("results", (filters,), results.dtype)
        out = k.output("out", (before.elements,), before.dtype)
        with k.loop("f", filters) as f:
            if memory > 1:
                with k.loop("m", memory - 1) as m:
                    k.store(out, [f * memory + m], state[f * memory + m + 1])
            k.store(out, [f * memory + (memory - 1)], last[f])
    return k.kernel()


class Svdf(MadeOperator):
    """Inputs: state [B, F*M], time weights [F, M], bias [U]."""

    kind: ClassVar[str] = "SVDF"

    def kernel(self, request: KernelRequest) -> Kernel:
        """State -> y [B, U], of int8 or float32."""
        state, result = request.inputs[0], request.output
        weights, bias = request.constant(1), request.constant(2)
        if result.dtype != "float32":
            rows = weights.reshape(len(bias), -1)
            bias = bias + _bias(rows, request.integer("state_zero_point"))
        (batch, units), depth = result.shape, weights.size // result.shape[1]
        numbers = [number(b) for b in bounds_of(request)] if result.dtype == "float32" else _scaling(request, True)
        with KernelBuilder("svdf", batch * weights.size) as k:
            source = k.input("state", (state.elements,), state.dtype)
            w, b = k.constant("weights", weights.ravel()), k.constant("bias", bias)
            y = k.output("y", (result.elements,), result.dtype)
            with k.loop("n", batch) as n:
                k.call(
                    f"ai_k_svdf_unit_{_SUFFIX[state.dtype]}", address(source, n * (units * depth)), address(w),
                    address(b), address(y, n * units, write=True), depth, units, *numbers,
                )  # fmt: skip
        return k.kernel()


def _scaling(request: KernelRequest, with_zero_point: bool) -> list[Any]:
    """multiplier, shift and the zero point of the result; nothing for float32."""
    if "multiplier" not in request.attributes:
        return []
    names = ("multiplier", "shift", "zero_point") if with_zero_point else ("multiplier", "shift")
    return [request.integer(name) for name in names]


def _bias(weights: NDArray[Any], zero_point: int) -> NDArray[np.int32]:
    """-zero point * sum of the weights of each row, modulo 2**32."""
    return np.asarray(wrap32(-zero_point * weights.astype(np.int64).sum(axis=1)), np.int32)
