# SPDX-License-Identifier: Apache-2.0
"""Which rule an operator follows."""

from __future__ import annotations

from stm32_emitter.channels.combined import Concatenated, Elementwise, Padded, differences, products, sums
from stm32_emitter.channels.rules import (
    Channelwise,
    Reshaped,
    Rule,
    Sliced,
    averaged,
    clamped,
    interpolated,
    is_supported,
    tabulated,
    unchanged,
)
from stm32_emitter.channels.weighted import Dense, Depthwise
from stm32_emitter.operators import OPERATORS
from stm32_emitter.operators.base import KernelRequest
from stm32_emitter.operators.table import TableOperator

RESHAPE = "RESHAPE"
"""Kind of an alias: no fused operator has it."""

_RULES: dict[str, Rule] = {
    "CONV_2D": Dense(once=False),
    "DEPTHWISE_CONV_2D": Depthwise(),
    "FULLY_CONNECTED": Dense(once=True),
    "ADD": Elementwise(sums),
    "SUB": Elementwise(differences),
    "MUL": Elementwise(products),
    "CONCATENATION": Concatenated(),
    "PAD": Padded(),
    "AVERAGE_POOL_2D": Channelwise(clamped),
    "MAX_POOL_2D": Channelwise(clamped),
    "MEAN": Channelwise(averaged),
    "RESIZE_BILINEAR": Channelwise(interpolated),
    "RESIZE_NEAREST_NEIGHBOR": Channelwise(unchanged),
    "TRANSPOSE": Channelwise(unchanged),
    "STRIDED_SLICE": Sliced(unchanged),
    RESHAPE: Reshaped(),
    **{definition.kind: Channelwise(tabulated) for definition in OPERATORS if isinstance(definition, TableOperator)},
}


def rule_for(request: KernelRequest) -> Rule | None:
    """The rule of this layer; None if all its channels have to stay."""
    rule = _RULES.get(request.kind)
    if rule is None or not is_supported(request) or not rule.applies(request):
        return None
    return rule
