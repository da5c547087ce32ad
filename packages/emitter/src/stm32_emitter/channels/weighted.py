# SPDX-License-Identifier: Apache-2.0
"""CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED: channels that are constant go into the bias of the next layer.

The bias becomes bias + sum of (value - zero point) * weight over the channels that are gone. In a layer that pads, an
element outside counts as the zero point, so that a channel is constant for it only if its value is the zero point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from tvm import relax

from stm32_emitter.channels.ranges import Mask, Range, accumulated, requantized, requantized_nearest, requantized_once
from stm32_emitter.channels.rules import Layer, Rule, everything
from stm32_emitter.operators.base import Fused, KernelRequest, constant
from stm32_emitter.operators.gemmlowp import INT32_MAX, Ints
from stm32_emitter.operators.nearest import is_nearest

_REACH = 255
"""Largest magnitude of value - zero point."""


def centred(layer: Layer) -> Range:
    """The input minus its zero point; where the layer pads, 0 is among the values."""
    x = layer.range(0) + -layer.request.integer("input_zero_point")
    if not any(layer.request.attributes.get("padding", ())):
        return x
    return x.hull(Range(np.zeros_like(x.low), np.zeros_like(x.high)))


def _outputs(layer: Layer, total: Range, *, once: bool) -> Range:
    """The stored result of accumulators."""
    request = layer.request
    scale = requantized_nearest if is_nearest(request) else requantized_once if once else requantized
    scaled = scale(accumulated(total), request.constant(3), request.constant(4))
    return (scaled + request.integer("output_zero_point")).clipped(request.integer("low"), request.integer("high"))


class Dense(Rule):
    """Every channel of the result depends on all of the input: weights [outputs, ..., inputs]."""

    def __init__(self, *, once: bool) -> None:
        self._once = once

    def applies(self, request: KernelRequest) -> bool:
        """No groups; the weights are constant in any case."""
        return int(request.attributes.get("groups", 1)) == 1 and request.inputs[0].value is None

    def ranges(self, layer: Layer) -> Range:
        """The least sum takes the least value where a weight is positive, the greatest where it is negative."""
        weights, bias, x = layer.request.constant(1).astype(np.int64), layer.request.constant(2), centred(layer)
        up, down = _taps(np.maximum(weights, 0)), _taps(np.minimum(weights, 0))
        total = Range(up @ x.low + down @ x.high, up @ x.high + down @ x.low) + bias.astype(np.int64)
        return _outputs(layer, total, once=self._once)

    def needed(self, layer: Layer, kept: Mask) -> list[Mask]:
        """Channels that have a weight and cannot go into the bias, at least one channel."""
        used = layer.request.constant(1)[kept].reshape(-1, layer.channels_of(0)).any(axis=0)
        needed = np.asarray(used & ~_foldable(layer))
        if not needed.any():
            needed[0] = True
        return [needed, *everything(layer, 1)]

    def rebuilt(
        self, layer: Layer, kept: Mask, inputs: Sequence[Mask], arguments: Sequence[relax.Expr]
    ) -> Fused:  # fmt: skip
        """Fewer rows and columns; the columns that are gone are in the bias."""
        weights, bias, multipliers, shifts = (layer.request.constant(i) for i in range(1, 5))
        gone = ~inputs[0] & _foldable(layer)
        extra = _taps(weights[kept].astype(np.int64))[:, gone] @ centred(layer).low[gone]
        rows = kept if len(multipliers) == len(kept) else np.ones(len(multipliers), bool)
        values = (weights[kept][..., inputs[0]], (bias[kept] + extra).astype(np.int32), multipliers[rows], shifts[rows])
        return layer.fused([arguments[0], *map(constant, values)], kept)


def _taps(weights: Ints) -> Ints:
    """[outputs, inputs]: the sum over the window."""
    return np.asarray(weights.reshape(len(weights), -1, weights.shape[-1]).sum(axis=1))


def _foldable(layer: Layer) -> Mask:
    """Input channels that can go into the bias, which stays within 32 bits."""
    weights, bias = layer.request.constant(1).astype(np.int64), layer.request.constant(2).astype(np.int64)
    sums = np.abs(weights).reshape(len(weights), -1).sum(axis=1)
    x = centred(layer)
    if np.any((np.abs(bias) + _REACH * sums > INT32_MAX) & (sums > 0)):
        return np.asarray(x.constant & (x.low == 0))
    return x.constant


class Depthwise(Rule):
    """Output channel o depends on input channel o // multiplier: weights [outputs, height, width, 1]."""

    def applies(self, request: KernelRequest) -> bool:
        """The input is no constant."""
        return request.inputs[0].value is None

    def ranges(self, layer: Layer) -> Range:
        """As for a dense layer, with one channel."""
        weights = layer.request.constant(1).astype(np.int64).reshape(layer.channels, -1)
        x = centred(layer).taken(np.arange(layer.channels) // _multiplier(layer))
        up, down = np.maximum(weights, 0).sum(axis=1), np.minimum(weights, 0).sum(axis=1)
        total = Range(up * x.low + down * x.high, up * x.high + down * x.low)
        return _outputs(layer, total + layer.request.constant(2).astype(np.int64), once=False)

    def needed(self, layer: Layer, kept: Mask) -> list[Mask]:
        """The channel that each one is computed from."""
        return [np.asarray(kept.reshape(-1, _multiplier(layer)).any(axis=1)), *everything(layer, 1)]

    def implied(self, layer: Layer, kept: Mask, inputs: Sequence[Mask]) -> Mask:
        """All channels that are computed from one."""
        return np.asarray(kept | np.repeat(inputs[0], _multiplier(layer)))

    def rebuilt(
        self, layer: Layer, kept: Mask, inputs: Sequence[Mask], arguments: Sequence[relax.Expr]
    ) -> Fused:  # fmt: skip
        """Fewer channels; a single one is a CONV_2D."""
        values = [constant(layer.request.constant(i)[kept]) for i in range(1, 5)]
        groups = int(inputs[0].sum())
        fused = layer.fused([arguments[0], *values], kept, groups=groups)
        return replace(fused, kind="CONV_2D") if groups == 1 else fused


def _multiplier(layer: Layer) -> int:
    return layer.channels // layer.channels_of(0)
