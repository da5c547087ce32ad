# SPDX-License-Identifier: Apache-2.0
"""More steps for ``graphs``: operators that move elements, have several outputs, choose, reduce or keep a state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stm32_emitter.testing.cases.draw import values
from stm32_emitter.testing.graph_steps import IMAGE_RANK, Network, Step, Value
from stm32_emitter.testing.tflite_writer import Quant

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_PIECES = 4


def _numbers(network: Network, data: Sequence[int] | Sequence[Sequence[int]]) -> int:
    return network.draw.int_constant(network.name(), data)


def _axis(network: Network, value: Value) -> int:
    return network.draw.integer(1, len(value.shape) - 1)


def _with(shape: tuple[int, ...], axis: int, size: int) -> tuple[int, ...]:
    return (*shape[:axis], size, *shape[axis + 1 :])


def split(network: Network, value: Value) -> Value | None:
    """SPLIT or SPLIT_V of one axis into two to four outputs."""
    axis = _axis(network, value)
    size = value.shape[axis]
    counts = [n for n in range(2, MOST_PIECES + 1) if size % n == 0]
    if counts and network.draw.chance(0.5):
        count = network.draw.pick(counts)
        shapes = [_with(value.shape, axis, size // count)] * count
        return network.pieces("SPLIT", [_numbers(network, [axis]), value.index], shapes, value.quant, num_splits=count)
    if size < 2:
        return None
    first = network.draw.integer(1, size - 1)
    lengths = [first, size - first]
    shapes = [_with(value.shape, axis, length) for length in lengths]
    inputs = [value.index, _numbers(network, lengths), _numbers(network, [axis])]
    return network.pieces("SPLIT_V", inputs, shapes, value.quant, num_splits=2)


def unpack(network: Network, value: Value) -> Value | None:
    """UNPACK of an axis with few elements."""
    axis = _axis(network, value)
    count = value.shape[axis]
    if not 2 <= count <= MOST_PIECES or len(value.shape) < 3:
        return None
    shape = value.shape[:axis] + value.shape[axis + 1 :]
    return network.pieces("UNPACK", [value.index], [shape] * count, value.quant, axis=axis, num=count)


def pack(network: Network, value: Value) -> Value | None:
    """PACK with itself or others like it."""
    if len(value.shape) >= IMAGE_RANK:
        return None
    others = [network.draw.pick(network.alike(value)) for _ in range(network.draw.integer(1, 2))]
    inputs, axis = [value.index, *(other.index for other in others)], network.draw.integer(1, len(value.shape))
    shape = (*value.shape[:axis], len(inputs), *value.shape[axis:])
    return network.emit("PACK", inputs, shape, value.quant, axis=axis, values_count=len(inputs))


def cut(network: Network, value: Value) -> Value | None:
    """SLICE of some elements of every axis but the first."""
    bounds = [(0, value.shape[0])]
    for size in value.shape[1:]:
        begin = network.draw.integer(0, size // 3)
        bounds.append((begin, network.draw.integer(begin + 1, size) - begin))
    inputs = [value.index, _numbers(network, [b for b, _ in bounds]), _numbers(network, [n for _, n in bounds])]
    return network.emit("SLICE", inputs, [n for _, n in bounds], value.quant)


def gather(network: Network, value: Value) -> Value | None:
    """GATHER of constant positions of an axis, some of them twice."""
    axis = _axis(network, value)
    size = value.shape[axis]
    chosen = [network.draw.integer(0, size - 1) for _ in range(network.draw.integer(1, size + 1))]
    inputs, shape = [value.index, _numbers(network, chosen)], _with(value.shape, axis, len(chosen))
    return network.emit("GATHER", inputs, shape, value.quant, axis=axis, batch_dims=0)


def tile(network: Network, value: Value) -> Value | None:
    """TILE of one axis."""
    repeats = [1] * len(value.shape)
    repeats[_axis(network, value)] = 2
    shape = [dim * times for dim, times in zip(value.shape, repeats, strict=True)]
    return network.emit("TILE", [value.index, _numbers(network, repeats)], shape, value.quant)


def mirror(network: Network, value: Value) -> Value | None:
    """MIRROR_PAD of one axis."""
    axis = _axis(network, value)
    if value.shape[axis] < 2:
        return None
    paddings = [[0, 0] for _ in value.shape]
    paddings[axis] = [1, network.draw.integer(0, 1)]
    shape = _with(value.shape, axis, value.shape[axis] + sum(paddings[axis]))
    mode = network.draw.integer(0, 1)
    return network.emit("MIRROR_PAD", [value.index, _numbers(network, paddings)], shape, value.quant, mode=mode)


def reverse(network: Network, value: Value) -> Value | None:
    """REVERSE_V2 of one axis."""
    inputs = [value.index, _numbers(network, [_axis(network, value)])]
    return network.emit("REVERSE_V2", inputs, value.shape, value.quant)


def blocks(network: Network, value: Value) -> Value | None:
    """SPACE_TO_DEPTH or DEPTH_TO_SPACE with blocks of 2 x 2."""
    if len(value.shape) != IMAGE_RANK:
        return None
    n, h, w, c = value.shape
    if c % 4 == 0:
        return network.emit("DEPTH_TO_SPACE", [value.index], (n, 2 * h, 2 * w, c // 4), value.quant, block_size=2)
    if h % 2 or w % 2:
        return None
    return network.emit("SPACE_TO_DEPTH", [value.index], (n, h // 2, w // 2, 4 * c), value.quant, block_size=2)


def extreme(network: Network, value: Value) -> Value | None:
    """MAXIMUM or MINIMUM with a value like it or a constant."""
    draw = network.draw
    other = draw.pick(network.alike(value)) if draw.chance(0.6) else network.constant((1,), value.quant)
    return network.emit(draw.pick(("MAXIMUM", "MINIMUM")), [value.index, other.index], value.shape, value.quant)


def choose(network: Network, value: Value) -> Value | None:
    """SELECT_V2 by a comparison with a value of another scale or a constant; the truth values may be an output."""
    draw = network.draw
    op = draw.pick(("GREATER", "LESS_EQUAL", "NOT_EQUAL", "EQUAL", "LESS", "GREATER_EQUAL"))
    if not network.takes(op) or not network.takes("SELECT_V2"):
        return None
    others = [other for other in network.values if (other.shape, other.dtype) == (value.shape, value.dtype)]
    other = draw.pick(others) if draw.chance(0.5) else network.constant(value.shape[-1:], value.quant)
    mask = draw.activation(network.name(), value.shape, None, "bool")
    draw.writer.operator(op, [value.index, other.index], [mask])
    network.consumed.update((value.index, other.index))
    if draw.chance(0.2):
        network.extras.append(mask)
    second = draw.pick(network.alike(value))
    return network.emit("SELECT_V2", [mask, value.index, second.index], value.shape, value.quant)


def position(network: Network, value: Value) -> Value | None:
    """ARG_MAX or ARG_MIN of integers as an output; gives the value itself. Of floats, rounding decides about it."""
    op = network.draw.pick(("ARG_MAX", "ARG_MIN"))
    if not network.takes(op) or len(network.extras) > 1 or value.dtype == "float32":
        return None
    axis = _axis(network, value)
    shape = value.shape[:axis] + value.shape[axis + 1 :]
    index = network.draw.activation(network.name(), shape, None, "int32")
    network.draw.writer.operator(op, [value.index, _numbers(network, [axis])], [index], output_type=2)
    network.consumed.add(value.index)
    network.extras.append(index)
    return value


def reduce(network: Network, value: Value) -> Value | None:
    """SUM, REDUCE_MAX or REDUCE_MIN over one axis."""
    draw, axis = network.draw, _axis(network, value)
    op, keep = draw.pick(network.computed_by_reference(("SUM", "REDUCE_MAX", "REDUCE_MIN"))), draw.chance(0.5)
    keep = keep or len(value.shape) < 3
    shape = value.shape[:axis] + ((1,) if keep else ()) + value.shape[axis + 1 :]
    quant = value.quant
    if op == "SUM":
        quant = draw.affine(value.quant.scales[0] * draw.log_uniform(0.5, 3.0), draw.integer(-80, 80))
    return network.emit(op, [value.index, _numbers(network, [axis])], shape, quant, keep_dims=keep)


def function(network: Network, value: Value) -> Value | None:
    """ABS, NEG, ELU, GELU or RELU_N1_TO_1; NEG looks at no quantization."""
    draw = network.draw
    op = draw.pick(network.computed_by_reference(("ABS", "NEG", "ELU", "GELU", "RELU_N1_TO_1")))
    quant = draw.affine(value.quant.scales[0] * draw.log_uniform(0.5, 2.0), draw.integer(-80, 80))
    options = {"approximate": draw.chance(0.5)} if op == "GELU" else {}
    return network.emit(op, [value.index], value.shape, value.quant if op == "NEG" else quant, **options)


def prelu(network: Network, value: Value) -> Value | None:
    """PRELU with a slope for each channel."""
    draw = network.draw
    shape = (1,) * (len(value.shape) - 2) + value.shape[-1:]
    if draw.dtype == "int16":  # beside it the reference reads slopes as int8
        alpha = draw.writer.constant(network.name(), values(draw.rng, shape, "int8", "uniform"), quant=Quant(0.005, 0))
    else:
        alpha = network.constant(shape, draw.affine(0.005, 0)).index
    quant = draw.affine(value.quant.scales[0] * draw.log_uniform(0.5, 2.0), draw.integer(-80, 80))
    return network.emit("PRELU", [value.index, alpha], value.shape, quant)


def normalize(network: Network, value: Value) -> Value | None:
    """L2_NORMALIZATION over the last axis."""
    quant, none = Quant(1 / 128, 0), "NONE"
    return network.emit_fixed("L2_NORMALIZATION", [value.index], value.shape, quant, fused_activation_function=none)


def difference(network: Network, value: Value) -> Value | None:
    """SQUARED_DIFFERENCE of a value of the same shape."""
    draw = network.draw
    others = [other for other in network.values if (other.shape, other.dtype) == (value.shape, value.dtype)]
    other = draw.pick(others)
    largest = max(value.quant.scales[0], other.quant.scales[0]) * 255
    quant = draw.affine(largest**2 / 255 * draw.log_uniform(0.05, 2.0), draw.integer(-128, 127))
    return network.emit("SQUARED_DIFFERENCE", [value.index, other.index], value.shape, quant)


def remember(network: Network, value: Value) -> Value | None:
    """A variable: the value of the run before, or the last ones along the second axis with the new one behind."""
    draw = network.draw
    steps = draw.integer(1, 3) if len(value.shape) == IMAGE_RANK and value.shape[1] == 1 else 0
    shape = _with(value.shape, 1, steps) if steps else value.shape
    initial = values(draw.rng, shape, draw.dtype, draw.pick(("uniform", "constant")))
    name = f"state_{len(draw.writer.variables)}"
    handle = draw.writer.variable(name, initial, quant=network.stored(value.quant))
    before = network.add(shape, value.quant)
    draw.writer.operator("READ_VARIABLE", [handle], [before.index])
    kept = value if not steps else _shifted(network, before, value)
    if kept is None:
        kept = before
    draw.writer.operator("ASSIGN_VARIABLE", [handle, kept.index], [])
    network.consumed.add(kept.index)
    return before


def _shifted(network: Network, before: Value, value: Value) -> Value | None:
    """The rows of a state without the first one, and the new one behind."""
    joined_shape = _with(value.shape, 1, before.shape[1] + 1)
    joined = network.emit(
        "CONCATENATION",
        [before.index, value.index],
        joined_shape,
        value.quant,
        axis=1,
        fused_activation_function="NONE",
    )
    if joined is None:
        return None
    begin = [0, 1, *[0] * (len(before.shape) - 2)]
    inputs = [joined.index, _numbers(network, begin), _numbers(network, before.shape)]
    return network.emit("SLICE", inputs, before.shape, value.quant)


MOVES: tuple[Step, ...] = (
    *(split, split, unpack, pack, cut, gather, tile, mirror, reverse, blocks, extreme, choose, choose),
    *(position, reduce, reduce, function, function, prelu, normalize, difference),
)
