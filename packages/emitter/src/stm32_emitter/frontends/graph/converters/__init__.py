# SPDX-License-Identifier: Apache-2.0
"""One function per ONNX operator: ``convert(emission, node) -> value``, or a list with a value for each output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stm32_emitter.frontends.graph.converters import (
    convolution,
    dense,
    elementwise,
    movement,
    normalization,
    pooling,
    quantization,
    shapes,
)

CONVERTERS: dict[str, Callable[[Any, Any], Any]] = {
    **convolution.CONVERTERS,
    **dense.CONVERTERS,
    **elementwise.CONVERTERS,
    **movement.CONVERTERS,
    **normalization.CONVERTERS,
    **pooling.CONVERTERS,
    **quantization.CONVERTERS,
    **shapes.CONVERTERS,
}
"""By ``op_type``."""
