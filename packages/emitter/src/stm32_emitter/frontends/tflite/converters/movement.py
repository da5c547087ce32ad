# SPDX-License-Identifier: Apache-2.0
"""Operators that move elements without changing them: they work on the quantized bytes themselves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import tflite
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.tflite.converters.common import FUSED, activated
from stm32_emitter.frontends.tflite.support import ANY, Limit, Support, takes

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator, Tensor


SAME_SCALE = Limit("input and output have one scale and zero point", hint="The converter never writes anything else.")


def convert_reshape(c: Converter, op: Operator) -> relax.Expr:
    """RESHAPE, SQUEEZE, EXPAND_DIMS: the declared shape, which must have as many elements."""
    x, output = op.input(0), op.outputs[0]
    for extra in op.inputs[1:]:
        if extra is not None and extra.data is None:
            raise ModelRefused(
                f"its shape '{extra.name}' is computed at run time", hint="Give the model a constant shape."
            )
    if math.prod(x.shape) != math.prod(output.shape):
        raise ModelRefused(f"{list(x.shape)} cannot become {list(output.shape)}")
    return relax.op.reshape(c.raw(x), output.shape)


def convert_transpose(c: Converter, op: Operator) -> relax.Expr:
    """Output axis i is input axis permutation[i]."""
    x = op.input(0)
    permutation = [int(p) for p in op.constant(1).ravel()]
    if sorted(p % max(len(x.shape), 1) for p in permutation) != list(range(len(x.shape))):
        raise ModelRefused(f"{permutation} is no permutation of the axes of shape {list(x.shape)}")
    return relax.op.permute_dims(c.raw(x), [p % len(x.shape) for p in permutation])


def convert_concatenation(c: Converter, op: Operator) -> relax.Expr:
    """Inputs one behind the other along an axis; requantized where their scales differ from the output's."""
    options = op.options(tflite.ConcatenationOptions)
    tensors = [op.input(i) for i in range(len(op.inputs))]
    axis = options.Axis()
    if not tensors or not -len(tensors[0].shape) <= axis < len(tensors[0].shape):
        raise ModelRefused(f"axis {axis} does not exist")
    function = options.FusedActivationFunction()
    if function == tflite.ActivationFunctionType.NONE and all(same_scale(t, op.outputs[0]) for t in tensors):
        return relax.op.concat([c.raw(t) for t in tensors], axis)
    joined = relax.op.concat([c.bb.normalize(c.real(t)) for t in tensors], axis)
    return c.result(activated(c.bb.normalize(joined), function), op.outputs[0])


def convert_pad(c: Converter, op: Operator) -> relax.Expr:
    """PAD (with real 0) and PADV2 (with a constant): [before, after] elements for each axis."""
    x, output = op.input(0), op.outputs[0]
    widths = op.constant(1)
    if widths.shape != (len(x.shape), 2) or np.any(widths < 0):
        raise ModelRefused(f"paddings of shape {list(widths.shape)} do not fit {list(x.shape)}")
    SAME_SCALE.require(same_scale(x, output))
    value = float(op.constant(2).ravel()[0]) if len(op.inputs) > 2 and op.inputs[2] is not None else _zero(x)
    return relax.op.nn.pad(c.raw(x), [int(w) for w in widths.ravel()], "constant", value)


def _zero(tensor: Tensor) -> float:
    q = tensor.quantization
    return 0.0 if q is None or tensor.dtype == "float32" else float(q.zero_point[0])


def same_scale(a: Tensor, b: Tensor) -> bool:
    """Whether the bytes of two tensors mean the same numbers."""
    if a.quantization is None or b.quantization is None or "float" in a.dtype:
        return True
    same = a.quantization.scale[0] == b.quantization.scale[0]
    return bool(same and a.quantization.zero_point[0] == b.quantization.zero_point[0])


CONVERTERS = {
    "RESHAPE": convert_reshape,
    "SQUEEZE": convert_reshape,
    "EXPAND_DIMS": convert_reshape,
    "TRANSPOSE": convert_transpose,
    "CONCATENATION": convert_concatenation,
    "PAD": convert_pad,
    "PADV2": convert_pad,
}

SUPPORT: dict[str, Support] = {
    "RESHAPE": takes(*ANY, constants={1: "shape"}),
    "SQUEEZE": takes(*ANY),
    "EXPAND_DIMS": takes(*ANY, constants={1: "axis"}),
    "TRANSPOSE": takes(*ANY, constants={1: "permutation"}),
    "CONCATENATION": takes(*ANY, limits=(FUSED,)),
    "PAD": takes(*ANY, limits=(SAME_SCALE,), constants={1: "paddings"}),
    "PADV2": takes(*ANY, limits=(SAME_SCALE,), constants={1: "paddings", 2: "value"}),
}
