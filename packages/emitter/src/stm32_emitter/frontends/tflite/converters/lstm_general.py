# SPDX-License-Identifier: Apache-2.0
"""What an LSTM with peepholes, layer normalisation or a projection has beyond a plain one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.tflite.converters.common import scale_of
from stm32_emitter.frontends.tflite.converters.lstm_tensors import (
    BIAS,
    GATES,
    HIDDEN,
    NORMS,
    PEEPHOLES,
    PEEPING,
    PROJECTION,
    PROJECTION_BIAS,
    C,
    H,
    cell_numbers,
    cell_power,
    coupled,
    folded_bias,
    gate_scaling,
    has,
    hidden_scaling,
    intermediate,
    of_gates,
    weight_scale,
)
from stm32_emitter.operators.base import Attribute
from stm32_emitter.operators.fixed_point import quantize_multiplier
from stm32_emitter.operators.gemmlowp import wrap32

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator

Arrays = list[NDArray[Any]]
_STEP = 2.0**-12
"""Scale of a gate without layer normalisation."""
_LEAST_VARIANCE = 10000
"""Times the scale of a norm: what the reference takes for a variance below 1."""


def has_parts(op: Operator) -> bool:
    """Whether the layer has one of these parts."""
    return any(_parts(op))


def _parts(op: Operator) -> tuple[bool, bool, bool]:
    """Whether there are peepholes, norms, a projection."""
    return has(op, PEEPHOLES + 2), has(op, NORMS + 1), has(op, PROJECTION)


def general_parts(c: Converter, op: Operator, options: Any) -> tuple[Arrays, dict[str, Attribute]]:
    """(constants behind the weights, attributes) of the fused operator LSTM_GENERAL."""
    cells, outputs, depth = op.input(C).shape[1], op.input(H).shape[1], op.input(0).shape[2]
    layer = [depth, cells, outputs, int(coupled(op)), *(int(part) for part in _parts(op))]
    if op.input(0).dtype == "float32":
        extras = np.concatenate([*_coefficients(op), *_projection(op, outputs)]).astype(np.float32)
        clips: dict[str, Attribute] = {
            "clip": float(options.CellClip()), "projection_clip": float(options.ProjClip()),
        }  # fmt: skip
        return [np.stack(of_gates(op, BIAS), axis=1), extras], {"layer": layer, **clips}
    if has(op, PEEPHOLES + 2) and outputs != cells:
        raise ModelRefused(
            f"it has peepholes of {cells} cells and a projection to {outputs}; the reference would add them to other "
            "cells than their own",
            hint="Use one of the two.",
        )
    coefficients = np.concatenate([*_coefficients(op), np.zeros(1, np.int16)]).astype(np.int16)
    projection = op.constant(PROJECTION) if has(op, PROJECTION) else np.zeros((1, 1), np.int8)
    scaling = _scaling(c, op, options)
    return [_bias(c, op, outputs), coefficients, projection], {"layer": layer, "scaling": scaling}


def _coefficients(op: Operator) -> Arrays:
    """Peepholes of the gates input, forget, output; norms of the four gates; what is there of both."""
    peepholes, norms, _ = _parts(op)
    found: Arrays = []
    if peepholes:
        values = [op.constant(PEEPHOLES + i) if has(op, PEEPHOLES + i) else None for i in PEEPING]
        found += [np.zeros_like(values[2]) if value is None else value for value in values]
    return found + (of_gates(op, NORMS) if norms else [])


def _projection(op: Operator, outputs: int) -> Arrays:
    if not has(op, PROJECTION):
        return []
    bias = op.constant(PROJECTION_BIAS) if has(op, PROJECTION_BIAS) else np.zeros(outputs, np.float32)
    return [op.constant(PROJECTION).ravel(), bias]


def _bias(c: Converter, op: Operator, outputs: int) -> NDArray[np.int32]:
    """That of the sums [N, 8], then that of the norms [N, 4], then that of the projection [O]."""
    bias = np.stack(of_gates(op, BIAS), axis=1)
    parts: Arrays = []
    if has(op, NORMS + 1):
        parts, bias = [bias.ravel()], np.zeros_like(bias)
    if has(op, PROJECTION):
        own = op.constant(PROJECTION_BIAS) if has(op, PROJECTION_BIAS) else np.zeros(outputs, np.int32)
        sums = op.constant(PROJECTION).astype(np.int64).sum(axis=1)
        parts.append(wrap32(own + scale_of(intermediate(c, op, HIDDEN))[1] * sums))
    return np.concatenate([folded_bias(op, bias).ravel(), *parts]).astype(np.int32)


def _scaling(c: Converter, op: Operator, options: Any) -> list[int]:
    """The numbers of ``ai_k_lstm_general_s8``."""
    steps = [_STEP] * len(GATES)
    if has(op, NORMS + 1):
        first = 1 if coupled(op) else 0
        steps = [_STEP] * first + [scale_of(intermediate(c, op, i))[0] for i in range(first, len(GATES))]
    hidden, zero_point = scale_of(intermediate(c, op, HIDDEN))
    offset = -zero_point if has(op, PROJECTION) else zero_point
    cell = cell_numbers(op.input(C), options.CellClip())
    numbers = [*gate_scaling(op, steps), *hidden_scaling(hidden), offset, *cell, int(coupled(op))]
    return [*numbers, *_peephole_scaling(op, steps), *_norm_scaling(op), *_projection_scaling(op, hidden, options)]


def _peephole_scaling(op: Operator, steps: list[float]) -> list[int]:
    pairs: list[int] = []
    for place, gate in zip(PEEPING, GATES[:3], strict=True):
        if not has(op, PEEPHOLES + place):
            pairs += [0, 0]
            continue
        scale = 2.0 ** cell_power(op.input(C)) * weight_scale(op.input(PEEPHOLES + place)) / steps[gate]
        pairs += quantize_multiplier(float(np.float32(scale)))
    return pairs


def _norm_scaling(op: Operator) -> list[int]:
    """Multipliers and shifts of the four gates, then the least variances."""
    scales = [weight_scale(op.input(NORMS + gate)) if has(op, NORMS + gate) else 1.0 for gate in GATES]
    pairs = [number for scale in scales for number in quantize_multiplier(scale)]
    return [*pairs, *(max(1, int(np.float32(_LEAST_VARIANCE) * np.float32(scale))) for scale in scales)]


def _projection_scaling(op: Operator, hidden: float, options: Any) -> list[int]:
    """Multiplier, shift, zero point and clip."""
    if not has(op, PROJECTION):
        return [0, 0, 0, 0]
    scale, zero_point = scale_of(op.input(H))
    one = np.float32
    real = one(one(weight_scale(op.input(PROJECTION))) * one(hidden)) / one(scale)
    limit = min(float(one(options.ProjClip()) / one(scale_of(op.outputs[0])[0])), 127.0)
    return [*quantize_multiplier(float(real)), zero_point, int(max(limit, 0.0))]
