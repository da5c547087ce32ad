# SPDX-License-Identifier: Apache-2.0
"""Cases of CONV_2D, DEPTHWISE_CONV_2D and TRANSPOSE_CONV (NHWC activations; weights OHWI, depthwise 1HWC)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stm32_emitter.testing.tflite_writer import Quant

from .draw import ACTIVATIONS, CHANNELS, Array, Draw

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_MACS = 30_000
_LEAST_SCALE = 2.0**-24
"""With a smaller one, 6 has no quantized form of 32 bits, and the reference refuses RELU6."""


@dataclass(frozen=True)
class Window:
    """Geometry of a sliding window; pairs are (height, width)."""

    size: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: str

    @property
    def output(self) -> tuple[int, int]:
        """Output height and width."""
        height, width = (
            window_output(self.size[i], self.kernel[i], self.stride[i], self.dilation[i], self.padding) for i in (0, 1)
        )
        return height, width


def window_output(size: int, kernel: int, stride: int, dilation: int, padding: str) -> int:
    """Output length of a window that slides over ``size`` elements (TFLite's SAME and VALID)."""
    if padding == "SAME":
        return -(-size // stride)
    return -(-(size - (kernel - 1) * dilation) // stride)


def window(draw: Draw, *, dilated: bool = True, largest_kernel: int = 5) -> Window:
    """Random geometry with at least one output element."""
    while True:
        square = draw.chance(0.5)
        candidate = Window(
            size=_pair(draw, 11, draw.chance(0.3)),
            kernel=_pair(draw, largest_kernel, square),
            stride=_pair(draw, 3, square) if draw.chance(0.5) else (1, 1),
            dilation=_pair(draw, 3, square) if dilated and draw.chance(0.3) else (1, 1),
            padding=draw.pick(("SAME", "VALID")),
        )
        if min(candidate.output) > 0:
            return candidate


def _pair(draw: Draw, high: int, equal: bool) -> tuple[int, int]:
    first = draw.integer(1, high)
    return first, first if equal else draw.integer(1, high)


def weights(
    draw: Draw, name: str, shape: tuple[int, ...], axis: int, *, per_channel: bool, scale: float | None = None
) -> tuple[int, float, Quant | None]:
    """Constant weights.

    Args:
        draw: the case.
        name: tensor name.
        shape: shape of the weights.
        axis: dimension of the output channels.
        per_channel: one scale per output channel instead of one for all.
        scale: typical scale; by default any of 2^-12 .. 2^-4.

    Returns:
        (tensor, root mean square of the values, quantization).
    """
    if not draw.quantized and not draw.hybrid:
        # As in a trained network, sums stay of the size of the inputs, so that a clamp does not hide what they are.
        size = 1.0 / max(4.0, float(np.sqrt(np.prod(shape) // shape[axis])))
        return draw.writer.constant(name, (size * draw.rng.normal(size=shape)).astype(np.float32)), size, None
    data = weight_values(draw, shape, axis)
    if draw.hybrid:
        data = np.maximum(data, -127).astype(np.int8)  # the reference's vector code gets -128 * negative wrong
    four_bits = draw.weights == "int4"
    if four_bits and np.abs(data).max(initial=0) > 7:
        data = data >> 4
    per_channel = per_channel and draw.dtype != "uint8"
    channels = shape[axis] if per_channel else 1
    base = draw.log_uniform(2.0**-12, 2.0**-4) if scale is None else scale
    scales = [base * draw.log_uniform(0.25, 4.0) for _ in range(channels)]
    zero_point = draw.pick((128, draw.integer(98, 158), draw.integer(0, 255))) if draw.dtype == "uint8" else 0
    quant = draw.affine(scales, zero_point, axis if per_channel else 0)
    if draw.dtype == "uint8" and draw.chance(0.3):
        data = draw.rng.integers(1, 256, shape) - zero_point  # beyond int8
    spread = float(np.sqrt(np.mean(np.square(data.astype(np.float64))))) or 1.0
    stored = np.clip(data.astype(np.int16) + zero_point, 0, 255).astype(np.uint8) if draw.dtype == "uint8" else data
    return draw.writer.constant(name, stored, quant=quant, dtype="int4" if four_bits else None), spread, quant


def weight_values(draw: Draw, shape: tuple[int, ...], axis: int) -> Array:
    """int8 weights: full range, small, with all-zero channels, or (outside the specification) with -128.

    ``axis`` is that of the output channels; the last one is that of the input channels where it is another.
    """
    largest = draw.pick((127, 127, 127, 20, 3, 1))
    data = draw.rng.integers(-largest, largest + 1, shape)
    if draw.chance(0.8 if draw.pruned else 0.15):
        dead = draw.rng.random(shape[axis]) < 0.5
        data = np.moveaxis(data, axis, -1)
        data = np.moveaxis(np.where(dead, 0, data), -1, axis)
    if draw.pruned and axis == 0 and draw.chance(0.3):
        data = np.where(draw.rng.random(shape[-1]) < 0.3, 0, data)
    if draw.chance(0.05):
        data = np.where(draw.rng.random(shape) < 0.1, -128, data)
    return data.astype(np.int8)


def output_quant(draw: Draw, product: float, spread: float) -> Quant | None:
    """Output quantization.

    Args:
        draw: the case.
        product: scale of the accumulator.
        spread: typical size of the accumulator.

    Most outputs then vary within the int8 range, some saturate, and some multipliers are above one.
    """
    if not draw.quantized:
        return None
    scale = product * spread / draw.log_uniform(4.0, 150.0) / draw.steps
    if draw.chance(0.08):
        scale = product / draw.log_uniform(1.0, 8.0)
    zero_point = draw.pick((draw.integer(-128, 127), draw.integer(-30, 30), -128, 0))
    return draw.affine(scale, 0 if draw.dtype == "int16" else zero_point + draw.middle)


def bias(draw: Draw, channels: int, input_quant: Quant | None, weight_quant: Quant | None, spread: float) -> int:
    """Bias tensor: int32 (int64 for activations of int16) with scale input * weight, or float32."""
    if input_quant is None or weight_quant is None:
        real = 1.0 if weight_quant is None else spread / 73.0 * float(np.mean(weight_quant.scales))
        return draw.writer.constant("bias", (draw.rng.normal(size=channels) * real).astype(np.float32))
    size = spread * draw.pick((1.0, 1.0, 1.0, 0.0, 20.0))
    dtype = np.int64 if draw.dtype == "int16" else np.int32  # the reference misreads int32 beside int16
    # Results beyond 32 bits are not defined in the reference kernels of int16.
    most = 2**24 if draw.dtype == "int16" else 2**30
    data = np.clip(draw.rng.normal(size=channels) * size, -most, most).astype(dtype)
    scales = [float(np.float32(input_quant.scales[0]) * np.float32(scale)) for scale in weight_quant.scales]
    return draw.writer.constant("bias", data, quant=Quant(scales, 0, 0))


def _fit(draw: Draw, outputs: int, taps: int) -> tuple[int, int]:
    while True:
        inner, outer = draw.pick(CHANNELS), draw.pick(CHANNELS)
        if outputs * taps * inner * outer <= MAX_MACS or inner * outer <= 4:
            return inner, outer


def conv_2d(draw: Draw) -> tuple[list[int], list[int]]:
    """CONV_2D: batch 1..2, grouped in one case of six, per-channel or per-tensor weights."""
    geometry = window(draw)
    batch = draw.pick((1, 1, 1, 2))
    taps = geometry.kernel[0] * geometry.kernel[1]
    inner, outer = _fit(draw, batch * geometry.output[0] * geometry.output[1], taps)
    groups = draw.pick((2, 3, 4)) if draw.chance(1 / 6) and max(inner, outer) <= 13 else 1
    if draw.hybrid and draw.dyadic:
        groups = 1  # the reference interpreter reads beyond its arrays where a group's scales are all equal
    shape = (outer * groups, *geometry.kernel, inner)
    source = (batch, *geometry.size, inner * groups)
    return _finish(draw, "CONV_2D", geometry, input_shape=source, weight_shape=shape, axis=0, options={})


def depthwise_conv_2d(draw: Draw) -> tuple[list[int], list[int]]:
    """DEPTHWISE_CONV_2D: depth multiplier 1..4, per-channel or per-tensor weights, bias or none."""
    geometry = window(draw)
    batch = draw.pick((1, 1, 1, 2))
    multiplier = draw.pick((1, 1, 1, 2, 3, 4))
    channels = draw.pick(CHANNELS)
    shape = (1, *geometry.kernel, channels * multiplier)
    source = (batch, *geometry.size, channels)
    options = {"depth_multiplier": multiplier}
    op = "DEPTHWISE_CONV_2D"
    return _finish(draw, op, geometry, input_shape=source, weight_shape=shape, axis=3, options=options)


def _finish(
    draw: Draw,
    op: str,
    geometry: Window,
    *,
    input_shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    axis: int,
    options: Mapping[str, int],
) -> tuple[list[int], list[int]]:
    source = draw.quant(2.0**-8, 1.0)
    x = draw.activation("input", input_shape, source)
    # The hybrid kernels read a scale of each channel where there are groups, however many there are.
    several = draw.chance(0.7) or (draw.hybrid and (axis == 3 or weight_shape[3] < input_shape[3]))
    w, size, quant = weights(draw, "weights", weight_shape, axis, per_channel=several)
    terms = int(np.prod(weight_shape)) // weight_shape[axis]
    spread = max(1.0, np.sqrt(terms) * size * 73.0 * draw.steps)
    product = source.scales[0] * float(np.mean(quant.scales)) if source and quant else 1.0
    inputs = [x, w]
    # LiteRT refuses CONV_2D without bias, and a bias of index -1 in both operators.
    if op == "CONV_2D" or draw.chance(0.85):
        inputs.append(bias(draw, weight_shape[axis], source, quant, spread))
    shape = (input_shape[0], *geometry.output, weight_shape[axis])
    y = draw.activation("output", shape, output_quant(draw, product, spread))
    draw.writer.operator(
        op,
        inputs,
        [y],
        padding=geometry.padding,
        stride_h=geometry.stride[0],
        stride_w=geometry.stride[1],
        dilation_h_factor=geometry.dilation[0],
        dilation_w_factor=geometry.dilation[1],
        fused_activation_function=draw.pick(ACTIVATIONS),
        **options,
    )
    return [x], [y]


def transpose_conv(draw: Draw) -> tuple[list[int], list[int]]:
    """TRANSPOSE_CONV: strides of 1..3 smaller and larger than the window, SAME and VALID, bias or none."""
    size, kernel, stride = _pair(draw, 5, draw.chance(0.5)), _pair(draw, 5, draw.chance(0.5)), _pair(draw, 3, True)
    stride = stride if draw.chance(0.7) else _pair(draw, 3, False)
    padding, batch = draw.pick(("SAME", "VALID")), draw.pick((1, 1, 1, 2))
    inner, outer = _fit(draw, batch * size[0] * size[1], kernel[0] * kernel[1])
    full = [(n - 1) * s + k if padding == "VALID" else n * s for n, s, k in zip(size, stride, kernel, strict=True)]
    # Of SAME, the outputs whose size divided by the stride, rounded up, is the input's.
    height, width = (
        draw.integer(n - s + 1, n) if padding == "SAME" and draw.chance(0.3) else n
        for n, s in zip(full, stride, strict=True)
    )
    source = draw.quant(2.0**-8, 1.0)
    x = draw.activation("input", (batch, *size, inner), source)
    shape = (batch, height, width, outer)
    w, spread, quant = weights(draw, "weights", (outer, *kernel, inner), 0, per_channel=draw.chance(0.7))
    spread = max(1.0, np.sqrt(kernel[0] * kernel[1] * inner) * spread * 73.0 * draw.steps)
    product = source.scales[0] * float(np.mean(quant.scales)) if source and quant else 1.0
    inputs = [draw.int_constant("shape", shape), w, x]
    if draw.chance(0.7):
        inputs.append(bias(draw, outer, source, quant, spread))
    target, activation = output_quant(draw, product, spread), draw.pick(ACTIVATIONS)
    if target is not None and min(target.scales) < _LEAST_SCALE:
        activation = "NONE"
    y = draw.activation("output", shape, target)
    draw.writer.operator(
        "TRANSPOSE_CONV",
        inputs,
        [y],
        padding=padding,
        stride_h=stride[0],
        stride_w=stride[1],
        fused_activation_function=activation,
    )
    return [x], [y]


GENERATORS = {"CONV_2D": conv_2d, "DEPTHWISE_CONV_2D": depthwise_conv_2d, "TRANSPOSE_CONV": transpose_conv}
