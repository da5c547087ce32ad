# SPDX-License-Identifier: Apache-2.0
"""How an operator hands channels on. :class:`Rule` is the base; operators that keep each channel apart are here."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from tvm import relax

from stm32_emitter.channels.ranges import Mask, Range, full, requantized, requantized_nearest
from stm32_emitter.operators.base import Fused, KernelRequest
from stm32_emitter.operators.table import EIGHT_BITS


@dataclass(frozen=True)
class Layer:
    """A fused operator as the rules see it.

    Attributes:
        request: shapes, attributes, constants.
        inputs: what is known of each input; None for one that is constant.
    """

    request: KernelRequest
    inputs: tuple[Range | None, ...]

    @property
    def channels(self) -> int:
        """Channels of the result."""
        return self.request.output.shape[-1]

    def range(self, position: int) -> Range:
        """What is known of a variable input."""
        found = self.inputs[position]
        if found is None:
            raise ValueError(f"{self.request.kind}: input {position} is constant")
        return found

    def channels_of(self, position: int) -> int:
        """Channels of an input; a scalar has one."""
        shape = self.request.inputs[position].shape
        return shape[-1] if shape else 1

    def fused(self, arguments: Sequence[relax.Expr], kept: Mask, **changed: int | list[int]) -> Fused:
        """The same operator with these inputs, the channels ``kept`` of its result, and some attributes changed."""
        shape = (*self.request.output.shape[:-1], int(kept.sum()))
        attributes = {**self.request.attributes, **changed}
        return Fused(self.request.kind, tuple(arguments), shape, self.request.output.dtype, attributes)


class Rule(ABC):
    """What one kind of operator does with channels. Masks have one bool per channel of a tensor."""

    def applies(self, request: KernelRequest) -> bool:  # noqa: ARG002
        """Whether the rule holds for this layer; where it does not, every channel of it stays."""
        return True

    @abstractmethod
    def ranges(self, layer: Layer) -> Range:
        """What is known of the result."""

    @abstractmethod
    def needed(self, layer: Layer, kept: Mask) -> list[Mask]:
        """Channels of each input that have to be there for the channels ``kept`` (some) of the result."""

    def implied(self, layer: Layer, kept: Mask, inputs: Sequence[Mask]) -> Mask:  # noqa: ARG002
        """Channels of the result that come along because ``inputs`` are there, ``kept`` included."""
        return kept

    @abstractmethod
    def rebuilt(
        self, layer: Layer, kept: Mask, inputs: Sequence[Mask], arguments: Sequence[relax.Expr]
    ) -> Fused:  # fmt: skip
        """The operator on what is left of its inputs.

        Args:
            layer: the operator.
            kept: channels of the result that are left, at least one.
            inputs: the same of each input; all of a constant one.
            arguments: the inputs; variables have the channels that are left, constants all.
        """


class Channelwise(Rule):
    """One variable input, and each channel of the result depends on the same channel of the input only."""

    def __init__(self, ranges: Callable[[Layer], Range]) -> None:
        self._ranges = ranges

    def applies(self, request: KernelRequest) -> bool:
        """The last axis is there on both sides, and the same."""
        shapes = request.inputs[0].shape, request.output.shape
        if request.inputs[0].value is not None or not all(shapes) or shapes[0][-1] != shapes[1][-1]:
            return False
        order, axes = request.attributes.get("order"), request.attributes.get("axes")
        last = len(shapes[0]) - 1
        return (order is None or int(order[-1]) == last) and (axes is None or last not in [int(a) for a in axes])

    def ranges(self, layer: Layer) -> Range:
        """As given."""
        return self._ranges(layer)

    def needed(self, layer: Layer, kept: Mask) -> list[Mask]:
        """The same channels."""
        return [kept, *everything(layer, 1)]

    def implied(self, layer: Layer, kept: Mask, inputs: Sequence[Mask]) -> Mask:  # noqa: ARG002
        """The same channels."""
        return np.asarray(kept | inputs[0])

    def rebuilt(
        self, layer: Layer, kept: Mask, inputs: Sequence[Mask], arguments: Sequence[relax.Expr]  # noqa: ARG002
    ) -> Fused:  # fmt: skip
        """Nothing but the shapes changes."""
        return layer.fused(arguments, kept)


def everything(layer: Layer, first: int = 0) -> list[Mask]:
    """All channels of the inputs from number ``first`` on."""
    return [np.ones(layer.channels_of(i), bool) for i in range(first, len(layer.inputs))]


def unchanged(layer: Layer) -> Range:
    """Elements are moved, or the greatest is taken."""
    return layer.range(0)


def clamped(layer: Layer) -> Range:
    """A mean, or the greatest, of stored values lies between them; then it is clamped."""
    return layer.range(0).clipped(layer.request.integer("low"), layer.request.integer("high"))


def interpolated(layer: Layer) -> Range:
    """Weights add up to one, and can be negative beyond the border: only a constant is sure."""
    x = layer.range(0)
    return x.hull(replace_where(x, ~x.constant, full(layer.request.output.dtype, layer.channels)))


def replace_where(values: Range, where: Mask, others: Range) -> Range:
    """``others`` where the mask is set."""
    return Range(np.where(where, others.low, values.low), np.where(where, others.high, values.high))


def tabulated(layer: Layer) -> Range:
    """The least and greatest entry of the table between the bounds."""
    table, first = layer.request.constant(1).astype(np.int64), int(np.iinfo(layer.request.inputs[0].dtype).min)
    x = layer.range(0)
    parts = [table[low - first : high - first + 1] for low, high in zip(x.low, x.high, strict=True)]
    return Range(np.array([part.min() for part in parts]), np.array([part.max() for part in parts]))


def averaged(layer: Layer) -> Range:
    """MEAN over other axes than the last: all elements at their least, and at their greatest."""
    request, x = layer.request, layer.range(0)
    count = math.prod(request.inputs[0].shape[axis] for axis in request.integers("axes"))
    total = Range(x.low * count, x.high * count) + request.integer("offset")
    rescale = requantized_nearest if "factor" in request.attributes else requantized
    scaled = rescale(total, request.integer("multiplier"), request.integer("shift"))
    return (scaled + request.integer("zero_point")).clipped(-128, 127)


class Sliced(Channelwise):
    """STRIDED_SLICE that takes the last axis whole."""

    def applies(self, request: KernelRequest) -> bool:
        """From the first channel on, in order."""
        return super().applies(request) and (request.integers("first")[-1], request.integers("step")[-1]) == (0, 1)


class Reshaped(Rule):
    """An alias: the same bytes with another last axis, a multiple or a part of the input's."""

    def applies(self, request: KernelRequest) -> bool:
        """Channels of the one repeat in those of the other, and both hold the same channels as often."""
        if not request.inputs[0].shape or not request.output.shape:
            return False
        before, after = request.inputs[0].shape[-1], request.output.shape[-1]
        return max(before, after) % min(before, after) == 0

    def ranges(self, layer: Layer) -> Range:
        """Of all channels that fall on one."""
        x = layer.range(0)
        if layer.channels >= len(x.low):
            repeats = layer.channels // len(x.low)
            return Range(np.tile(x.low, repeats), np.tile(x.high, repeats))
        return Range(
            x.low.reshape(-1, layer.channels).min(axis=0), x.high.reshape(-1, layer.channels).max(axis=0)
        )  # fmt: skip

    def needed(self, layer: Layer, kept: Mask) -> list[Mask]:
        """Each that a kept one stands for."""
        return [_spread(kept, layer.channels_of(0))]

    def implied(self, layer: Layer, kept: Mask, inputs: Sequence[Mask]) -> Mask:
        """Each that an input channel stands for."""
        return np.asarray(kept | _spread(inputs[0], layer.channels))

    def rebuilt(
        self, layer: Layer, kept: Mask, inputs: Sequence[Mask], arguments: Sequence[relax.Expr]  # noqa: ARG002
    ) -> Fused:  # fmt: skip
        """Another shape; the pass writes it as a reshape."""
        return layer.fused(arguments, kept)


def _spread(mask: Mask, channels: int) -> Mask:
    """``mask`` repeated, or its parts united, to ``channels``."""
    if channels >= len(mask):
        return np.tile(mask, channels // len(mask))
    return np.asarray(mask.reshape(-1, channels).any(axis=0))


def is_supported(request: KernelRequest) -> bool:
    """Whether all tensors that vary are of 8 bits and have channels."""
    tensors = [spec for spec in request.inputs if spec.value is None] + [request.output]
    return len(tensors) > 1 and all(spec.dtype in EIGHT_BITS and spec.shape for spec in tensors)
