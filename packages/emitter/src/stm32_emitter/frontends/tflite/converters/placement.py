# SPDX-License-Identifier: Apache-2.0
"""REVERSE_SEQUENCE, MATRIX_DIAG, MATRIX_SET_DIAG and BITCAST: elements change their places or their type only."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import tflite
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.tflite.converters.movement import SAME_SCALE
from stm32_emitter.frontends.tflite.converters.rearrangement import axis_of, kept, moves
from stm32_emitter.frontends.tflite.support import WHOLE, Support, takes
from stm32_emitter.operators.base import Fused, constant

if TYPE_CHECKING:
    from collections.abc import Callable

    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator


def convert_reverse_sequence(c: Converter, op: Operator) -> relax.Expr:
    """x with the first ``lengths[b]`` elements of one axis in opposite order, for each index b of another axis."""
    options, x, lengths = op.options(tflite.ReverseSequenceOptions), op.input(0), op.input(1)
    kept(op, x)
    seq, batch = (axis_of(axis, len(x.shape)) for axis in (options.SeqDim(), options.BatchDim()))
    if seq == batch or lengths.shape != (x.shape[batch],) or lengths.dtype not in ("int32", "int64"):
        raise ModelRefused(
            f"lengths {lengths.dtype}{list(lengths.shape)} along axis {batch} do not fit sequences along axis {seq} of "
            f"{list(x.shape)}"
        )
    axes = {"seq_axis": seq, "batch_axis": batch}
    return Fused("REVERSE_SEQUENCE", (c.raw(x), c.raw(lengths)), x.shape, x.dtype, {**axes}).call()


def _on_diagonal(c: Converter, diagonal: relax.Expr, others: relax.Expr, shape: tuple[int, ...]) -> relax.Expr:
    """``diagonal`` [..., n] where row and column of ``shape`` are equal, else ``others``."""
    mask = relax.const(np.eye(shape[-2], shape[-1]) > 0)
    tall = shape[-2] <= shape[-1]  # the diagonal has as many elements as there are rows, else columns
    spread = (*shape[:-2], shape[-2], 1) if tall else (*shape[:-2], 1, shape[-1])
    return relax.op.where(mask, c.bb.normalize(relax.op.reshape(diagonal, spread)), others)


def convert_matrix_diag(c: Converter, op: Operator) -> relax.Expr:
    """x [..., n] -> y [..., n, n], raw 0 beside the diagonal."""
    x = op.input(0)
    kept(op, x)
    if not x.shape:
        raise ModelRefused("its input is a scalar", hint="The file is damaged.")
    return _on_diagonal(c, c.raw(x), constant(np.array(0, x.dtype)), (*x.shape, x.shape[-1]))


def convert_matrix_set_diag(c: Converter, op: Operator) -> relax.Expr:
    """x [..., r, c] with another diagonal [..., min(r, c)]."""
    x, diagonal = op.input(0), op.input(1)
    kept(op, x, diagonal)
    if len(x.shape) < 2 or diagonal.shape != (*x.shape[:-2], min(x.shape[-2:])):
        raise ModelRefused(f"a diagonal {list(diagonal.shape)} does not fit {list(x.shape)}")
    return _on_diagonal(c, c.raw(diagonal), c.raw(x), x.shape)


def convert_bitcast(c: Converter, op: Operator) -> relax.Expr:
    """The bytes of x as elements of the output's type, which is none of truth values: any byte could come."""
    x, output = op.input(0), op.outputs[0]
    sizes = [math.prod(t.shape) * np.dtype(t.dtype).itemsize for t in (x, output)]
    if sizes[0] != sizes[1] or output.dtype == "bool":
        raise ModelRefused(f"{x.dtype}{list(x.shape)} cannot be read as {output.dtype}{list(output.shape)}")
    return Fused("BITCAST", (c.raw(x),), output.shape, output.dtype).call()


CONVERTERS: dict[str, Callable[[Converter, Operator], Any]] = {
    "BITCAST": convert_bitcast,
    "MATRIX_DIAG": convert_matrix_diag,
    "MATRIX_SET_DIAG": convert_matrix_set_diag,
    "REVERSE_SEQUENCE": convert_reverse_sequence,
}

OVERRUN = "the reference kernel writes beyond the end of its output"
_NUMBERS = ("int8", "uint8", "int16", "float32", *WHOLE)
_DIAGONAL = takes(*_NUMBERS, limits=(SAME_SCALE,), refused={"bool": OVERRUN})
SUPPORT: dict[str, Support] = {
    "BITCAST": takes(*_NUMBERS, "bool", note="to numbers"),
    "MATRIX_DIAG": _DIAGONAL,
    "MATRIX_SET_DIAG": _DIAGONAL,
    "REVERSE_SEQUENCE": moves("uint8", "int16", "float32", *WHOLE),
}
