# SPDX-License-Identifier: Apache-2.0
"""Tensors of uint8 become tensors of int8: x - 128 with the zero point - 128 stands for the same numbers.

In memory only the top bit of each byte differs, so that the kernels of int8 serve. Inputs and outputs of the model stay
uint8; where arithmetic starts or ends there, a REQUANTIZE inverts the bits. Where the reference rounds uint8 in another
way than int8, an operator asks its scope (``Scope.unsigned``).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import tvm
from tvm import relax

from stm32_emitter.model_info import attach, info_of
from stm32_emitter.operators.base import Fused, constant
from stm32_emitter.operators.scope import constant_value, dtype_of, op_name, shape_of
from stm32_emitter.passes.bindings import bindings
from stm32_emitter.passes.outputs import result_fields

_OFFSET = 128
_MOVES = frozenset(
    (
        "reshape", "squeeze", "expand_dims", "flatten", "permute_dims", "concat", "split", "strided_slice", "take",
        "flip", "tile", "repeat", "broadcast_to", "nn.pad", "nn.max_pool2d",
    )
)  # fmt: skip
"""Operators of Relax that move stored elements, or choose the greatest."""


def signed_bytes(mod: tvm.IRModule) -> tvm.IRModule:
    """Before: ``y = quantize(conv2d(dequantize(x: uint8, s, 130), ...), t, 5, "uint8")``.

    After: ``x1 = REQUANTIZE(x); y1 = quantize(conv2d(dequantize(x1: int8, s, 2), ...), t, -123, "int8")``, and
    ``y = REQUANTIZE(y1)`` where y is a result of the model.
    """
    values = [binding.value for binding in bindings(mod["main"])]
    if not any(_is_quantization(value) for value in values):
        return mod
    return _Rewriter(mod).module()


def _is_quantization(value: relax.Expr) -> bool:
    if op_name(value) == "quantize":
        return dtype_of(value) == "uint8"
    return op_name(value) == "dequantize" and dtype_of(value.args[0]) == "uint8"


class _Rewriter:
    """Writes ``main`` again, binding by binding."""

    def __init__(self, mod: tvm.IRModule) -> None:
        self._mod, self._main, self._info = mod, mod["main"], info_of(mod)
        self._builder = relax.BlockBuilder()
        self._plain: dict[relax.Var, relax.Expr] = {var: var for var in self._main.params}
        self._signed: dict[relax.Var, relax.Expr] = {}
        self._values = {binding.var: binding.value for binding in bindings(self._main)}
        self._results = result_fields(self._main)
        self._readers: dict[relax.Expr, list[str]] = defaultdict(list)
        for value in self._values.values():
            for argument in value.args if isinstance(value, relax.Call) else ():
                self._readers[argument].append(op_name(value))

    def module(self) -> tvm.IRModule:
        """The module with another ``main``; its information names what became int8."""
        with self._builder.function("main", list(self._main.params)):
            with self._builder.dataflow():
                for var, value in self._values.items():
                    self._bind(var, value)
                results = [self._read(expr, signed=False) for expr in self._results]
                final = self._builder.emit_output(results[0] if len(results) == 1 else relax.Tuple(results))
            self._builder.emit_func_output(final)
        result = tvm.IRModule(dict(self._mod.functions.items()), attrs=self._mod.attrs)
        result["main"] = self._builder.get()["main"].with_attrs(dict(self._main.attrs or {}))
        names = sorted(str(expr.name) for expr in self._signed.values())
        return attach(result, replace(self._info, unsigned=tuple(names)))

    def _bind(self, var: relax.Var, value: relax.Expr) -> None:
        if isinstance(value, relax.Tuple):
            return
        name = op_name(value)
        if name == "quantize" and dtype_of(value) == "uint8" and not self._stays(var, value):
            self._emit_signed(var, self._quantization(value, "int8"))
        elif name == "dequantize" and dtype_of(value.args[0]) == "uint8" and not self._is_border(var, value):
            self._plain[var] = self._emit(var, self._quantization(value))
        elif name in _MOVES and self._is_signed(value.args[0]):
            self._emit_signed(var, self._moved(value))
        elif isinstance(value, relax.TupleGetItem) and value.tuple_value in self._signed:
            self._emit_signed(var, relax.TupleGetItem(self._signed[value.tuple_value], value.index))
        else:
            self._plain[var] = self._emit(var, self._rebuilt(value, signed=False))

    def _emit(self, var: relax.Var, value: relax.Expr) -> relax.Var:
        return self._builder.emit(value, name_hint=str(var.name))

    def _emit_signed(self, var: relax.Var, value: relax.Expr) -> None:
        self._signed[var] = self._emit(var, value)

    def _stays(self, var: relax.Var, value: relax.Call) -> bool:
        """A result of the model that REQUANTIZE or QUANTIZE writes as it is."""
        source = self._values.get(value.args[0])
        written = source is None or op_name(source) == "dequantize" or str(value.args[0].name) in self._info.sources
        return written and not self._readers[var] and any(var.same_as(result) for result in self._results)

    def _is_border(self, var: relax.Var, value: relax.Call) -> bool:
        """An input of the model that REQUANTIZE or DEQUANTIZE reads as it is."""
        x = value.args[0]
        if not isinstance(x, relax.Var) or x in self._signed:
            return False
        return str(var.name) in self._info.sources or set(self._readers[var]) == {"quantize"}

    def _is_signed(self, expr: relax.Expr) -> bool:
        fields = self._fields(expr)
        return any(self._is_signed(field) for field in fields) if fields is not None else expr in self._signed

    def _fields(self, expr: relax.Expr) -> list[relax.Expr] | None:
        value = self._values.get(expr, expr) if isinstance(expr, relax.Var) else expr
        return list(value.fields) if isinstance(value, relax.Tuple) else None

    def _quantization(self, call: relax.Call, dtype: str | None = None) -> relax.Call:
        """The quantize (to ``dtype``) or dequantize on int8."""
        zero_point = constant_value(self._values.get(call.args[2], call.args[2]))
        if zero_point is None:
            return self._rebuilt(call, signed=False)
        shifted = relax.const(np.asarray(zero_point, np.int32) - _OFFSET, "int32")
        x = self._read(call.args[0], signed=dtype is None)
        axis = int(call.attrs.axis)
        if dtype is None:
            return relax.op.dequantize(x, call.args[1], shifted, axis=axis)
        return relax.op.quantize(x, call.args[1], shifted, axis=axis, out_dtype=dtype)

    def _moved(self, call: relax.Call) -> relax.Call:
        if op_name(call) != "nn.pad":
            return self._rebuilt(call, signed=True)
        widths, value = [int(width) for width in call.attrs.pad_width], float(call.attrs.pad_value) - _OFFSET
        return relax.op.nn.pad(self._read(call.args[0], signed=True), widths, str(call.attrs.pad_mode), value)

    def _rebuilt(self, value: relax.Expr, *, signed: bool) -> relax.Expr:
        if isinstance(value, relax.TupleGetItem):
            return relax.TupleGetItem(self._read(value.tuple_value, signed=signed), value.index)
        if not isinstance(value, relax.Call):
            return self._read(value, signed=signed)
        arguments = [self._read(argument, signed=signed) for argument in value.args]
        return relax.Call(value.op, arguments, value.attrs, value.ty_args)

    def _read(self, expr: relax.Expr, *, signed: bool) -> relax.Expr:
        """``expr`` in the new function; tensors of uint8 as int8 if ``signed``."""
        fields = self._fields(expr)
        if fields is not None:
            return relax.Tuple([self._read(field, signed=signed) for field in fields])
        if not isinstance(expr, relax.Var):
            value = constant_value(expr)
            flip = signed and value is not None and value.dtype == np.uint8
            return constant((value.astype(np.int16) - _OFFSET).astype(np.int8)) if flip and value is not None else expr
        wanted, other = (self._signed, self._plain) if signed else (self._plain, self._signed)
        if expr in wanted:
            return wanted[expr]
        found = other[expr]
        if dtype_of(expr) != "uint8":
            return found
        name = f"{expr.name}_{'signed' if signed else 'unsigned'}"
        wanted[expr] = self._builder.emit(_inverted(found), name_hint=name)
        return wanted[expr]


def _inverted(x: relax.Expr) -> relax.Call:
    """uint8 as int8, or back: the same numbers."""
    target = "int8" if dtype_of(x) == "uint8" else "uint8"
    info = np.iinfo(target)
    table = np.arange(int(info.min), int(info.max) + 1).astype(target)
    return Fused("REQUANTIZE", (x, constant(table)), shape_of(x), target).call()
