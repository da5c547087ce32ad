# SPDX-License-Identifier: Apache-2.0
"""The operators quantized_decomposed.*, which quantizers of PT2E put into a program, for TVM's importer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.errors import ModelRefused

Constants = Mapping[str, NDArray[Any]]
"""Values of parameters and buffers by the name of their placeholder."""

Convert = Callable[[Any, Any], relax.Expr]

_INTEGERS = ("int8", "uint8", "int32")
_STATIC = "Quantize the model with a static quantizer to int8 or uint8, per tensor or per channel."


def quantized_converters(constants: Constants) -> dict[str, Convert]:
    """``convert(node, importer) -> Relax`` by the operators' names."""
    found: dict[str, Convert] = {}
    for name in ("quantize_per_tensor.default", "quantize_per_tensor.tensor", "quantize_per_tensor.tensor2"):
        found[name] = lambda node, importer: _quantize(node, importer, constants, per_channel=False)
    for name in ("dequantize_per_tensor.default", "dequantize_per_tensor.tensor", "dequantize_per_tensor.tensor2"):
        found[name] = lambda node, importer: _dequantize(node, importer, constants, per_channel=False)
    found["quantize_per_channel.default"] = lambda n, i: _quantize(n, i, constants, per_channel=True)
    found["dequantize_per_channel.default"] = lambda n, i: _dequantize(n, i, constants, per_channel=True)
    return found


class _Parameters:
    """The arguments behind the tensor: scale, zero point, axis if per channel, bounds, element type."""

    def __init__(self, node: Any, constants: Constants, *, per_channel: bool) -> None:
        scale, zero, *rest = node.args[1:]
        self.axis = int(rest.pop(0)) if per_channel else 0
        given = [None if bound is None else int(_value(bound, constants)) for bound in rest[:2]]
        self.dtype = str(rest[2]).removeprefix("torch.")
        if self.dtype not in _INTEGERS:
            raise ModelRefused(f"it quantizes to {self.dtype}", hint=_STATIC)
        info = np.iinfo(self.dtype)
        self.low = int(info.min) if given[0] is None else given[0]
        self.high = int(info.max) if given[1] is None else given[1]
        self.narrow = self.low > info.min or self.high < info.max
        self.scale = np.asarray(_value(scale, constants), np.float32)
        points = np.zeros(self.scale.shape) if zero is None else _value(zero, constants)
        self.zero = np.asarray(points).astype(np.int32)
        if not per_channel:
            self.scale, self.zero = self.scale.reshape(()), self.zero.reshape(())

    def expressions(self) -> tuple[relax.Expr, relax.Expr]:
        return relax.const(self.scale, "float32"), relax.const(self.zero, "int32")

    def along(self, rank: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """(scale, zero point) that broadcast with a tensor of ``rank`` axes."""
        if self.scale.ndim == 0:
            return self.scale, self.zero
        shape = [-1 if axis == self.axis % rank else 1 for axis in range(rank)]
        return self.scale.reshape(shape), self.zero.reshape(shape)


def _value(argument: Any, constants: Constants) -> Any:
    """The value of an argument: a number, or a tensor of the model's constants."""
    if isinstance(argument, int | float):
        return argument
    found = constants.get(getattr(argument, "name", ""))
    if found is None:
        raise ModelRefused("its scale or zero point is computed at run time", hint=_STATIC)
    return found


def _quantize(node: Any, importer: Any, constants: Constants, *, per_channel: bool) -> relax.Expr:
    """clip(round(x / scale) + zero, low, high); bounds that are narrower than the type are applied to x."""
    chosen = _Parameters(node, constants, per_channel=per_channel)
    known = constants.get(node.args[0].name)
    if known is not None:
        scale, zero = chosen.along(known.ndim)
        raw = np.clip(np.rint(known.astype(np.float32) * (np.float32(1) / scale)) + zero, chosen.low, chosen.high)
        return relax.const(raw.astype(chosen.dtype), chosen.dtype)
    if per_channel or chosen.dtype == "int32":
        raise ModelRefused(f"it quantizes activations to {chosen.dtype}, or per channel", hint=_STATIC)
    x = importer.env[node.args[0]]
    if chosen.narrow:
        low, high = (float(chosen.scale) * (bound - int(chosen.zero)) for bound in (chosen.low, chosen.high))
        x = importer.block_builder.emit(relax.op.clip(x, low, high))
    scale, zero = chosen.expressions()
    return importer.block_builder.emit(relax.op.quantize(x, scale, zero, axis=0, out_dtype=chosen.dtype))


def _dequantize(node: Any, importer: Any, constants: Constants, *, per_channel: bool) -> relax.Expr:
    """(x - zero) * scale; a bias of int32 becomes the real numbers that it stands for."""
    chosen = _Parameters(node, constants, per_channel=per_channel)
    known = constants.get(node.args[0].name)
    if chosen.dtype == "int32":
        if known is None:
            raise ModelRefused("it dequantizes int32 that is computed at run time", hint=_STATIC)
        scale, zero = chosen.along(known.ndim)
        return relax.const(((known.astype(np.int64) - zero) * scale).astype(np.float32), "float32")
    scale, zero = chosen.expressions()
    x = importer.env[node.args[0]]
    axis = chosen.axis % max(len(x.ty.shape), 1)
    return importer.block_builder.emit(relax.op.dequantize(x, scale, zero, axis=axis))
