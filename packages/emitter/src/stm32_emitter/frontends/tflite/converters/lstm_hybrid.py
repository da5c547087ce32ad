# SPDX-License-Identifier: Apache-2.0
"""LSTM layers with weights of int8 and activations of float32; see :mod:`stm32_emitter.operators.lstm_hybrid`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.frontends.tflite.converters.hybrid import bias_of, quantized_rows, weights_of_one_scale
from stm32_emitter.frontends.tflite.converters.lstm_tensors import (
    BIAS,
    GATES,
    NORMS,
    OVER_H,
    OVER_X,
    PEEPHOLES,
    PEEPING,
    PROJECTION,
    PROJECTION_BIAS,
    C,
    H,
    coupled,
    has,
    of_gates,
)
from stm32_emitter.frontends.tflite.converters.recurrent import state_of
from stm32_emitter.operators.base import Attribute, Fused, constant
from stm32_emitter.operators.hybrid import packed_matrices

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator


def is_hybrid_layer(op: Operator) -> bool:
    """Whether activations are float32 and weights are not; the gate forget has some in any layer."""
    weights = op.input(OVER_X + 1)
    return op.input(0).dtype == "float32" and weights.dtype in ("int8", "uint8")


def hybrid_layer(c: Converter, op: Operator, x: relax.Expr, options: Any) -> Fused:
    """The fused operator LSTM_HYBRID over ``x`` of float32, which is quantized step by step for each element."""
    rows = int(x.ty.shape[0]) * int(x.ty.shape[1])
    values, numbers = quantized_rows(c, op, x, rows, offset=bool(options.AsymmetricQuantizeInputs()))
    matrices, scales = _matrices(op)
    weights, sums = packed_matrices(matrices)
    numbers_of_layer = np.concatenate([*scales, [options.CellClip(), options.ProjClip()], *_rows(op)])
    constants: list[NDArray[Any]] = [weights, sums, numbers_of_layer.astype(np.float32)]
    inputs = (values, state_of(c, op.input(H)), state_of(c, op.input(C)), numbers, *map(constant, constants))
    attributes: dict[str, Attribute] = {
        "time_major": int(options.TimeMajor()),
        "layer": _layer(op, options),
        "macs": sum(matrix.size for matrix in matrices),
    }
    cell = op.input(C)
    return Fused("LSTM_HYBRID", inputs, op.outputs[0].shape, "float32", attributes, ((cell.shape, cell.dtype),))


def _layer(op: Operator, options: Any) -> list[int]:
    """The sizes of ``ai_k_lstm_hybrid_s8``."""
    (batch, outputs), cells, depth = op.input(H).shape, op.input(C).shape[1], op.input(0).shape[2]
    parts = (coupled(op), has(op, PEEPHOLES + 2), has(op, NORMS + 1), has(op, PROJECTION))
    flags = (*parts, bool(options.AsymmetricQuantizeInputs()))
    return [depth, cells, outputs, batch, int(options.TimeMajor()), *map(int, flags)]


def _matrices(op: Operator) -> tuple[list[NDArray[np.int8]], list[NDArray[np.float32]]]:
    """Matrices in the kernel's order; scales over x [4], over h [4], of the projection [1], or zeros."""
    matrices: list[NDArray[np.int8]] = []
    scales = [np.zeros(len(GATES), np.float32), np.zeros(len(GATES), np.float32), np.zeros(1, np.float32)]
    for place, gate in enumerate(GATES):
        if not has(op, OVER_X + gate):
            continue
        for side, first in enumerate((OVER_X, OVER_H)):
            matrix, scales[side][place] = weights_of_one_scale(op, first + gate)
            matrices.append(matrix)
    if has(op, PROJECTION):
        matrix, scales[2][0] = weights_of_one_scale(op, PROJECTION)
        matrices.append(matrix)
    return matrices, scales


def _rows(op: Operator) -> list[NDArray[np.float32]]:
    """Bias, peepholes and norms of the gates, bias of the projection, as far as they are there."""
    rows = of_gates(op, BIAS)
    if has(op, PEEPHOLES + 2):
        rows += [_peephole(op, PEEPHOLES + place) for place in PEEPING]
    if has(op, NORMS + 1):
        rows += of_gates(op, NORMS)
    if has(op, PROJECTION):
        rows.append(bias_of(op, op.input(H).shape[1], PROJECTION_BIAS))
    return rows


def _peephole(op: Operator, position: int) -> NDArray[np.float32]:
    if not has(op, position):
        return np.zeros(op.input(C).shape[1], np.float32)
    weights, scale = weights_of_one_scale(op, position)
    return weights.astype(np.float32) * scale
