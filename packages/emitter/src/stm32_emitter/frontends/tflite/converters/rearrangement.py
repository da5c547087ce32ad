# SPDX-License-Identifier: Apache-2.0
"""Operators that cut, join, repeat and reorder whole blocks of elements; quantized bytes stay as they are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import tflite
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.tflite.converters.common import rank
from stm32_emitter.frontends.tflite.converters.movement import SAME_SCALE, same_scale
from stm32_emitter.frontends.tflite.support import ANY, EIGHT_BITS, Limit, Support, takes

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator, Tensor


def kept(op: Operator, *tensors: Tensor) -> None:
    """Refuses an output whose bytes mean other numbers than those of what it is made of."""
    for output in op.outputs:
        SAME_SCALE.require(all(same_scale(tensor, output) for tensor in tensors))


def axis_of(axis: int, dims: int) -> int:
    """``axis``, which may count from the end, of a tensor of rank ``dims``; refuses one that does not exist."""
    if not -dims <= axis < dims:
        raise ModelRefused(f"axis {axis} does not exist in a tensor of rank {dims}")
    return axis % dims


def _numbers(op: Operator, position: int) -> list[int]:
    return [int(value) for value in op.constant(position).ravel()]


def _slices(c: Converter, x: Tensor, axis: int, lengths: list[int]) -> list[relax.Expr]:
    """Neighbouring pieces of x along an axis."""
    if sum(lengths) != x.shape[axis] or min(lengths, default=0) < 1:
        raise ModelRefused(f"pieces of {lengths} do not fit axis {axis} of shape {list(x.shape)}")
    ends = np.cumsum(lengths)
    return [
        relax.op.strided_slice(c.raw(x), [axis], [int(end) - length], [int(end)])
        for length, end in zip(lengths, ends, strict=True)
    ]


def convert_split(c: Converter, op: Operator) -> list[relax.Expr]:
    """Equal pieces along an axis; inputs (axis, x)."""
    x = op.input(1)
    kept(op, x)
    axis = axis_of(_numbers(op, 0)[0], len(x.shape))
    return _slices(c, x, axis, [x.shape[axis] // len(op.outputs)] * len(op.outputs))


def convert_split_v(c: Converter, op: Operator) -> list[relax.Expr]:
    """Pieces of given lengths, of which one may be -1: what is left; inputs (x, lengths, axis)."""
    x, lengths = op.input(0), _numbers(op, 1)
    kept(op, x)
    axis = axis_of(_numbers(op, 2)[0], len(x.shape))
    rest = x.shape[axis] - sum(length for length in lengths if length >= 0)
    return _slices(c, x, axis, [rest if length < 0 else length for length in lengths])


def convert_unpack(c: Converter, op: Operator) -> list[relax.Expr]:
    """One output for each index of an axis, which is dropped."""
    x = op.input(0)
    kept(op, x)
    axis = axis_of(op.options(tflite.UnpackOptions).Axis(), len(x.shape))
    pieces = _slices(c, x, axis, [1] * x.shape[axis])
    shape = x.shape[:axis] + x.shape[axis + 1 :]
    return [relax.op.reshape(c.bb.normalize(piece), shape) for piece in pieces]


def convert_pack(c: Converter, op: Operator) -> relax.Expr:
    """Inputs of one shape along another axis."""
    tensors = [op.input(i) for i in range(len(op.inputs))]
    kept(op, *tensors)
    axis = axis_of(op.options(tflite.PackOptions).Axis(), len(tensors[0].shape) + 1)
    shape = (*tensors[0].shape[:axis], 1, *tensors[0].shape[axis:])
    parts = [c.bb.normalize(relax.op.reshape(c.raw(tensor), shape)) for tensor in tensors]
    return relax.op.concat(parts, axis) if len(parts) > 1 else parts[0]


def convert_slice(c: Converter, op: Operator) -> relax.Expr:
    """x[begin : begin + size] for each axis; a size of -1 goes to the end."""
    x, begin, size = op.input(0), _numbers(op, 1), _numbers(op, 2)
    kept(op, x)
    if not len(begin) == len(size) == len(x.shape):
        raise ModelRefused(f"begin {begin} and size {size} do not fit shape {list(x.shape)}")
    end = [dim if s < 0 else b + s for b, s, dim in zip(begin, size, x.shape, strict=True)]
    if any(not 0 <= b < e <= dim for b, e, dim in zip(begin, end, x.shape, strict=True)):
        raise ModelRefused(f"the slice {begin} to {end} is outside of shape {list(x.shape)}")
    return relax.op.strided_slice(c.raw(x), list(range(len(end))), begin, end)


def convert_reverse(c: Converter, op: Operator) -> relax.Expr:
    """x with the order of elements turned round along the axes."""
    x = op.input(0)
    kept(op, x)
    expr = c.raw(x)
    for axis in sorted({axis_of(a, len(x.shape)) for a in _numbers(op, 1)}):
        expr = c.bb.normalize(relax.op.flip(expr, axis))
    return expr


def convert_tile(c: Converter, op: Operator) -> relax.Expr:
    """x repeated along each axis."""
    x, repeats = op.input(0), _numbers(op, 1)
    kept(op, x)
    if len(repeats) != len(x.shape) or min(repeats, default=1) < 1:
        raise ModelRefused(f"the repeats {repeats} do not fit shape {list(x.shape)}")
    return relax.op.tile(c.raw(x), repeats)


def convert_broadcast_to(c: Converter, op: Operator) -> relax.Expr:
    """x with axes of length 1 repeated up to the output's shape."""
    x, output = op.input(0), op.outputs[0]
    kept(op, x)
    return relax.op.broadcast_to(c.raw(x), output.shape)


