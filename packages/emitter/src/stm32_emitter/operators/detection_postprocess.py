# SPDX-License-Identifier: Apache-2.0
"""TFLite_Detection_PostProcess: the boxes of objects, chosen from those of all anchors by non-maximum suppression.

A box is decoded as (y / ys * h_a + y_a, x / xs * w_a + x_a) -+ (exp(h / hs) * h_a, exp(w / ws) * w_a) / 2, in double
precision and rounded to float32; intersections over unions are float32. Boxes are taken in falling order of score, of
equal ones that of the first anchor; one that covers too much of a box taken before is dropped. "Fast" gives each anchor
its best class; "regular" takes boxes of each class by themselves, and keeps the best of all classes, of equal scores
those of the first classes.

Where fast tells several classes of a box and scores are equal, their order is that of the reference's heap sort, which
is not stable. The reference computes most scores of uint8 as x * scale - zero point * scale, the last few as
(x - zero point) * scale: equal bytes may there be unequal scores, and change places. Here all are the latter.

Only boxes that are compared are decoded, so nothing is kept for each anchor but one index. What the reference leaves
unwritten (results beyond the number of boxes, fast) is 0. It stops with an error where an anchor has a negative size;
a kernel cannot.

Where codes or scores are dequantized only to be read here, the kernel reads their bytes, a quarter of the memory.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from tvm import relax, tirx

from stm32_emitter.operators.base import Fused, KernelRequest, OperatorDefinition, kind_of
from stm32_emitter.operators.scope import Scope, dtype_of, op_name
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

_FLOAT = -1000
"""Zero point of an input of float32 (``ai_k_detections.h``)."""


class DetectionPostprocess(OperatorDefinition):
    """Inputs: codes [1,N,K], scores [1,N,D], anchors float32 [N,4].

    Attributes: limit, told (classes of a box), per_class (0: fast), classes, least (score), overlap, divisors [4]; of
    inputs of int8 also code_scale, code_zero, score_scale, score_zero. Four results of float32.
    """

    kind: ClassVar[str] = "DETECTION_POSTPROCESS"
    roots: ClassVar[tuple[str, ...]] = ("call_dps_packed",)

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """The operator as the frontend makes it, behind at least one dequantize to float32."""
        if kind_of(root) != self.kind:
            return None
        *operands, anchors = root.args[1].fields
        sources = [_bytes_behind(scope, operand) for operand in operands]
        if not any(sources):
            return None
        attributes = dict(root.attrs.items())
        for name, source in zip(("code", "score"), sources, strict=True):
            if source is not None:
                attributes |= {f"{name}_scale": source[1], f"{name}_zero": source[2]}
        inputs = [s[0] if s is not None else operand for s, operand in zip(sources, operands, strict=True)]
        first, *others = ((shape_of_type(t), str(t.dtype)) for t in root.ty_args[0].fields)
        return Fused(self.kind, (*inputs, anchors), *first, attributes, tuple(others))

    def kernel(self, request: KernelRequest) -> Kernel:
        """Codes, scores -> boxes [1,M,4], classes [1,M], scores [1,M], number of boxes [1]."""
        regular = request.integer("per_class") > 0
        anchors = request.inputs[2].shape[0]
        room = request.integer("per_class") if regular else request.inputs[1].shape[2]
        with KernelBuilder("detections") as k:
            pointers = [address(_operand(k, request, i, name)) for i, name in enumerate(("codes", "scores"))]
            pointers.append(address(k.constant("anchors", request.constant(2).ravel())))
            pointers += [address(k.constant(name, _TABLES[name](request))) for name in ("layer", "numbers")]
            for name, spec in zip(_RESULTS, (request.output, *request.others), strict=True):
                pointers.append(address(k.output(name, (spec.elements,), "float32"), write=True))
            places = anchors + request.integer("limit") + room
            pointers.append(address(k.scratch("places", places, "int32"), write=True))
            if regular:
                pointers.append(address(k.scratch("kept", 4 * room, "float32"), write=True))
            k.call(f"ai_k_detections_{'regular' if regular else 'fast'}", *pointers)
        return k.kernel()


_RESULTS = ("boxes", "classes", "best", "count")


def shape_of_type(tensor: relax.TensorType) -> tuple[int, ...]:
    """Static shape of a tensor type."""
    return tuple(int(dim) for dim in tensor.shape)


def _bytes_behind(scope: Scope, operand: relax.Expr) -> tuple[relax.Expr, float, int] | None:
    """(x, scale, zero point) of dequantize(x) with one scale and x of int8."""
    call = scope.resolve(operand)
    if op_name(call) != "dequantize" or dtype_of(call.args[0]) != "int8" or not isinstance(call.args[0], relax.Var):
        return None
    scale, zero_point = scope.constant(call.args[1]), scope.constant(call.args[2])
    if scale is None or zero_point is None or scale.size != 1:
        return None
    return call.args[0], float(scale.ravel()[0]), int(zero_point.ravel()[0])


def _operand(k: KernelBuilder, request: KernelRequest, position: int, name: str) -> tirx.Buffer:
    spec = request.inputs[position]
    if spec.value is not None:
        return k.constant(name, spec.value.ravel())
    return k.input(name, (spec.elements,), spec.dtype)


def _layer(request: KernelRequest) -> Any:
    codes, scores = request.inputs[:2]
    zeros = [int(request.attributes.get(f"{name}_zero", _FLOAT)) for name in ("code", "score")]
    background = scores.shape[2] - request.integer("classes")
    counts = [request.integer(name) for name in ("limit", "told", "per_class")]
    return np.array([codes.shape[1], codes.shape[2], scores.shape[2], background, *counts, *zeros], np.int32)


def _numbers(request: KernelRequest) -> Any:
    given = request.attributes
    scales = [float(given.get(f"{name}_scale", 1.0)) for name in ("code", "score")]
    divisors = [float(value) for value in given["divisors"]]
    return np.array([float(given["least"]), float(given["overlap"]), *divisors, *scales], np.float32)


_TABLES = {"layer": _layer, "numbers": _numbers}
