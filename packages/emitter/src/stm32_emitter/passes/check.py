# SPDX-License-Identifier: Apache-2.0
"""What a module must be before the first pass looks at it."""

from __future__ import annotations

from collections.abc import Iterator

import tvm
from tvm import relax, tirx

from stm32_emitter.errors import ModelRefused
from stm32_emitter.passes.bindings import bindings

MAX_IO = 255
"""Inputs, and outputs, that a descriptor can count."""


def check_module(mod: tvm.IRModule) -> tvm.IRModule:
    """``mod`` itself, when its function ``main`` takes and gives tensors and every shape in it is static.

    Raises:
        ModelRefused: it is not so.
    """
    if "main" not in [str(variable.name_hint) for variable in mod.get_global_vars()]:
        raise ModelRefused("the module has no function 'main'", hint="Name the Relax function to compile 'main'.")
    main = mod["main"]
    if not isinstance(main, relax.Function):
        raise ModelRefused("'main' is not a Relax function")
    for parameter in main.params:
        if not isinstance(parameter.ty, relax.TensorType):
            raise ModelRefused(f"input '{parameter.name}' is no tensor", hint="Give every input its own parameter.")
        _check_static(str(parameter.name), parameter.ty)
    for binding in bindings(main):
        for tensor in _tensors(binding.var.ty):
            _check_static(str(binding.var.name), tensor)
    _check_result(main)
    return mod


def _check_result(main: relax.Function) -> None:
    result = main.body.body.ty
    fields = list(result.fields) if isinstance(result, relax.TupleType) else [result]
    if not fields:
        raise ModelRefused("the model has no output")
    if not all(isinstance(field, relax.TensorType) for field in fields):
        raise ModelRefused("an output is no tensor", hint="Return one tensor, or a flat tuple of tensors.")
    for count, kind in ((len(main.params), "inputs"), (len(fields), "outputs")):
        if count > MAX_IO:
            raise ModelRefused(f"the model has {count} {kind}, at most {MAX_IO} are possible")


def _tensors(kind: tvm.ir.Type) -> Iterator[relax.TensorType]:
    if isinstance(kind, relax.TensorType):
        yield kind
    elif isinstance(kind, relax.TupleType):
        for field in kind.fields:
            yield from _tensors(field)


def _check_static(name: str, tensor: relax.TensorType) -> None:
    shape = tensor.shape
    if not isinstance(shape, relax.ShapeExpr) or not all(isinstance(dim, tirx.IntImm) for dim in shape):
        text = [str(dim) for dim in shape] if isinstance(shape, relax.ShapeExpr) else "an unknown rank or shape"
        raise ModelRefused(
            f"'{name}' has the shape {text}, which is not static".replace("the shape an", "an"),
            hint="Bind the symbolic dimensions first: relax.transform.BindSymbolicVars.",
        )
