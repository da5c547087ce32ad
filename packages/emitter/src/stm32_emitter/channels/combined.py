# SPDX-License-Identifier: Apache-2.0
"""Operators with several inputs, ADD, SUB, MUL and CONCATENATION, and PAD, which adds channels of one value."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from tvm import relax

from stm32_emitter.channels.ranges import Mask, Range, range_of, requantized
from stm32_emitter.channels.rules import Layer, Rule
from stm32_emitter.operators.add import nearest_sum
from stm32_emitter.operators.base import Fused, KernelRequest, constant
from stm32_emitter.operators.gemmlowp import Ints, requantize
from stm32_emitter.operators.mul import nearest_product
from stm32_emitter.operators.nearest import is_nearest
from stm32_emitter.operators.scope import constant_value

_LEFT_SHIFT = 20


def known(layer: Layer, position: int) -> Range:
    """What is known of an input, constant or not."""
    value = layer.request.inputs[position].value
    return layer.range(position) if value is None else range_of(value)


class Elementwise(Rule):
    """Two operands that are broadcast. One that is constant in all channels that are left becomes a vector."""

    def __init__(self, combine: Callable[[Layer, Range, Range], Range]) -> None:
        self._combine = combine

    def applies(self, request: KernelRequest) -> bool:
        """Some operand is no constant."""
        return any(spec.value is None for spec in request.inputs)

    def ranges(self, layer: Layer) -> Range:
        """From the bounds of both operands."""
        left, right = (known(layer, i).broadcast(layer.channels) for i in (0, 1))
        low, high = layer.request.integer("low"), layer.request.integer("high")
        return (self._combine(layer, left, right) + layer.request.integer("output_zero_point")).clipped(low, high)

    def needed(self, layer: Layer, kept: Mask) -> list[Mask]:
        """The same channels of both operands, unless one is a constant for all of them."""
        return [self._needed(layer, kept, i) for i in (0, 1)]

    def _needed(self, layer: Layer, kept: Mask, position: int) -> Mask:
        if _is_vector(layer, kept, position):
            return np.zeros(layer.channels_of(position), bool)
        return kept if _follows(layer, position) else np.ones(layer.channels_of(position), bool)

    def implied(self, layer: Layer, kept: Mask, inputs: Sequence[Mask]) -> Mask:
        """The channels of each operand that is still read."""
        result = kept
        for i in (0, 1):
            read = layer.inputs[i] is not None and not _is_vector(layer, kept, i)
            if read and _follows(layer, i):
                result = np.asarray(result | inputs[i])
        return result

    def rebuilt(
        self, layer: Layer, kept: Mask, inputs: Sequence[Mask], arguments: Sequence[relax.Expr]  # noqa: ARG002
    ) -> Fused:  # fmt: skip
        """Constant operands lose their channels, too."""
        operands = [_operand(layer, kept, i, arguments[i]) for i in (0, 1)]
        return layer.fused(operands, kept)


def _follows(layer: Layer, position: int) -> bool:
    """Whether an operand's channels are those of the result."""
    return layer.channels_of(position) == layer.channels


def _is_vector(layer: Layer, kept: Mask, position: int) -> bool:
    """Whether a variable operand has one value in each channel, and the other operand is still read."""
    x, other = layer.inputs[position], layer.inputs[1 - position]
    if x is None or other is None or not x.broadcast(layer.channels).constant[kept].all():
        return False
    # Where both could become constants, one of them stays a tensor.
    return position == 0 or not other.broadcast(layer.channels).constant[kept].all()


def _operand(layer: Layer, kept: Mask, position: int, argument: relax.Expr) -> relax.Expr:
    if _is_vector(layer, kept, position):
        values = layer.range(position).broadcast(layer.channels).low[kept]
        rank = len(layer.request.inputs[position].shape)
        shape = (1,) * (rank - 1) + (len(values),)
        return constant(values.astype(layer.request.inputs[position].dtype).reshape(shape))
    value = constant_value(argument)
    if value is None or not _follows(layer, position) or not value.ndim:
        return argument
    return constant(value[..., kept])


def sums(layer: Layer, left: Range, right: Range) -> Range:
    """ADD: both operands grow with their values."""
    if is_nearest(layer.request):
        return _nearest(layer, (left.low, right.low), (left.high, right.high))
    a, b = _term(layer, "left", left), _term(layer, "right", right)
    return _scaled(layer, Range(a.low + b.low, a.high + b.high))


def differences(layer: Layer, left: Range, right: Range) -> Range:
    """SUB."""
    if is_nearest(layer.request):
        return _nearest(layer, (left.low, right.high), (left.high, right.low))
    a, b = _term(layer, "left", left), _term(layer, "right", right)
    return _scaled(layer, Range(a.low - b.high, a.high - b.low))


def _nearest(layer: Layer, least: tuple[Ints, Ints], greatest: tuple[Ints, Ints]) -> Range:
    """The sums or differences of ONNX of these bytes, less the zero point."""
    low, high = (nearest_sum(layer.request, *pair) for pair in (least, greatest))
    return Range(low, high) + -layer.request.integer("output_zero_point")


