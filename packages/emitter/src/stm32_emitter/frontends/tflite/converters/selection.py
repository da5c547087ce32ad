# SPDX-License-Identifier: Apache-2.0
"""Operators that choose elements by index or by size, and tensors of one value; quantized bytes stay as they are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import tflite
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.tflite.converters.movement import SAME_SCALE
from stm32_emitter.frontends.tflite.converters.rearrangement import axis_of, kept, moves
from stm32_emitter.frontends.tflite.support import ANY, EIGHT_BITS, FORMATS, WHOLE, Limit, Support, takes
from stm32_emitter.operators.base import Fused

if TYPE_CHECKING:
    from collections.abc import Callable

    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator, Tensor

_INDICES = ("int32", "int64")


def _checked(indices: Tensor, size: int, where: str) -> NDArray[Any] | None:
    """The value of constant indices, all of which are inside; None where they are computed at run time."""
    if indices.dtype not in _INDICES:
        raise ModelRefused(f"its indices '{indices.name}' are of {indices.dtype}", hint="Use int32 or int64.")
    value = indices.data
    if value is not None and (np.any(value < 0) or np.any(value >= size)):
        raise ModelRefused(f"an index is outside of {where}")
    return value


def convert_gather(c: Converter, op: Operator) -> relax.Expr:
    """x at indices of one axis, whose place the axes of the indices take behind ``batch_dims`` common ones."""
    options, x, indices = op.options(tflite.GatherOptions), op.input(0), op.input(1)
    kept(op, x)
    axis = axis_of(options.Axis(), len(x.shape))
    shared = options.BatchDims() + (len(indices.shape) if options.BatchDims() < 0 else 0)
    value = _checked(indices, x.shape[axis], f"axis {axis} of shape {list(x.shape)}")
    if not 0 <= shared <= min(axis, len(indices.shape)) or x.shape[:shared] != indices.shape[:shared]:
        raise ModelRefused(f"{shared} batch dimensions do not fit {list(x.shape)} and indices {list(indices.shape)}")
    shape = x.shape[:axis] + indices.shape[shared:] + x.shape[axis + 1 :]
    if shared:
        attributes = {"axis": axis, "batch_dims": shared}
        return Fused("GATHER", (c.raw(x), c.raw(indices)), shape, x.dtype, {**attributes}).call()
    if value is None:
        flat = c.bb.normalize(relax.op.reshape(c.raw(indices), (math.prod(indices.shape),)))
    else:
        flat = relax.const(value.ravel().astype(np.int32))
    return relax.op.reshape(c.bb.normalize(relax.op.take(c.raw(x), flat, axis)), shape)


def convert_gather_nd(c: Converter, op: Operator) -> relax.Expr:
    """x at indices [..., m] of its first m axes."""
    x, indices = op.input(0), op.input(1)
    kept(op, x)
    axes = indices.shape[-1] if indices.shape else 0
    if not 1 <= axes <= len(x.shape):
        raise ModelRefused(f"indices of shape {list(indices.shape)} do not fit a tensor of shape {list(x.shape)}")
    value = _checked(indices, max(x.shape), f"shape {list(x.shape)}")
    if value is not None and np.any(value >= np.array(x.shape[:axes])):
        raise ModelRefused(f"an index is outside of shape {list(x.shape)}")
    return Fused("GATHER_ND", (c.raw(x), c.raw(indices)), indices.shape[:-1] + x.shape[axes:], x.dtype).call()


WHOLE_BYTES = Limit(
    "rows of a table of int4 have an even number of elements", hint="Quantize the table to int8, or make its rows even."
)
"""The reference takes each row to begin with a byte, as the file has it not."""


def convert_embedding_lookup(c: Converter, op: Operator) -> relax.Expr:
    """Rows of a table, inputs (row numbers, table); a table of bytes beside an output of float32 is scaled."""
    ids, table, output = op.input(0), op.input(1), op.outputs[0]
    value = _checked(ids, table.shape[0], f"a table of {table.shape[0]} rows")
    numbers = c.raw(ids) if value is None else relax.const(value.astype(np.int32))
    if table.dtype == output.dtype:
        kept(op, table)
        return relax.op.take(c.raw(table), numbers, 0)
    return _scaled_rows(c, op, numbers)


def _scaled_rows(c: Converter, op: Operator, numbers: relax.Expr) -> relax.Expr:
    """float32 rows of a constant table of int8; bytes of uint8 count as int8, as the reference takes them."""
    ids, table, output = op.input(0), op.input(1), op.outputs[0]
    if table.quantization is None or table.dtype not in EIGHT_BITS or output.dtype != "float32":
        raise ModelRefused(f"a table of {table.dtype} for an output of {output.dtype} is not supported")
    WHOLE_BYTES.require(table.stored != "int4" or math.prod(table.shape[1:]) % 2 == 0, f"it has {list(table.shape)}")
    if np.any(table.quantization.zero_point) or (table.quantization.axis and not table.quantization.per_tensor):
        raise ModelRefused("its table has a zero point other than 0, or scales of another axis than that of the rows")
    scale = relax.const(table.quantization.scale)
    if not table.quantization.per_tensor:
        of_rows = c.bb.normalize(relax.op.take(scale, numbers, 0))
        scale = c.bb.normalize(relax.op.reshape(of_rows, (*ids.shape, *[1] * (len(table.shape) - 1))))
    rows = c.bb.normalize(relax.op.take(relax.const(op.constant(1).view(np.int8)), numbers, 0))
    return relax.op.multiply(c.bb.normalize(relax.op.astype(rows, "float32")), scale)


def convert_one_hot(c: Converter, op: Operator) -> relax.Expr:
    """One value where an index equals the position along another axis, else the other; inputs (x, depth, on, off).

    The reference passes both values on as they are, whatever their scales: TensorFlow's quantizer gives each its own.
    """
    x, depth = op.input(0), int(op.constant(1).ravel()[0])
    axis = axis_of(op.options(tflite.OneHotOptions).Axis(), len(x.shape) + 1)
    shape = (*x.shape[:axis], 1, *x.shape[axis:])
    positions = np.arange(depth).astype(x.dtype).reshape([depth if i == axis else 1 for i in range(len(shape))])
    indices = c.bb.normalize(relax.op.reshape(c.raw(x), shape))
    found = c.bb.normalize(relax.op.equal(indices, relax.const(positions, x.dtype)))
    on, off = (c.bb.normalize(relax.op.reshape(c.raw(op.input(i)), ())) for i in (2, 3))
    return relax.op.where(found, on, off)


def convert_top_k(c: Converter, op: Operator) -> list[relax.Expr]:
    """The k greatest elements of each row of the last axis and their positions (int32); k is constant."""
    x, count = op.input(0), int(op.constant(1).ravel()[0])
    kept(op, x)
    if not x.shape or not 1 <= count <= x.shape[-1] or x.dtype == "bool":
        raise ModelRefused(f"the {count} greatest of a tensor {x.dtype}{list(x.shape)} are not supported")
    shape = (*x.shape[:-1], count)
    call = c.bb.emit(Fused("TOPK_V2", (c.raw(x),), shape, x.dtype, {}, ((shape, "int32"),)).call())
    return [relax.TupleGetItem(call, i) for i in range(2)]


def convert_dynamic_update_slice(c: Converter, op: Operator) -> relax.Expr:
    """x with a part of it replaced from a place on; inputs (x, part, place)."""
    x, part, start = (op.input(i) for i in range(3))
    kept(op, x, part)
    fits = len(part.shape) == len(x.shape) and all(p <= s for p, s in zip(part.shape, x.shape, strict=True))
    if not x.shape or not fits or start.shape != (len(x.shape),) or start.dtype not in _INDICES:
        raise ModelRefused(
            f"a part {list(part.shape)} at {start.dtype}{list(start.shape)} does not fit {list(x.shape)}"
        )
    return Fused("DYNAMIC_UPDATE_SLICE", (c.raw(x), c.raw(part), c.raw(start)), x.shape, x.dtype).call()


def convert_fill(c: Converter, op: Operator) -> relax.Expr:
    """A tensor of one value that is computed at run time; inputs (shape, value)."""
    shape, value = [int(v) for v in op.constant(0).ravel()], op.input(1)
    kept(op, value)
    return relax.op.broadcast_to(c.bb.normalize(relax.op.reshape(c.raw(value), [1] * len(shape))), shape)


def refuse_where(c: Converter, op: Operator) -> relax.Expr:
    """Always: how many elements it gives depends on the data."""
    del c
    raise ModelRefused(
        f"'{op.outputs[0].name}' lists what is true of its input, so its length depends on the data",
        hint="Use SELECT_V2 with the condition itself, or end the model before this operator.",
    )


CONVERTERS: dict[str, Callable[[Converter, Operator], Any]] = {
    "DYNAMIC_UPDATE_SLICE": convert_dynamic_update_slice,
    "EMBEDDING_LOOKUP": convert_embedding_lookup,
    "FILL": convert_fill,
    "GATHER": convert_gather,
    "GATHER_ND": convert_gather_nd,
    "ONE_HOT": convert_one_hot,
    "TOPK_V2": convert_top_k,
    "WHERE": refuse_where,
}

SUPPORT: dict[str, Support] = {
    "DYNAMIC_UPDATE_SLICE": moves(),
    "EMBEDDING_LOOKUP": takes(
        *ANY,
        "hybrid",
        limits=(SAME_SCALE, WHOLE_BYTES),
        refused={"int4": "the reference copies two elements as one, and leaves half of the result unwritten"},
    ),
    "FILL": moves(constants={0: "shape"}),
    "GATHER": moves(),
    "GATHER_ND": moves(),
    "ONE_HOT": takes(
        *EIGHT_BITS,
        "float32",
        *WHOLE,
        "bool",
        constants={1: "depth"},
        note="both values go on as they are, whatever their scales",
    ),
    "WHERE": takes(refused=dict.fromkeys(FORMATS, "it lists what is true, so its length depends on the data")),
    "TOPK_V2": moves(*EIGHT_BITS, "int16", "float32", *WHOLE, constants={1: "count"}),
}
