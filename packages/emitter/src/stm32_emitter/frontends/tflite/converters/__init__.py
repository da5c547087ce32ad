# SPDX-License-Identifier: Apache-2.0
"""One function per TFLite operator: ``convert(converter, operator) -> Relax expression`` in the canonical form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stm32_emitter.frontends.tflite.converters import (
    activation,
    arithmetic,
    binary,
    bitwise,
    convolution,
    dense,
    detection,
    logic,
    lstm,
    lstm_bidirectional,
    movement,
    placement,
    pooling,
    quantization,
    rearrangement,
    recurrent,
    reduction,
    resize,
    rnn,
    scatter,
    selection,
    slicing,
    state,
    unary,
    volume,
)
from stm32_emitter.frontends.tflite.support import Support

CONVERTERS: dict[str, Callable[[Any, Any], Any]] = {
    **activation.CONVERTERS,
    **arithmetic.CONVERTERS,
    **binary.CONVERTERS,
    **bitwise.CONVERTERS,
    **convolution.CONVERTERS,
    **dense.CONVERTERS,
    **detection.CONVERTERS,
    **lstm.CONVERTERS,
    **lstm_bidirectional.CONVERTERS,
    **logic.CONVERTERS,
    **movement.CONVERTERS,
    **placement.CONVERTERS,
    **pooling.CONVERTERS,
    **quantization.CONVERTERS,
    **rearrangement.CONVERTERS,
    **recurrent.CONVERTERS,
    **reduction.CONVERTERS,
    **resize.CONVERTERS,
    **rnn.CONVERTERS,
    **scatter.CONVERTERS,
    **selection.CONVERTERS,
    **slicing.CONVERTERS,
    **state.CONVERTERS,
    **unary.CONVERTERS,
    **volume.CONVERTERS,
}
"""By the operator's name in the TFLite schema."""

SUPPORT: dict[str, Support] = {
    **activation.SUPPORT,
    **arithmetic.SUPPORT,
    **binary.SUPPORT,
    **bitwise.SUPPORT,
    **convolution.SUPPORT,
    **dense.SUPPORT,
    **detection.SUPPORT,
    **lstm.SUPPORT,
    **lstm_bidirectional.SUPPORT,
    **logic.SUPPORT,
    **movement.SUPPORT,
    **placement.SUPPORT,
    **pooling.SUPPORT,
    **quantization.SUPPORT,
    **rearrangement.SUPPORT,
    **recurrent.SUPPORT,
    **reduction.SUPPORT,
    **resize.SUPPORT,
    **rnn.SUPPORT,
    **scatter.SUPPORT,
    **selection.SUPPORT,
    **slicing.SUPPORT,
    **state.SUPPORT,
    **unary.SUPPORT,
    **volume.SUPPORT,
}
"""What each of them takes; the importer refuses the rest."""
