# SPDX-License-Identifier: Apache-2.0
"""BatchNormalization as inference computes it: a factor and an offset for each channel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.graph.emission import Emission
from stm32_emitter.frontends.graph.records import GraphNode
from stm32_emitter.frontends.graph.values import Known, Value, channels_last


def batch_normalization(c: Emission, node: GraphNode) -> tuple[NDArray[Any], NDArray[Any]]:
    """(factor, offset), float64 [C]: scale / sqrt(variance + epsilon), and bias - mean * factor."""
    if node.attributes.get("training_mode", 0):
        raise ModelRefused("it is in training mode", hint="Export the model for inference.")
    values = [c.values.get(name) for name in node.inputs[1:5]]
    known = [value.real().astype(np.float64) for value in values if isinstance(value, Known)]
    if len(known) != 4:
        raise ModelRefused("its parameters are computed at run time", hint="Export the model with constant weights.")
    scale, bias, mean, variance = known
    factor = scale / np.sqrt(variance + float(node.attributes.get("epsilon", 1e-5)))
    return factor, bias - mean * factor


def convert_batch_normalization(c: Emission, node: GraphNode) -> Value:
    """x [N,C,...] -> the same shape; behind a Conv it is part of that one already."""
    x = c.operand(0)
    if isinstance(x, Known):
        raise ModelRefused("it normalizes a constant")
    if c.inside:
        return x
    factor, offset = batch_normalization(c, node)
    perm = channels_last(len(x.shape))
    scaled = c.step(relax.op.multiply(c.real(x, perm), relax.const(factor.astype(np.float32), "float32")))
    return c.emit(relax.op.add(scaled, relax.const(offset.astype(np.float32), "float32")), perm)


CONVERTERS = {"BatchNormalization": convert_batch_normalization}