def _mirrored(c: Converter, expr: relax.Expr, axis: int, piece: tuple[int, int]) -> relax.Expr | None:
    """``piece`` = (start, length) of an axis in opposite order; None for length 0."""
    start, length = piece
    if length == 0:
        return None
    cut = c.bb.normalize(relax.op.strided_slice(expr, [axis], [start], [start + length]))
    return c.bb.normalize(relax.op.flip(cut, axis))


def convert_mirror_pad(c: Converter, op: Operator) -> relax.Expr:
    """Borders that mirror the tensor: with its edge (SYMMETRIC) or without (REFLECT)."""
    x, widths = op.input(0), op.constant(1)
    kept(op, x)
    offset = 0 if op.options(tflite.MirrorPadOptions).Mode() == tflite.MirrorPadMode.SYMMETRIC else 1
    if widths.shape != (len(x.shape), 2):
        raise ModelRefused(f"paddings of shape {list(widths.shape)} do not fit {list(x.shape)}")
    expr = c.raw(x)
    for axis, ((before, after), size) in enumerate(zip(widths.tolist(), x.shape, strict=True)):
        if not 0 <= max(before, after) <= size - offset or min(before, after) < 0:
            raise ModelRefused(f"paddings of {before} and {after} are too large for axis {axis} of {list(x.shape)}")
        parts = [_mirrored(c, expr, axis, (offset, before)), expr]
        parts.append(_mirrored(c, expr, axis, (size - offset - after, after)))
        present = [part for part in parts if part is not None]
        expr = c.bb.normalize(relax.op.concat(present, axis)) if len(present) > 1 else expr
    return expr


def _regrouped(
    c: Converter, expr: relax.Expr, split: tuple[int, ...], order: list[int], shape: tuple[int, ...]
) -> relax.Expr:
    """Axes split, permuted, joined."""
    parts = c.bb.normalize(relax.op.reshape(expr, split))
    return relax.op.reshape(c.bb.normalize(relax.op.permute_dims(parts, order)), shape)


def convert_depth_to_space(c: Converter, op: Operator) -> relax.Expr:
    """[N,H,W,b*b*C] -> [N,H*b,W*b,C]: channels become blocks of b x b pixels."""
    x, b = op.input(0), op.options(tflite.DepthToSpaceOptions).BlockSize()
    kept(op, x)
    rank(x.name, x.shape, 4)
    n, h, w, channels = x.shape
    if b < 1 or channels % (b * b):
        raise ModelRefused(f"blocks of {b} x {b} do not fit {channels} channels")
    depth = channels // (b * b)
    return _regrouped(c, c.raw(x), (n, h, w, b, b, depth), [0, 1, 3, 2, 4, 5], (n, h * b, w * b, depth))


def convert_space_to_depth(c: Converter, op: Operator) -> relax.Expr:
    """[N,H*b,W*b,C] -> [N,H,W,b*b*C]: blocks of b x b pixels become channels."""
    x, b = op.input(0), op.options(tflite.SpaceToDepthOptions).BlockSize()
    kept(op, x)
    rank(x.name, x.shape, 4)
    n, height, width, depth = x.shape
    if b < 1 or height % b or width % b:
        raise ModelRefused(f"blocks of {b} x {b} do not fit an image of {height} x {width}")
    h, w = height // b, width // b
    return _regrouped(c, c.raw(x), (n, h, b, w, b, depth), [0, 1, 3, 2, 4, 5], (n, h, w, b * b * depth))


