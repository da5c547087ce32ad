# SPDX-License-Identifier: Apache-2.0
"""GATHER, GATHER_ND and EMBEDDING_LOOKUP at indices that are computed at run time, on elements of any type.

The reference interpreter stops with an error at an index outside of the tensor. A kernel cannot stop: it takes the
nearest element inside.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from tvm import relax, tirx

from stm32_emitter.operators.base import Attribute, Fused, KernelRequest, MadeOperator, OperatorDefinition, TensorSpec
from stm32_emitter.operators.movement import copy, row_major
from stm32_emitter.operators.scope import Scope, dtype_of, shape_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder

_INDICES = ("int32", "int64")


class Gather(OperatorDefinition):
    """y[*batch, *outer, *indices, *inner] = x[*batch, *outer, index, *inner]; ``batch_dims`` axes are shared."""

    kind: ClassVar[str] = "GATHER"
    roots: ClassVar[tuple[str, ...]] = ("take",)

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """take(x, indices, axis) at indices that are not constant."""
        x, indices = root.args
        if root.attrs.axis is None or scope.constant(indices) is not None or dtype_of(indices) not in _INDICES:
            return None
        attributes: dict[str, Attribute] = {"axis": int(root.attrs.axis) % len(shape_of(x)), "batch_dims": 0}
        return Fused(self.kind, (x, indices), shape_of(root), dtype_of(root), attributes)

    def kernel(self, request: KernelRequest) -> Kernel:
        """x, indices int32 or int64 -> y of x's type; one copy for each index."""
        spec, indices = request.inputs
        axis, shared = request.integer("axis"), request.integer("batch_dims")
        batch, outer = math.prod(spec.shape[:shared]), math.prod(spec.shape[shared:axis])
        size, inner = spec.shape[axis], math.prod(spec.shape[axis + 1 :])
        count = indices.elements // batch
        with KernelBuilder("gather") as k:
            x, at = operands(k, ("x", "indices"), request.inputs)
            y = k.output("y", (request.output.elements,), request.output.dtype)
            with k.loop("b", batch) as b, k.loop("o", outer) as o, k.loop("i", count) as i:
                image = b * outer + o
                place = image * size + inside(at, b * count + i, size)
                copy(k, y, (image * count + i) * inner, x, place * inner, inner)
        return k.kernel()


class GatherNd(MadeOperator):
    """y[i, *inner] = x[indices[i, 0], indices[i, 1], ..., *inner]."""

    kind: ClassVar[str] = "GATHER_ND"

    def kernel(self, request: KernelRequest) -> Kernel:
        """x, indices int32 or int64 [..., axes] -> y of x's type; one copy for each row of indices."""
        spec, indices = request.inputs
        axes = indices.shape[-1]
        inner, steps = math.prod(spec.shape[axes:]), row_major(spec.shape)[:axes]
        with KernelBuilder("gather_nd") as k:
            x, at = operands(k, ("x", "indices"), request.inputs)
            y = k.output("y", (request.output.elements,), request.output.dtype)
            place = k.local("place", "int32")
            with k.loop("i", indices.elements // axes) as i:
                k.store(place, [0], tirx.const(0, "int32"))
                for axis, step in enumerate(steps):
                    k.store(place, [0], place[0] + inside(at, i * axes + axis, spec.shape[axis]) * step)
                copy(k, y, i * inner, x, place[0], inner)
        return k.kernel()


def operands(k: KernelBuilder, names: Sequence[str], specs: Sequence[TensorSpec]) -> list[tirx.Buffer]:
    """A buffer for each of ``specs``; constants come behind what is given."""
    pairs = list(zip(names, specs, strict=True))
    found = {name: k.input(name, (spec.elements,), spec.dtype) for name, spec in pairs if spec.value is None}
    found |= {name: k.constant(name, spec.value.ravel()) for name, spec in pairs if spec.value is not None}
    return [found[name] for name in names]


def inside(indices: tirx.Buffer, position: Any, size: int) -> Any:
    """An element of ``indices``, limited to 0 .. size - 1, as int32."""
    index, dtype = indices[position], str(indices.dtype)
    low, high = tirx.const(0, dtype), tirx.const(size - 1, dtype)
    return tirx.max(tirx.min(index, high), low).astype("int32")
