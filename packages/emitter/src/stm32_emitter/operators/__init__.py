# SPDX-License-Identifier: Apache-2.0
"""The operators, one file each; the order is the order in which they are tried."""

from __future__ import annotations

from stm32_emitter.operators.base import OperatorDefinition
from stm32_emitter.operators.conv_2d import Conv2D
from stm32_emitter.operators.copy import Copy
from stm32_emitter.operators.depthwise_conv_2d import DepthwiseConv2D
from stm32_emitter.operators.fully_connected import FullyConnected

OPERATORS: tuple[OperatorDefinition, ...] = (
    DepthwiseConv2D(),
    Conv2D(),
    FullyConnected(),
    Copy(),
)
"""Every operator that can be recognised."""

BY_KIND = {definition.kind: definition for definition in OPERATORS}
"""The same, by kind."""
