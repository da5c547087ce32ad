# SPDX-License-Identifier: Apache-2.0
"""Operators from outside enter the tables that those of this package stand in."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar

from stm32_emitter.errors import OperatorError
from stm32_emitter.extension.importers import onnx_converter, tflite_converter
from stm32_emitter.extension.operator import ExternalDefinition, Operator
from stm32_emitter.frontends.graph.converters import CONVERTERS as ONNX
from stm32_emitter.frontends.tflite.converters import CONVERTERS as TFLITE
from stm32_emitter.frontends.tflite.custom import CUSTOM
from stm32_emitter.operators import REGISTRY
from stm32_emitter.operators.base import OperatorDefinition
from stm32_emitter.passes.external import FUNCTIONS

AnyOperator = TypeVar("AnyOperator", Operator, OperatorDefinition)


def register_operator(operator: AnyOperator, *, origin: str = "") -> AnyOperator:
    """Makes an operator known to this process; it is tried before those of this package.

    Args:
        operator: an :class:`Operator`; or an :class:`OperatorDefinition`, which recognises groups of Relax operators
            itself, as those of this package do.
        origin: who brings it, for messages; default: the file that calls this.

    Returns:
        ``operator``.

    Raises:
        OperatorError: one of its names is taken, or it is wrong in itself. Nothing is registered then.
    """
    origin = origin or _caller()
    if not isinstance(operator, Operator):
        REGISTRY.add(operator, origin)
        return operator
    operator.check()
    tables = _entries(operator)
    for what, table, name, _ in tables:
        if name in table:
            raise OperatorError(
                f"operator '{operator.name}' of {origin}: {what} '{name}' has a meaning already",
                "Unregister what gives it one, or take another name.",
            )
    REGISTRY.add(ExternalDefinition(operator), origin)
    for _, table, name, value in tables:
        table[name] = value
    return operator


def unregister_operator(name: str) -> None:
    """Makes this process forget a registered operator.

    Raises:
        OperatorError: there is none of this name.
    """
    definition = REGISTRY.remove(name)
    if isinstance(definition, ExternalDefinition):
        for _, table, key, _ in _entries(definition.operator):
            del table[key]


def _entries(operator: Operator) -> list[tuple[str, dict[str, Any], str, Any]]:
    """(what it is called, table, name, entry) of each place that the operator is found by."""
    every: list[tuple[str, dict[str, Any], str, Any]] = [
        (
            "the TFLite operator",
            TFLITE,
            f"{CUSTOM}{operator.tflite}" if operator.tflite else "",
            tflite_converter(operator),
        ),
        ("the ONNX operator", ONNX, operator.onnx, onnx_converter(operator)),
        ("the Relax function", FUNCTIONS, operator.relax, operator),
    ]
    return [entry for entry in every if entry[2]]


def _caller() -> str:
    """The file that calls register_operator."""
    frame = inspect.currentframe()
    outer = frame.f_back.f_back if frame is not None and frame.f_back is not None else None
    return "this process" if outer is None else outer.f_code.co_filename
