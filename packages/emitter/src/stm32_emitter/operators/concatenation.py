# SPDX-License-Identifier: Apache-2.0
"""CONCATENATION, on elements of any type that all inputs share with the output. No arithmetic.

The reference interpreter accepts int8 inputs only with the output's scale and zero point, so bytes are never rescaled.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

from tvm import relax, tirx

from stm32_emitter.errors import ModelRefused
from stm32_emitter.operators.base import Fused, KernelRequest, OperatorDefinition
from stm32_emitter.operators.movement import copy
from stm32_emitter.operators.scope import Scope, dtype_of, op_name, shape_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder


class Concatenation(OperatorDefinition):
    """One copy for each input and outer index."""

    kind: ClassVar[str] = "CONCATENATION"
    roots: ClassVar[tuple[str, ...]] = ("concat", "quantize")

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """concat((x0, x1, ...)) of stored tensors; some may be constant, not all.

        Raises:
            ModelRefused: quantize(act(concat(...))): it would have to rescale its inputs.
        """
        if op_name(root) == "quantize":
            _refuse_rescaling(scope, root)
            return None
        tensors = getattr(scope.resolve(root.args[0]), "fields", None)
        shape = shape_of(root)
        if tensors is None or not shape:
            return None
        if any(scope.call(t, "dequantize") is not None for t in tensors):
            return None
        if all(scope.constant(t) is not None for t in tensors):
            return None
        inputs = tuple(scope.resolve(t) if scope.constant(t) is not None else t for t in tensors)
        axis = int(root.attrs.axis or 0) % len(shape)
        return Fused(self.kind, inputs, shape, dtype_of(root), {"axis": axis})

    def kernel(self, request: KernelRequest) -> Kernel:
        """xi [outer, ni, inner] -> y [outer, sum of ni, inner], one element type."""
        axis, result = request.integer("axis"), request.output
        outer = math.prod(result.shape[:axis])
        row = math.prod(result.shape[axis:])
        with KernelBuilder("concatenation") as k:
            sources = _sources(k, request)
            y = k.output("y", (result.elements,), result.dtype)
            with k.loop("n", outer) as n:
                at: Any = n * row
                for spec, source in zip(request.inputs, sources, strict=True):
                    part = math.prod(spec.shape[axis:])
                    copy(k, y, at, source, n * part, part)
                    at = at + part
        return k.kernel()


def _refuse_rescaling(scope: Scope, root: relax.Call) -> None:
    result = scope.quantized(root)
    if result is not None and scope.call(result.value, "concat") is not None:
        raise ModelRefused(
            "its inputs and its output have different scales or zero points, or it has a fused activation; "
            "the reference interpreter refuses this too",
            hint="Convert the model again, so that all of them share one quantization.",
        )


def _sources(k: KernelBuilder, request: KernelRequest) -> list[tirx.Buffer]:
    """Buffers of all inputs in their order; parameters for tensors come before those for constants."""
    buffers: dict[int, tirx.Buffer] = {}
    for i, spec in enumerate(request.inputs):
        if spec.value is None:
            buffers[i] = k.input(f"x{i}", (spec.elements,), spec.dtype)
    for i, spec in enumerate(request.inputs):
        if spec.value is not None:
            buffers[i] = k.constant(f"x{i}", spec.value.ravel())
    return [buffers[i] for i in range(len(request.inputs))]
