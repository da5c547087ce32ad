# SPDX-License-Identifier: Apache-2.0
"""CALL_ONCE, VAR_HANDLE, READ_VARIABLE, ASSIGN_VARIABLE: variables that keep their value from one run to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.tflite.state import handles_of
from stm32_emitter.frontends.tflite.support import ANY, Support, takes

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator


def _key(c: Converter, op: Operator) -> str:
    handle = op.input(0)
    key = handles_of(c.model_record).get(handle.index)
    if key is None:
        raise ModelRefused(f"'{handle.name}' is no variable that VAR_HANDLE made")
    return key


def convert_nothing(c: Converter, op: Operator) -> list[relax.Expr]:  # noqa: ARG001
    """CALL_ONCE and VAR_HANDLE: :func:`~stm32_emitter.frontends.tflite.state.find_states` has read them."""
    return []


def convert_read_variable(c: Converter, op: Operator) -> list[relax.Expr]:
    """The output is another name of the variable's value at this point."""
    c.expressions[op.outputs[0].index] = c.states[_key(c, op)]
    return []


def convert_assign_variable(c: Converter, op: Operator) -> list[relax.Expr]:
    """Later reads, of this run and the next, see the second input."""
    c.states[_key(c, op)] = c.raw(op.input(1))
    return []


CONVERTERS = {
    "CALL_ONCE": convert_nothing,
    "VAR_HANDLE": convert_nothing,
    "READ_VARIABLE": convert_read_variable,
    "ASSIGN_VARIABLE": convert_assign_variable,
}

SUPPORT: dict[str, Support] = {
    "CALL_ONCE": takes(*ANY, note="the initial values of variables"),
    "VAR_HANDLE": takes(*ANY),
    "READ_VARIABLE": takes(*ANY),
    "ASSIGN_VARIABLE": takes(*ANY),
}