def convert_space_to_batch(c: Converter, op: Operator) -> relax.Expr:
    """[N,*S,*R] -> [N*prod(blocks),*(S+paddings)/blocks,*R]; the border is real 0."""
    x, blocks, widths = op.input(0), _numbers(op, 1), op.constant(2)
    kept(op, x)
    count = len(blocks)
    if widths.shape != (count, 2) or len(x.shape) < count + 1:
        raise ModelRefused(f"{count} blocks and paddings of shape {list(widths.shape)} do not fit {list(x.shape)}")
    padding = [0, 0, *(int(v) for v in widths.ravel()), *([0, 0] * (len(x.shape) - count - 1))]
    zero = 0.0 if x.quantization is None or x.dtype == "float32" else float(x.quantization.zero_point[0])
    padded = c.bb.normalize(relax.op.nn.pad(c.raw(x), padding, "constant", zero)) if any(padding) else c.raw(x)
    space = [dim + int(w.sum()) for dim, w in zip(x.shape[1:], widths, strict=False)]
    if any(dim % block for dim, block in zip(space, blocks, strict=True)):
        raise ModelRefused(f"blocks of {blocks} do not fit {space}")
    rest = x.shape[count + 1 :]
    outer = [dim // block for dim, block in zip(space, blocks, strict=True)]
    split = (x.shape[0], *(part for pair in zip(outer, blocks, strict=True) for part in pair), *rest)
    order = [*range(2, 2 * count + 1, 2), 0, *range(1, 2 * count, 2), *range(2 * count + 1, len(split))]
    return _regrouped(c, padded, split, order, (x.shape[0] * math.prod(blocks), *outer, *rest))


def convert_batch_to_space(c: Converter, op: Operator) -> relax.Expr:
    """The inverse of SPACE_TO_BATCH_ND, then the crops are cut off."""
    x, blocks, crops = op.input(0), _numbers(op, 1), op.constant(2)
    kept(op, x)
    count = len(blocks)
    if crops.shape != (count, 2) or len(x.shape) < count + 1 or x.shape[0] % math.prod(blocks):
        raise ModelRefused(f"blocks of {blocks} and crops of shape {list(crops.shape)} do not fit {list(x.shape)}")
    batch, space, rest = x.shape[0] // math.prod(blocks), x.shape[1 : count + 1], x.shape[count + 1 :]
    pairs = [axis for i in range(count) for axis in (count + 1 + i, i)]
    order = [count, *pairs, *range(2 * count + 1, 2 * count + 1 + len(rest))]
    full = [dim * block for dim, block in zip(space, blocks, strict=True)]
    whole = _regrouped(c, c.raw(x), (*blocks, batch, *space, *rest), order, (batch, *full, *rest))
    if not np.any(crops):
        return whole
    ends = [dim - int(after) for dim, (_, after) in zip(full, crops, strict=True)]
    begins = [int(before) for before, _ in crops]
    return relax.op.strided_slice(c.bb.normalize(whole), list(range(1, count + 1)), begins, ends)


CONVERTERS = {
    "BATCH_TO_SPACE_ND": convert_batch_to_space,
    "BROADCAST_TO": convert_broadcast_to,
    "DEPTH_TO_SPACE": convert_depth_to_space,
    "MIRROR_PAD": convert_mirror_pad,
    "PACK": convert_pack,
    "REVERSE_V2": convert_reverse,
    "SLICE": convert_slice,
    "SPACE_TO_BATCH_ND": convert_space_to_batch,
    "SPACE_TO_DEPTH": convert_space_to_depth,
    "SPLIT": convert_split,
    "SPLIT_V": convert_split_v,
    "TILE": convert_tile,
    "UNPACK": convert_unpack,
}


def moves(*formats: str, constants: dict[int, str] | None = None, limits: tuple[Limit, ...] = ()) -> Support:
    """The declaration of an operator that moves elements and keeps their bytes; all formats if none is named."""
    return takes(*(formats or ANY), limits=(SAME_SCALE, *limits), constants=constants)


_NUMBERS = (*EIGHT_BITS, "int16", "float32", "int32", "int64")
SUPPORT: dict[str, Support] = {
    "BATCH_TO_SPACE_ND": moves(constants={1: "block shape", 2: "crops"}),
    "BROADCAST_TO": moves(constants={1: "shape"}),
    "DEPTH_TO_SPACE": moves(*EIGHT_BITS, "float32", "int32", "int64"),
    "MIRROR_PAD": moves(constants={1: "paddings"}),
    "PACK": moves(*_NUMBERS),
    "REVERSE_V2": moves(constants={1: "axes"}),
    "SLICE": moves(constants={1: "begin", 2: "size"}),
    "SPACE_TO_BATCH_ND": moves(constants={1: "block shape", 2: "paddings"}),
    "SPACE_TO_DEPTH": moves(*EIGHT_BITS, "float32", "int32", "int64"),
    "SPLIT": moves(*_NUMBERS, constants={0: "axis"}),
    "SPLIT_V": moves(*_NUMBERS, constants={1: "lengths", 2: "axis"}),
    "TILE": moves(constants={1: "multiples"}),
    "UNPACK": moves(*EIGHT_BITS, "int16", "float32", "int32", "bool"),
}
