# SPDX-License-Identifier: Apache-2.0
"""The operators that ``graphs`` chains: each step appends one to a network, or returns None where it does not fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from stm32_emitter.frontends.tflite.converters import SUPPORT
from stm32_emitter.testing.cases.convolution import bias, weights, window_output
from stm32_emitter.testing.cases.draw import ACTIVATIONS
from stm32_emitter.testing.tflite_writer import Quant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stm32_emitter.testing.cases.draw import Draw
    from stm32_emitter.testing.tflite_options import Option

MAX_ELEMENTS = 2000
IMAGE_RANK = 4
SOFTMAX_ABORTS = 512  # the reference kernel aborts the process where a row's sum of exponentials reaches this
SCALE_BOUNDS = (2.0**-16, 2.0**6)
CHANNELS = (1, 2, 3, 4, 5, 8, 12, 16)


@dataclass(frozen=True)
class Value:
    """A tensor of the network.

    Attributes:
        index: in the file.
        shape: of it.
        quant: its quantization if it were int8; :meth:`Network.stored` tells that of its own type.
        dtype: "int8", "uint8", "int16" or "float32".
    """

    index: int
    shape: tuple[int, ...]
    quant: Quant
    dtype: str


@dataclass
class Network:
    """A model under construction.

    Attributes:
        draw: random choices and the writer; its dtype is that of the value that a step goes on from.
        dtypes: number formats that values may have.
        names: names still to be given to tensors, last one first.
        values: activations in the order they were made.
        consumed: indices of values that some operator reads.
        extras: indices of outputs that are no activations, such as positions of maxima.
    """

    draw: Draw
    dtypes: tuple[str, ...] = ("int8",)
    names: list[str] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    consumed: set[int] = field(default_factory=set)
    extras: list[int] = field(default_factory=list)

    def name(self) -> str:
        """Name for the next tensor."""
        return self.names.pop() if self.names else f"tensor_{len(self.draw.writer.tensors)}"

    def computed_by_reference(self, ops: Sequence[str]) -> tuple[str, ...]:
        """Those of ``ops`` that may stand in this model: with variables, only what the reference kernels compute."""
        return tuple(op for op in ops if not self.draw.writer.variables or op not in ("ELU", "SUM"))

    def stored(self, quant: Quant, *, fixed: bool = False) -> Quant | None:
        """The like of a quantization of int8 in the dtype of ``draw``; ``fixed``: one that kernels prescribe."""
        if self.draw.dtype == "float32":
            return None
        if fixed:
            return self.draw.fixed(quant.scales[0], quant.zero_points[0])
        if self.draw.dtype == "int16":
            return Quant(quant.scales[0] / self.draw.steps, 0)
        return Quant(quant.scales[0], quant.zero_points[0] + self.draw.middle)

    def add(self, shape: Sequence[int], quant: Quant | None, *, fixed: bool = False) -> Value:
        """Add an activation."""
        chosen = quant or Quant(1.0)
        # Scales beyond these bounds overflow the activation bounds, which the reference interpreter refuses.
        scale = float(np.clip(chosen.scales[0], SCALE_BOUNDS[0], SCALE_BOUNDS[1]))
        chosen = Quant(scale, chosen.zero_points[0])
        index = self.draw.activation(self.name(), shape, self.stored(chosen, fixed=fixed))
        if fixed and self.draw.dtype == "int16":
            chosen = Quant(1 / 128, 0)
        self.values.append(Value(index, tuple(shape), chosen, self.draw.dtype))
        return self.values[-1]

    def constant(self, shape: Sequence[int], quant: Quant) -> Value:
        """Add a constant; it is none of the values."""
        index = self.draw.constant(self.name(), shape, self.stored(quant))
        return Value(index, tuple(shape), quant, self.draw.dtype)

    def alike(self, value: Value) -> list[Value]:
        """The values of the same shape, dtype and quantization."""
        return [v for v in self.values if (v.shape, v.dtype, v.quant) == (value.shape, value.dtype, value.quant)]

    def takes(self, op: str) -> bool:
        """Whether an operator is there in the dtype of ``draw``."""
        return self.draw.dtype in SUPPORT[op].formats

    def emit(
        self, op: str, inputs: Sequence[int], shape: Sequence[int], quant: Quant | None, **options: Option
    ) -> Value | None:
        """Append an operator with one output, unless that would be empty or too large, or the operator is not there."""
        if not 0 < int(np.prod(shape)) <= MAX_ELEMENTS or not self.takes(op):
            return None
        return self._append(op, inputs, self.add(shape, quant), options)

    def emit_fixed(
        self, op: str, inputs: Sequence[int], shape: Sequence[int], quant: Quant, **options: Option
    ) -> Value | None:
        """The same with a quantization of the output that kernels prescribe."""
        if not 0 < int(np.prod(shape)) <= MAX_ELEMENTS or not self.takes(op):
            return None
        return self._append(op, inputs, self.add(shape, quant, fixed=True), options)

    def _append(self, op: str, inputs: Sequence[int], output: Value, options: Mapping[str, Option]) -> Value:
        self.consumed.update(inputs)
        self.draw.writer.operator(op, inputs, [output.index], version=None, **options)
        return output

    def pieces(
        self, op: str, inputs: Sequence[int], shapes: Sequence[Sequence[int]], quant: Quant, **options: Option
    ) -> Value | None:
        """Append an operator with several outputs of one quantization."""
        if not self.takes(op):
            return None
        outputs = [self.add(shape, quant) for shape in shapes]
        self.consumed.update(inputs)
        self.draw.writer.operator(op, inputs, [output.index for output in outputs], version=None, **options)
        return outputs[0]


def _rescaled(network: Network, value: Value, low: float, high: float) -> Quant:
    return network.draw.affine(
        value.quant.scales[0] * network.draw.log_uniform(low, high), network.draw.integer(-100, 100)
    )


def _convolve(network: Network, value: Value, depthwise: bool) -> Value | None:
    draw = network.draw
    if len(value.shape) != IMAGE_RANK:
        return None
    batch, height, width, channels = value.shape
    kernel, stride = draw.pick((1, 1, 2, 3)), draw.pick((1, 1, 2))
    padding = draw.pick(("SAME", "VALID"))
    size = [window_output(dim, kernel, stride, 1, padding) for dim in (height, width)]
    outer = channels * draw.pick((1, 1, 2)) if depthwise else draw.pick(CHANNELS)
    if min(size) < 1 or channels > 2 * CHANNELS[-1] or outer > 2 * CHANNELS[-1]:
        return None
    shape, axis = ((1, kernel, kernel, outer), 3) if depthwise else ((outer, kernel, kernel, channels), 0)
    terms = kernel * kernel * (1 if depthwise else channels)
    constants, quant = _weighted(network, value, shape, axis, terms)
    options: dict[str, int] = {"stride_w": stride, "stride_h": stride}
    if depthwise:
        options["depth_multiplier"] = outer // channels
    activation = draw.pick(ACTIVATIONS)
    op = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
    inputs = [value.index, *constants]
    result = (batch, *size, outer)
    return network.emit(op, inputs, result, quant, padding=padding, fused_activation_function=activation, **options)


def _weighted(network: Network, value: Value, shape: tuple[int, ...], axis: int, terms: int) -> tuple[list[int], Quant]:
    draw = network.draw
    # Aim at real outputs of a few units, where the activation functions are neither linear nor saturated.
    target = draw.log_uniform(0.01, 0.08) / (value.quant.scales[0] * float(np.sqrt(terms)) * 73.0)
    w, size, quant = weights(draw, network.name(), shape, axis, per_channel=draw.chance(0.7), scale=target)
    spread = max(1.0, float(np.sqrt(terms)) * size * 73.0)
    product = value.quant.scales[0] * float(np.mean(quant.scales)) if quant else 1.0
    output = draw.affine(product * spread / draw.log_uniform(15.0, 80.0), draw.integer(-128, 40))
    return [w, bias(draw, shape[axis], network.stored(value.quant), quant, spread * draw.steps / 4)], output


def conv(network: Network, value: Value) -> Value | None:
    """CONV_2D."""
    return _convolve(network, value, depthwise=False)


def depthwise_conv(network: Network, value: Value) -> Value | None:
    """DEPTHWISE_CONV_2D."""
    return _convolve(network, value, depthwise=True)


def dense(network: Network, value: Value) -> Value | None:
    """FULLY_CONNECTED, flattening its input."""
    inner = int(np.prod(value.shape))
    outer = network.draw.pick(CHANNELS)
    constants, quant = _weighted(network, value, (outer, inner), 0, inner)
    activation = network.draw.pick(ACTIVATIONS)
    inputs = [value.index, *constants]
    return network.emit("FULLY_CONNECTED", inputs, (1, outer), quant, fused_activation_function=activation)


def _elementwise(network: Network, value: Value, op: str) -> Value | None:
    draw = network.draw
    others = [other for other in network.values if (other.shape, other.dtype) == (value.shape, value.dtype)]
    other = draw.pick(others)
    if draw.chance(0.3) or (op == "SUB" and other == value):
        quant = draw.affine(value.quant.scales[0] * draw.log_uniform(0.3, 3.0), draw.integer(-50, 50))
        shape = draw.pick((value.shape, value.shape[-1:], (1,)))
        other = network.constant(shape, quant)
    first, second = value.quant.scales[0], other.quant.scales[0]
    scale = first * second * 60.0 if op == "MUL" else max(first, second) * draw.log_uniform(0.7, 2.5)
    target = draw.affine(scale, draw.integer(-60, 60))
    inputs = [value.index, other.index]
    return network.emit(op, inputs, value.shape, target, fused_activation_function=draw.pick(ACTIVATIONS))


def add(network: Network, value: Value) -> Value | None:
    """ADD of a value of the same shape (a residual sum, or with itself) or of a constant."""
    return _elementwise(network, value, "ADD")


def sub(network: Network, value: Value) -> Value | None:
    """SUB, as ``add``."""
    return _elementwise(network, value, "SUB")


def mul(network: Network, value: Value) -> Value | None:
    """MUL, as ``add``."""
    return _elementwise(network, value, "MUL")


def pool(network: Network, value: Value) -> Value | None:
    """AVERAGE_POOL_2D or MAX_POOL_2D."""
    draw = network.draw
    if len(value.shape) != IMAGE_RANK or min(value.shape[1:3]) < 2:
        return None
    padding = draw.pick(("SAME", "VALID"))
    size = [window_output(dim, 2, 2, 1, padding) for dim in value.shape[1:3]]
    window = {"stride_w": 2, "stride_h": 2, "filter_width": 2, "filter_height": 2}
    op = draw.pick(("AVERAGE_POOL_2D", "MAX_POOL_2D"))
    shape = (value.shape[0], *size, value.shape[3])
    return network.emit(op, [value.index], shape, value.quant, padding=padding, **window)


def mean(network: Network, value: Value) -> Value | None:
    """MEAN over height and width."""
    draw = network.draw
    if len(value.shape) != IMAGE_RANK:
        return None
    keep = draw.chance(0.5)
    batch, channels = value.shape[0], value.shape[3]
    axes = draw.int_constant(network.name(), [1, 2])
    shape = (batch, 1, 1, channels) if keep else (batch, channels)
    quant = _rescaled(network, value, 0.3, 1.0)
    return network.emit("MEAN", [value.index, axes], shape, quant, keep_dims=keep)


def pad(network: Network, value: Value) -> Value | None:
    """PAD of every dimension but the first."""
    draw = network.draw
    paddings = [[0, 0]] + [[draw.integer(0, 1), draw.integer(0, 2)] for _ in value.shape[1:]]
    shape = [dim + sum(pair) for dim, pair in zip(value.shape, paddings, strict=True)]
    return network.emit("PAD", [value.index, draw.int_constant(network.name(), paddings)], shape, value.quant)


def reshape(network: Network, value: Value) -> Value | None:
    """RESHAPE to [1, n] or to an image with one row."""
    count = int(np.prod(value.shape))
    shape = network.draw.pick(((1, count), (1, 1, count // value.shape[-1], value.shape[-1])))
    target = network.draw.int_constant(network.name(), shape)
    return network.emit("RESHAPE", [value.index, target], shape, value.quant, new_shape=shape)


def softmax(network: Network, value: Value) -> Value | None:
    """SOFTMAX over the last axis."""
    if value.shape[-1] >= SOFTMAX_ABORTS:
        return None
    return network.emit_fixed("SOFTMAX", [value.index], value.shape, Quant(1 / 256, -128), beta=1.0)


def logistic(network: Network, value: Value) -> Value | None:
    """LOGISTIC."""
    return network.emit_fixed("LOGISTIC", [value.index], value.shape, Quant(1 / 256, -128))


def tanh(network: Network, value: Value) -> Value | None:
    """TANH."""
    return network.emit_fixed("TANH", [value.index], value.shape, Quant(1 / 128, 0))


def relu(network: Network, value: Value) -> Value | None:
    """RELU, RELU6 or LEAKY_RELU."""
    quant = _rescaled(network, value, 0.4, 2.0)
    op = network.draw.pick(("RELU", "RELU6", "LEAKY_RELU"))
    options = {"alpha": 0.1} if op == "LEAKY_RELU" else {}
    return network.emit(op, [value.index], value.shape, quant, **options)


def hard_swish(network: Network, value: Value) -> Value | None:
    """HARD_SWISH."""
    return network.emit("HARD_SWISH", [value.index], value.shape, _rescaled(network, value, 0.4, 2.0))


def requantize(network: Network, value: Value) -> Value | None:
    """QUANTIZE to another scale, or to another number format of the network; DEQUANTIZE to float32."""
    target = network.draw.pick(network.dtypes)
    pair = {value.dtype, target}
    if pair in ({"float32"}, {"uint8", "int16"}):
        return None
    if target == "float32":
        if not network.takes("DEQUANTIZE"):
            return None
        network.draw.dtype = target
        output = network.add(value.shape, value.quant)
        network.consumed.add(value.index)
        network.draw.writer.operator("DEQUANTIZE", [value.index], [output.index], version=None)
        return output
    network.draw.dtype = target
    return network.emit("QUANTIZE", [value.index], value.shape, _rescaled(network, value, 0.4, 2.0))


def concatenate(network: Network, value: Value) -> Value | None:
    """CONCATENATION along the last axis with itself, a constant or a value of equal quantization and shape."""
    draw = network.draw
    other = draw.pick(network.alike(value)).index
    if draw.chance(0.3):
        other = network.constant(value.shape, value.quant).index
    shape = (*value.shape[:-1], 2 * value.shape[-1])
    axis = draw.pick((-1, len(shape) - 1))
    return network.emit("CONCATENATION", [value.index, other], shape, value.quant, axis=axis)


def resize(network: Network, value: Value) -> Value | None:
    """RESIZE_NEAREST_NEIGHBOR or RESIZE_BILINEAR to twice the size."""
    if len(value.shape) != IMAGE_RANK:
        return None
    batch, height, width, channels = value.shape
    op = network.draw.pick(("RESIZE_NEAREST_NEIGHBOR", "RESIZE_BILINEAR"))
    size = network.draw.int_constant(network.name(), [2 * height, 2 * width])
    shape = (batch, 2 * height, 2 * width, channels)
    return network.emit(op, [value.index, size], shape, value.quant, half_pixel_centers=network.draw.chance(0.5))


def transpose(network: Network, value: Value) -> Value | None:
    """TRANSPOSE of all dimensions but the first."""
    rank = len(value.shape)
    order = [0, *(int(axis) + 1 for axis in network.draw.rng.permutation(rank - 1))]
    axes = network.draw.int_constant(network.name(), order)
    return network.emit("TRANSPOSE", [value.index, axes], [value.shape[axis] for axis in order], value.quant)


def strided_slice(network: Network, value: Value) -> Value | None:
    """STRIDED_SLICE: every second row of the second dimension, or the rows in reverse order."""
    draw = network.draw
    stride = [1] * len(value.shape)
    stride[1] = draw.pick((2, -1))
    picked = len(range(value.shape[1])[:: stride[1]])
    zeros = [0] * len(value.shape)
    bounds = [draw.int_constant(network.name(), data) for data in (zeros, value.shape, stride)]
    mask = (1 << len(value.shape)) - 1
    shape = (value.shape[0], picked, *value.shape[2:])
    return network.emit("STRIDED_SLICE", [value.index, *bounds], shape, value.quant, begin_mask=mask, end_mask=mask)


Step = Callable[[Network, Value], Value | None]

STEPS: tuple[Step, ...] = (
    *(conv, conv, conv, depthwise_conv, depthwise_conv, dense, add, add, add, sub, mul, pool, pool, mean, pad),
    *(reshape, softmax, logistic, tanh, relu, relu, hard_swish, requantize, concatenate, resize, transpose),
    strided_slice,
)

PRUNED_STEPS: tuple[Step, ...] = (
    *(conv, conv, conv, conv, depthwise_conv, depthwise_conv, dense, add, sub, mul, pool, mean, pad, reshape),
    *(logistic, relu, requantize, concatenate, concatenate, resize, transpose, strided_slice),
)
