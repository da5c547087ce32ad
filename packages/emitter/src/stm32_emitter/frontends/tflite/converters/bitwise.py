# SPDX-License-Identifier: Apache-2.0
"""BITWISE_XOR and RIGHT_SHIFT on the elements themselves, with broadcasting."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from tvm import relax

from stm32_emitter.frontends.tflite.support import EIGHT_BITS, Support, takes

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator


def convert_xor(c: Converter, op: Operator) -> relax.Expr:
    """a ^ b."""
    return relax.op.bitwise_xor(c.raw(op.input(0)), c.raw(op.input(1)))


def convert_right_shift(c: Converter, op: Operator) -> relax.Expr:
    """a >> b, with copies of the sign; b counts as the type's bits - 1 where it is more, as 0 where it is negative."""
    x, by = c.raw(op.input(0)), c.raw(op.input(1))
    dtype = op.input(1).dtype
    most = relax.const(np.array(8 * np.dtype(dtype).itemsize - 1, dtype))
    limited = c.bb.normalize(relax.op.minimum(by, most))
    least = relax.const(np.array(0, dtype))
    return relax.op.right_shift(x, c.bb.normalize(relax.op.maximum(limited, least)))


CONVERTERS: dict[str, Callable[[Converter, Operator], Any]] = {
    "BITWISE_XOR": convert_xor,
    "RIGHT_SHIFT": convert_right_shift,
}

_WHOLE = takes(*EIGHT_BITS, "int16", "int32")
SUPPORT: dict[str, Support] = {"BITWISE_XOR": _WHOLE, "RIGHT_SHIFT": _WHOLE}