def _term(layer: Layer, name: str, x: Range) -> Range:
    """An operand of ADD or SUB: scaled by at most one half, so that nothing wraps."""
    zero_point, shift = layer.request.integer(f"{name}_zero_point"), layer.request.integer(f"{name}_shift")
    multiplier = layer.request.integer(f"{name}_multiplier")
    bounds = [requantize((bound - zero_point) << _LEFT_SHIFT, multiplier, shift) for bound in (x.low, x.high)]
    return Range(bounds[0], bounds[1])


def _scaled(layer: Layer, total: Range) -> Range:
    return requantized(total, layer.request.integer("output_multiplier"), layer.request.integer("output_shift"))


def products(layer: Layer, left: Range, right: Range) -> Range:
    """MUL: the extremes are among the products of the bounds."""
    a, b = left + -layer.request.integer("left_zero_point"), right + -layer.request.integer("right_zero_point")
    corners = np.stack([x * y for x in (a.low, a.high) for y in (b.low, b.high)])
    total = Range(corners.min(axis=0), corners.max(axis=0))
    if is_nearest(layer.request):
        return Range(nearest_product(layer.request, total.low), nearest_product(layer.request, total.high))
    return requantized(total, layer.request.integer("multiplier"), layer.request.integer("shift"))


class Concatenated(Rule):
    """Along the last axis the inputs' channels stand one after the other, along another one they are the same."""

    def ranges(self, layer: Layer) -> Range:
        """Side by side, or of all inputs."""
        parts = [known(layer, i) for i in range(len(layer.inputs))]
        if _along_channels(layer):
            return Range(np.concatenate([p.low for p in parts]), np.concatenate([p.high for p in parts]))
        result = parts[0]
        for part in parts[1:]:
            result = result.hull(part)
        return result

    def needed(self, layer: Layer, kept: Mask) -> list[Mask]:
        """Each input's share."""
        if not _along_channels(layer):
            return [kept] * len(layer.inputs)
        ends = np.cumsum([layer.channels_of(i) for i in range(len(layer.inputs))])
        return np.split(kept, ends[:-1])

    def implied(self, layer: Layer, kept: Mask, inputs: Sequence[Mask]) -> Mask:
        """All channels of the inputs that are computed."""
        variable = [m if x is not None else np.zeros_like(m) for m, x in zip(inputs, layer.inputs, strict=True)]
        if _along_channels(layer):
            return np.asarray(kept | np.concatenate(variable))
        return np.asarray(np.any([kept, *variable], axis=0))

    def rebuilt(
        self, layer: Layer, kept: Mask, inputs: Sequence[Mask], arguments: Sequence[relax.Expr]  # noqa: ARG002
    ) -> Fused:  # fmt: skip
        """Inputs without channels are gone."""
        left = []
        for argument, mask in zip(arguments, self.needed(layer, kept), strict=True):
            value = constant_value(argument)
            if mask.any():
                left.append(argument if value is None else constant(value[..., mask]))
        return layer.fused(left, kept)


def _along_channels(layer: Layer) -> bool:
    return layer.request.integer("axis") == len(layer.request.output.shape) - 1


class Padded(Rule):
    """A border of one value around some axes, the last one included."""

    def applies(self, request: KernelRequest) -> bool:
        """The input is no constant, and the value is one of its type."""
        value = float(request.attributes["value"])
        return request.inputs[0].value is None and value.is_integer()

    def ranges(self, layer: Layer) -> Range:
        """The value in the channels that are added; it can be among the values of the others."""
        widths = layer.request.integers("widths")
        before, after, value = *widths[-2:], int(float(layer.request.attributes["value"]))
        x = layer.range(0)
        border = Range(np.full(len(x.low), value), np.full(len(x.low), value))
        inner = x.hull(border) if any(widths[:-2]) else x
        ends = [np.full(before, value), np.full(after, value)]
        return Range(
            np.concatenate([ends[0], inner.low, ends[1]]), np.concatenate([ends[0], inner.high, ends[1]])
        )  # fmt: skip

    def needed(self, layer: Layer, kept: Mask) -> list[Mask]:
        """The input's share, at least one channel."""
        share = _share(layer, kept).copy()
        if not share.any():
            share[0] = True
        return [share]

    def implied(self, layer: Layer, kept: Mask, inputs: Sequence[Mask]) -> Mask:
        """The input's channels."""
        result = kept.copy()
        _share(layer, result)[:] |= inputs[0]
        return result

    def rebuilt(
        self, layer: Layer, kept: Mask, inputs: Sequence[Mask], arguments: Sequence[relax.Expr]  # noqa: ARG002
    ) -> Fused:  # fmt: skip
        """Fewer channels before and after."""
        widths = layer.request.integers("widths")
        before, end = widths[-2], widths[-2] + layer.channels_of(0)
        ends = [int(kept[:before].sum()), int(kept[end:].sum())]
        return layer.fused(arguments, kept, widths=[*widths[:-2], *ends])


def _share(layer: Layer, mask: Mask) -> Mask:
    """The part of ``mask`` that stands for the input, as a view."""
    before = layer.request.integers("widths")[-2]
    return mask[before : before + layer.channels_of(0)]
