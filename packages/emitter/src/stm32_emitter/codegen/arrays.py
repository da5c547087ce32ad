# SPDX-License-Identifier: Apache-2.0
"""Arrays as C initializers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_LINE = 120
_INT32_MIN = -(2**31)


def literal(value: Any, dtype: str) -> str:
    """One element as a C literal; floats in hexadecimal, which is exact."""
    if dtype.startswith("float"):
        return float_literal(float(value), suffix="f" if dtype == "float32" else "")
    number = int(value)
    if dtype == "int64":
        return "INT64_MIN" if number == -(2**63) else f"INT64_C({number})"
    if dtype == "uint64":
        return f"UINT64_C({number})"
    if dtype == "uint32":
        return f"{number}u"
    return "INT32_MIN" if number == _INT32_MIN else str(number)


def float_literal(value: float, suffix: str = "f") -> str:
    """A float as a hexadecimal C literal."""
    if value != value:  # noqa: PLR0124 - NaN
        return "NAN"
    if value in (float("inf"), float("-inf")):
        return "INFINITY" if value > 0 else "-INFINITY"
    return f"{value.hex()}{suffix}"


def initializer(value: NDArray[Any]) -> str:
    """``{...}`` in lines of at most 120 characters, indented by four."""
    dtype = str(value.dtype)
    items = [literal(item, dtype) for item in np.asarray(value).ravel()]
    lines, line = [], "   "
    for item in items:
        if len(line) + len(item) + 2 > _LINE:
            lines.append(line)
            line = "   "
        line += f" {item},"
    lines.append(line)
    return "{\n" + "\n".join(lines) + "\n}"


def inline_list(values: tuple[Any, ...], dtype: str) -> str:
    """``{a, b}`` on one line."""
    return "{" + ", ".join(literal(value, dtype) for value in values) + "}"
