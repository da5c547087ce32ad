# SPDX-License-Identifier: Apache-2.0
"""C text of a lowered kernel: TVM's C generator writes the body, the frame around it is ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import tvm
import tvm_ffi
from tvm import tirx

from stm32_emitter.tir.lowering import LoweredKernel, Parameter

_C_TYPES = {"float32": "float", "float64": "double", "bool": "uint8_t"}
_FLOAT_IMMEDIATE = type(tirx.const(0.0, "float32"))
_PLACEHOLDER = re.compile(r"ai_float(32|64)_([0-9A-F]+)\(\)")
_EMPTY_STATEMENT = re.compile(r"^\s*(\(void\)\s*)?0;\n", re.MULTILINE)


def c_type(dtype: str) -> str:
    """The C type of an element."""
    return _C_TYPES.get(dtype, f"{dtype}_t")


def signature(name: str, kernel: LoweredKernel, written: frozenset[int]) -> str:
    """``void name(const int8_t *x, ...)``; ``written`` has the positions of the parameters that are written."""
    arguments = ", ".join(
        _declaration(parameter, position in written) for position, parameter in enumerate(kernel.parameters)
    )
    return f"void {name}({arguments})"


def _declaration(parameter: Parameter, written: bool) -> str:
    return f"{'' if written else 'const '}{c_type(parameter.dtype)} *{parameter.name}"


def body(kernel: LoweredKernel, name: str) -> str:
    """The function's body with its braces."""
    function = (
        _with_placeholders(kernel.function)
        .with_attr("global_symbol", name)
        .with_attr("tirx.is_global_func", True)
        .with_attr("calling_conv", 0)
        .with_attr("target", tvm.target.Target("c"))
    )
    module = tirx.transform.LowerIntrin()(tirx.transform.LowerTVMBuiltin()(tvm.IRModule({name: function})))
    text = tvm.get_global_func("target.build.c")(module, tvm.target.Target("c")).inspect_source()
    start = text.rindex(f"{name}(")
    opening = text.index("{", start)
    result = tidy(_PLACEHOLDER.sub(_literal, text[opening : text.rindex("}") + 1]))
    return result.replace("{\n", "{\n" + "".join(_unused(kernel, result)), 1)


def _unused(kernel: LoweredKernel, text: str) -> Iterator[str]:
    """A statement for each parameter that is not read, e.g. the input of a window that lies in the padding only."""
    words = set(re.findall(r"\w+", text))
    yield from (f"    (void){p.name};\n" for p in kernel.parameters if p.name not in words)


def _with_placeholders(function: tirx.PrimFunc) -> tirx.PrimFunc:
    """TVM prints 7 digits of a float, one or two too few: calls of ai_float<bits>_<value> stand for those it rounds."""
    body = tvm_ffi.structural_map(function.body, (_FLOAT_IMMEDIATE, _placeholder))
    return tirx.PrimFunc(function.params, body, function.ret_type, attrs=function.attrs)


def _placeholder(immediate: Any) -> Any:
    name = str(immediate.ty.dtype)
    if name not in ("float32", "float64") or not np.isfinite(immediate.value):
        return immediate
    dtype = np.dtype(name)
    value = dtype.type(immediate.value)
    if dtype.type(f"{immediate.value:e}") == value:
        return immediate
    return tirx.call_extern(str(dtype), f"ai_{dtype}_{value.tobytes()[::-1].hex().upper()}")


def _literal(match: re.Match[str]) -> str:
    """The shortest decimal that gives exactly the value of a placeholder."""
    dtype = np.dtype(f"<f{int(match[1]) // 8}")
    value = np.frombuffer(bytes.fromhex(match[2])[::-1], dtype)[0]
    return np.format_float_scientific(value) + ("f" if dtype.itemsize == 4 else "")


def tidy(text: str) -> str:
    """House style for TVM's text: four spaces, no empty statements, no parentheses around a whole index."""
    text = _EMPTY_STATEMENT.sub("", text)
    text = re.sub(r"\(&\((\w+)\[([^][]*)\]\)\)", r"(&\1[\2])", text)
    lines = (_reindent(line) for line in text.splitlines())
    return "\n".join(line for line in lines if line.strip()) + "\n"


def _reindent(line: str) -> str:
    stripped = line.lstrip(" ")
    return "  " * (len(line) - len(stripped)) + stripped.rstrip()
