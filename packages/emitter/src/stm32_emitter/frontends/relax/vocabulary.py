# SPDX-License-Identifier: Apache-2.0
"""Relax operators in ONNX's terms: ``translate(site, call)`` adds nodes and gives the names of what they compute.

An operator that has no entry, and one whose attributes ONNX cannot say (None), stays a Relax call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.operators.scope import dtype_of, integers, prim_value, shape_of

Names = str | list[Any]
"""The name of a tensor, or a list of them for a tuple."""

REFUSED = "relax.refused"
"""Kind of a node that is refused; its attributes hold ``reason`` and ``hint``."""


class Site(Protocol):
    """Where translators add nodes."""

    def name(self, expr: relax.Expr) -> str:
        """The tensor that an argument stands for."""

    def names(self, expr: relax.Expr) -> Names:
        """The tensors that an argument stands for."""

    def value(self, expr: relax.Expr) -> NDArray[Any] | None:
        """The value of an argument that is constant."""

    def constant(self, array: Any) -> str:
        """The name of a constant."""

    def add(self, kind: str, *inputs: str, origin: Any = None, outputs: int = 0, **attributes: Any) -> Any:
        """Adds a node; gives the name of its output, or the names of ``outputs``."""


Translate = Callable[[Site, relax.Call], "Names | None"]


# Calls that stay


def _is_tensor(expr: relax.Expr) -> bool:
    return isinstance(getattr(expr, "ty", None), relax.TensorType)


def flat_arguments(call: relax.Call) -> Iterator[relax.Expr]:
    """The tensors among the arguments, those of tuples one by one; numbers and shapes are none."""
    for argument in call.args:
        fields = argument.fields if isinstance(argument, relax.Tuple) else (argument,)
        yield from (field for field in fields if _is_tensor(field))


def rebuilt(call: relax.Call, tensors: Sequence[relax.Expr]) -> relax.Call:
    """The same call with ``tensors`` in the place of :func:`flat_arguments`."""
    left = iter(tensors)

    def fresh(argument: relax.Expr) -> relax.Expr:
        if isinstance(argument, relax.Tuple):
            return relax.Tuple([fresh(field) for field in argument.fields])
        return next(left) if _is_tensor(argument) else argument

    return relax.Call(call.op, [fresh(argument) for argument in call.args], call.attrs, call.ty_args)


def _kept(kind: str) -> Callable[[Site, relax.Call], Names]:
    def translate(site: Site, call: relax.Call) -> Names:
        variables = [argument for argument in call.args if not isinstance(argument, relax.Tuple)]
        if any(isinstance(getattr(argument, "ty", None), relax.TupleType) for argument in variables):
            return str(site.add(REFUSED, reason="it takes a tuple that is computed", hint=None))
        inputs = [site.name(argument) for argument in flat_arguments(call)]
        outputs = len(call.ty.fields) if isinstance(call.ty, relax.TupleType) else 0

        def rebuild(tensors: Sequence[relax.Expr]) -> relax.Call:
            return rebuilt(call, tensors)

        found: Names = site.add(kind, *inputs, outputs=outputs, rebuild=rebuild)
        return found

    return translate


CALL = _kept("relax.call")
_FUNCTION = _kept("relax.function")
_ELEMENTS = _kept("relax.elements")


# Layouts


def _order(layout: str, wanted: str) -> list[int] | None:
    return [layout.index(axis) for axis in wanted] if sorted(layout) == sorted(wanted) else None


def _transposed(site: Site, name: str, order: Sequence[int]) -> str:
    return name if list(order) == sorted(order) else str(site.add("Transpose", name, perm=list(order)))


def _in_layout(site: Site, call: relax.Call, layout: str, wanted: str, make: Callable[[str], str]) -> str | None:
    """``make`` of the first argument in the layout ``wanted``, and its result in ``layout`` again."""
    order = _order(layout, wanted)
    if order is None or (call.attrs.out_layout and str(call.attrs.out_layout) != layout):
        return None
    made = make(_transposed(site, site.name(call.args[0]), order))
    return _transposed(site, made, np.argsort(order).tolist())


# Products


def _conv(data: str, kernel: str) -> Translate:
    def translate(site: Site, call: relax.Call) -> Names | None:
        attrs = call.attrs
        order = _order(str(attrs.kernel_layout), kernel)
        if order is None or dtype_of(call) != "float32":
            return None

        def make(x: str) -> str:
            weights = _transposed(site, site.name(call.args[1]), order)
            return str(
                site.add(
                    "Conv", x, weights, strides=integers(attrs.strides), dilations=integers(attrs.dilation),
                    pads=integers(attrs.padding), group=int(attrs.groups),
                )
            )  # fmt: skip

        return _in_layout(site, call, str(attrs.data_layout), data, make)

    return translate


def _matmul(site: Site, call: relax.Call) -> Names | None:
    ranks = [len(argument.ty.shape) for argument in call.args]
    if min(ranks) < 2 or dtype_of(call) != "float32":
        return None
    return str(site.add("MatMul", *(site.name(argument) for argument in call.args)))


# Pools and means


def _pool(kind: str, wanted: str) -> Translate:
    def translate(site: Site, call: relax.Call) -> Names | None:
        attrs = call.attrs

        def make(x: str) -> str:
            return str(
                site.add(
                    kind, x, kernel_shape=integers(attrs.pool_size), strides=integers(attrs.strides),
                    dilations=integers(attrs.dilation), pads=integers(attrs.padding), ceil_mode=int(attrs.ceil_mode),
                    count_include_pad=int(attrs.count_include_pad),
                )
            )  # fmt: skip

        return _in_layout(site, call, str(attrs.layout), wanted, make)

    return translate


def _adaptive(wanted: str) -> Translate:
    """A window for each output: one window size and stride where the sizes divide."""

    def translate(site: Site, call: relax.Call) -> Names | None:
        layout = str(call.attrs.layout)
        order = _order(layout, wanted)
        if order is None:
            return None
        size, result = ([shape_of(expr)[axis] for axis in order[2:]] for expr in (call.args[0], call))
        if any(n % m for n, m in zip(size, result, strict=True)):
            return None
        window = [n // m for n, m in zip(size, result, strict=True)]
        none = [0] * (2 * len(window))
        return _in_layout(
            site, call, layout, wanted,
            lambda x: str(site.add("AveragePool", x, kernel_shape=window, strides=window, pads=none)),
        )  # fmt: skip

    return translate


def _mean(site: Site, call: relax.Call) -> Names:
    axes = range(len(call.args[0].ty.shape)) if call.attrs.axis is None else integers(call.attrs.axis)
    return str(site.add("ReduceMean", site.name(call.args[0]), axes=list(axes), keepdims=int(call.attrs.keepdims)))


# Normalization


def _batch_norm(site: Site, call: relax.Call) -> Names | None:
    attrs, rank = call.attrs, len(call.args[0].ty.shape)
    parameters = [site.value(argument) for argument in call.args[1:5]]
    if int(attrs.training):
        return str(
            site.add(REFUSED, reason="it is in training mode", hint="Export the model for inference: model.eval().")
        )
    if any(value is None for value in parameters) or rank < 2:
        return None
    scale, bias, mean, variance = (np.asarray(value) for value in parameters)
    scale = scale if int(attrs.scale) else np.ones_like(variance)
    bias = bias if int(attrs.center) else np.zeros_like(mean)
    axis = int(attrs.axis) % rank
    order = [0, axis, *(a for a in range(1, rank) if a != axis)] if axis else [1, 0, *range(2, rank)]
    inputs = [site.constant(value) for value in (scale, bias, mean, variance)]
    x = _transposed(site, site.name(call.args[0]), order)
    y = str(site.add("BatchNormalization", x, *inputs, epsilon=float(attrs.epsilon)))
    return [_transposed(site, y, np.argsort(order).tolist()), inputs[2], inputs[3]]


def _plain(kind: str, otherwise: Translate = _FUNCTION) -> Translate:
    def translate(site: Site, call: relax.Call) -> Names | None:
        if dtype_of(call) != "float32":
            return otherwise(site, call)
        return str(site.add(kind, *(site.name(argument) for argument in call.args)))

    return translate


def _clip(site: Site, call: relax.Call) -> Names | None:
    if dtype_of(call) != "float32":
        return _FUNCTION(site, call)
    bounds = [site.constant(np.float32(prim_value(bound))) for bound in call.args[1:3]]
    return str(site.add("Clip", site.name(call.args[0]), *bounds))


def _leaky_relu(site: Site, call: relax.Call) -> Names:
    return str(site.add("LeakyRelu", site.name(call.args[0]), alpha=float(call.attrs.alpha)))


def _softmax(kind: str) -> Translate:
    return lambda site, call: str(site.add(kind, site.name(call.args[0]), axis=int(call.attrs.axis)))


def _prelu(site: Site, call: relax.Call) -> Names | None:
    if site.value(call.args[1]) is None:
        return None
    return str(site.add("relax.prelu", site.name(call.args[0]), site.name(call.args[1]), axis=int(call.attrs.axis)))


# Quantization


def _linear(kind: str) -> Translate:
    """quantize and dequantize of int8 and uint8 with constant scale and zero point."""

    def translate(site: Site, call: relax.Call) -> Names | None:
        scale, zero = (site.value(argument) for argument in call.args[1:3])
        dtype = dtype_of(call) if kind == "QuantizeLinear" else dtype_of(call.args[0])
        if scale is None or zero is None or dtype not in ("int8", "uint8"):
            return None
        given = np.asarray(zero).astype(dtype)
        inputs = (site.name(call.args[0]), site.constant(np.asarray(scale, np.float32)), site.constant(given))
        return str(site.add(kind, *inputs, axis=int(call.attrs.axis)))

    return translate


# Movement


def _reshape(site: Site, call: relax.Call) -> Names:
    shape = site.constant(np.array(shape_of(call), np.int64))
    return str(site.add("Reshape", site.name(call.args[0]), shape, allowzero=1))


def _broadcast(site: Site, call: relax.Call) -> Names | None:
    return site.name(call.args[0]) if shape_of(call) == shape_of(call.args[0]) else None


def _permute(site: Site, call: relax.Call) -> Names:
    rank = len(call.args[0].ty.shape)
    axes = reversed(range(rank)) if call.attrs.axes is None else [axis % rank for axis in integers(call.attrs.axes)]
    return _transposed(site, site.name(call.args[0]), list(axes))


def _concat(site: Site, call: relax.Call) -> Names | None:
    names = site.names(call.args[0])
    if call.attrs.axis is None or isinstance(names, str):
        return None
    return str(site.add("Concat", *names, axis=int(call.attrs.axis)))


def _split(site: Site, call: relax.Call) -> Names:
    parts = list(call.ty.fields)
    axis = int(call.attrs.axis) % len(call.args[0].ty.shape)
    sizes = site.constant(np.array([int(part.shape[axis]) for part in parts], np.int64))
    found: Names = site.add("Split", site.name(call.args[0]), sizes, outputs=len(parts), axis=axis)
    return found


def _strided_slice(site: Site, call: relax.Call) -> Names | None:
    given = [[int(prim_value(item)) for item in argument] for argument in call.args[1:]]
    axes, begin, end = given[:3]
    steps = given[3] if len(given) > 3 else [1] * len(axes)
    if min(steps, default=1) < 1:
        return None
    limits = [site.constant(np.array(values, np.int64)) for values in (begin, end, axes, steps)]
    return str(site.add("Slice", site.name(call.args[0]), *limits))


def _take(site: Site, call: relax.Call) -> Names | None:
    """One index, which is a constant number: a slice without that axis."""
    chosen = site.value(call.args[1]) if _is_tensor(call.args[1]) else np.array(prim_value(call.args[1]))
    if chosen is None or chosen.ndim or call.attrs.axis is None:
        return None
    shape = shape_of(call.args[0])
    axis = int(call.attrs.axis) % len(shape)
    index = int(chosen) % shape[axis]
    limits = [site.constant(np.array([value], np.int64)) for value in (index, index + 1, axis)]
    part = str(site.add("Slice", site.name(call.args[0]), *limits))
    return str(site.add("Reshape", part, site.constant(np.array(shape_of(call), np.int64)), allowzero=1))


def _pad(site: Site, call: relax.Call) -> Names | None:
    widths = integers(call.attrs.pad_width)
    if str(call.attrs.pad_mode) != "constant" or min(widths) < 0:
        return None
    pads = site.constant(np.array([*widths[0::2], *widths[1::2]], np.int64))
    return str(site.add("Pad", site.name(call.args[0]), pads, site.constant(np.float32(call.attrs.pad_value))))


def _astype(site: Site, call: relax.Call) -> Names | None:
    return site.name(call.args[0]) if dtype_of(call) == dtype_of(call.args[0]) else _FUNCTION(site, call)


def _dropout(site: Site, call: relax.Call) -> Names:
    name = site.name(call.args[0])
    return [name, name]


def _resize(site: Site, call: relax.Call) -> Names | None:
    if str(call.attrs.layout) != "NCHW" or dtype_of(call) != "float32":
        return None
    size = [shape_of(call)[2], shape_of(call)[3]]
    return str(site.add("relax.resize2d", site.name(call.args[0]), attrs=call.attrs, size=size))


_FUNCTIONS = (
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "ceil", "cos", "cosh", "erf", "exp", "floor", "log",
    "negative", "nn.gelu", "nn.gelu_tanh", "nn.selu", "nn.silu", "nn.softplus", "round", "rsqrt", "sign", "sin",
    "sinh", "sqrt", "square", "tan", "trunc", "logical_not",
)  # fmt: skip
_SEVERAL = (
    "equal", "floor_divide", "floor_mod", "greater", "greater_equal", "less", "less_equal", "logical_and",
    "logical_or", "logical_xor", "mod", "not_equal", "where",
)  # fmt: skip

TRANSLATORS: dict[str, Translate] = {
    **dict.fromkeys(_FUNCTIONS, _FUNCTION),
    **dict.fromkeys(_SEVERAL, _ELEMENTS),
    **dict.fromkeys(("reshape", "flatten", "squeeze", "expand_dims"), _reshape),
    "nn.conv2d": _conv("NCHW", "OIHW"),
    "nn.conv1d": _conv("NCW", "OIW"),
    "matmul": _matmul,
    "nn.max_pool2d": _pool("MaxPool", "NCHW"),
    "nn.max_pool1d": _pool("MaxPool", "NCW"),
    "nn.avg_pool2d": _pool("AveragePool", "NCHW"),
    "nn.avg_pool1d": _pool("AveragePool", "NCW"),
    "nn.adaptive_avg_pool2d": _adaptive("NCHW"),
    "nn.adaptive_avg_pool1d": _adaptive("NCW"),
    "mean": _mean,
    "nn.batch_norm": _batch_norm,
    "nn.relu": _plain("Relu"),
    "sigmoid": _plain("Sigmoid"),
    "tanh": _plain("Tanh"),
    "clip": _clip,
    "nn.leakyrelu": _leaky_relu,
    "nn.prelu": _prelu,
    "add": _plain("Add", _ELEMENTS),
    "subtract": _plain("Sub", _ELEMENTS),
    "multiply": _plain("Mul", _ELEMENTS),
    "divide": _plain("Div", _ELEMENTS),
    "power": _plain("Pow", _ELEMENTS),
    "maximum": _plain("Max", _ELEMENTS),
    "minimum": _plain("Min", _ELEMENTS),
    "nn.softmax": _softmax("Softmax"),
    "nn.log_softmax": _softmax("LogSoftmax"),
    "quantize": _linear("QuantizeLinear"),
    "dequantize": _linear("DequantizeLinear"),
    "broadcast_to": _broadcast,
    "permute_dims": _permute,
    "concat": _concat,
    "split": _split,
    "strided_slice": _strided_slice,
    "take": _take,
    "nn.pad": _pad,
    "astype": _astype,
    "nn.dropout": _dropout,
    "image.resize2d": _resize,
}
"""By the operator's name without ``relax.``."""
