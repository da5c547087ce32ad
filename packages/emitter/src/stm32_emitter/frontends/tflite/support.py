# SPDX-License-Identifier: Apache-2.0
"""The number format of a TFLite operator, and the check of what its converter declares.

Every converter module has ``SUPPORT``: operator name -> :func:`~stm32_emitter.frontends.support.takes`.
"""

from __future__ import annotations

from collections.abc import Mapping

import tflite

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.support import BYTE_EXACT, WITHIN_RANGE, Limit, Support, takes
from stm32_emitter.frontends.tflite.reader import Operator, Tensor

__all__ = ["ANY", "EIGHT_BITS", "FORMATS", "WHOLE", "Limit", "Support", "check_support", "format_of", "takes"]

FORMATS: Mapping[str, tuple[str, str]] = {
    "int8": ("int8 activations", BYTE_EXACT),
    "uint8": ("uint8 activations", BYTE_EXACT),
    "int16": ("int16 activations, int8 weights", BYTE_EXACT),
    "int4": ("int8 activations, int4 weights", BYTE_EXACT),
    "float32": ("float32", WITHIN_RANGE),
    "hybrid": ("float32 activations, int8 or int4 weights", WITHIN_RANGE),
    "int32": ("int32 without scale", BYTE_EXACT),
    "int64": ("int64 without scale", BYTE_EXACT),
    "bool": ("truth values", BYTE_EXACT),
}
"""Number format -> (what it is, how exact a result is). The reader widens constants of int4."""
_HANDLE = f"type {tflite.TensorType.RESOURCE}"
"""The reader's name for the element type of a variable's handle."""
EIGHT_BITS = ("int8", "uint8")
WHOLE = ("int32", "int64")
ANY = (*EIGHT_BITS, "int16", "float32", *WHOLE, "bool")
"""All formats in which elements are moved rather than computed with."""


def format_of(operator: Operator) -> str:
    """The number format in which an operator computes: a key of :data:`FORMATS`, or the name of another element type.

    It is that of its quantized tensors, results first; float32 if there are none but floats; bool if all operands are
    truth values; else that of the first operand that is none. Empty for an operator on variables only.
    """
    given = [t for t in operator.inputs if t is not None and t.dtype != _HANDLE]
    results = [t for t in operator.outputs if t.dtype != _HANDLE]
    running = [t for t in given if t.data is None]
    data = [*results, *running] if running else [*results, *given]
    quantized = [t.dtype for t in data if _is_quantized(t)]
    if quantized:
        return "int4" if any(t.stored == "int4" for t in given) else quantized[0]
    if running and any(t.dtype == "float32" for t in results) and any(map(_is_quantized, given)):
        return "hybrid"
    if running and all(t.dtype == "bool" for t in running):
        return "bool"
    return _plain([t.dtype for t in (*running, *results)] or [t.dtype for t in given])


def _is_quantized(tensor: Tensor) -> bool:
    return tensor.quantization is not None and tensor.dtype in ("int8", "uint8", "int16")


def _plain(dtypes: list[str]) -> str:
    floats = [dtype for dtype in dtypes if dtype.startswith("float")]
    numbers = [dtype for dtype in dtypes if dtype != "bool"]
    return (floats or numbers or dtypes or [""])[0]


def check_support(operator: Operator, support: Support) -> None:
    """Refuses an operator in a format, or with a computed parameter, that is not declared.

    One without any format is refused by its converter.
    """
    found = format_of(operator) if support.formats else ""
    reason = support.reason(found) if found else ""
    if reason:
        described = FORMATS.get(found, (found, ""))[0]
        raise ModelRefused(
            f"it computes with {described}: {reason}",
            hint=f"{operator.kind} is supported in {', '.join(support.formats)}; quantize the model to one of these.",
        )
    for position, name in support.constants.items():
        _require_constant(operator, position, name)


def _require_constant(operator: Operator, position: int, name: str) -> None:
    tensor = operator.inputs[position] if position < len(operator.inputs) else None
    if tensor is not None and tensor.data is None:
        raise ModelRefused(
            f"its {name} '{tensor.name}' is computed at run time, it must be constant",
            hint="Make this input a constant when the model is exported.",
        )
