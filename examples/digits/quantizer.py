# SPDX-License-Identifier: Apache-2.0
"""Post-training quantization of the digit network to an int8 .tflite file.

Follows the TFLite 8-bit quantization specification: activations asymmetric int8, convolution weights symmetric per
output channel, the dense layer's weights symmetric per tensor, biases int32 with scale input * weight, softmax output
with scale 1/256 and zero point -128.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from network import Array, Params, forward
from stm32_emitter.testing.tflite_writer import ModelWriter, Quant

Ranges = dict[str, tuple[float, float]]


def calibrate(params: Params, images: Array) -> Ranges:
    """Least and greatest value of every activation over the images; each range contains zero."""
    return {
        name: (min(0.0, float(values.min())), max(0.0, float(values.max())))
        for name, values in forward(params, images).items()
    }


def activation_quant(bounds: tuple[float, float]) -> Quant:
    """Asymmetric int8 quantization of a range: 255 steps, the zero point an integer."""
    low, high = bounds
    scale = float(np.float32((high - low) / 255.0))
    return Quant(scale, int(np.clip(round(-128 - low / scale), -128, 127)))


def quantize_image(images: Array, quant: Quant) -> np.ndarray[Any, np.dtype[np.int8]]:
    """Real values to int8: round(value / scale) + zero point, clamped."""
    steps = np.round(images.astype(np.float64) / quant.scales[0]) + quant.zero_points[0]
    return np.clip(steps, -128, 127).astype(np.int8)


def build(params: Params, ranges: Ranges) -> bytes:
    """The int8 model, input [1, 8, 8, 1], output [1, 10] class probabilities."""
    writer = ModelWriter(description="int8 classifier of 8x8 digits")
    image = _activation(writer, "image", (1, 8, 8, 1), ranges)
    tensor = image
    for name, shape in (("conv1", (1, 8, 8)), ("depthwise", (1, 8, 8)), ("pointwise", (1, 8, 8))):
        tensor = _convolution(writer, params, ranges, name, source=tensor, size=shape)
    pooled = writer.tensor("pool", (1, 4, 4, params["pointwise"].shape[-1]), "int8", quant=_quant(writer, tensor))
    window = {"stride_h": 2, "stride_w": 2, "filter_height": 2, "filter_width": 2}
    writer.operator("MAX_POOL_2D", [tensor], [pooled], padding="VALID", **window)
    tensor = _convolution(writer, params, ranges, "conv2", source=pooled, size=(1, 2, 2))
    probabilities = _head(writer, params, ranges, tensor)
    return writer.finish(inputs=[image], outputs=[probabilities])


def _activation(writer: ModelWriter, name: str, shape: tuple[int, ...], ranges: Ranges) -> int:
    return writer.tensor(name, shape, "int8", quant=activation_quant(ranges[name]))


def _quant(writer: ModelWriter, tensor: int) -> Quant:
    quant = writer.tensors[tensor].quant
    if quant is None:
        raise ValueError(f"tensor {tensor} is not quantized")
    return quant


def _constants(
    writer: ModelWriter, name: str, weights: Array, bias: Array, *, source: int, axes: tuple[int, int | None]
) -> list[int]:
    """Add weights and bias. ``axes`` = (dimension that holds the channels, the same if per channel else None)."""
    axis, per_channel = axes
    reduced = tuple(i for i in range(weights.ndim) if i != axis) if per_channel is not None else None
    scales = np.maximum(np.abs(weights).max(axis=reduced), 1e-8).astype(np.float64) / 127.0
    scales = np.atleast_1d(scales).astype(np.float32)
    shape = [1] * weights.ndim
    shape[axis] = -1
    steps = np.clip(np.round(weights / scales.reshape(shape)), -127, 127).astype(np.int8)
    quant = Quant(scales.tolist(), 0, axis if per_channel is not None else 0)
    bias_scales = scales * np.float32(_quant(writer, source).scales[0])
    bias_steps = np.round(bias / bias_scales.astype(np.float64)).astype(np.int32)
    return [
        writer.constant(f"{name}/weights", steps, quant=quant),
        writer.constant(f"{name}/bias", bias_steps, quant=Quant(bias_scales.tolist(), 0, 0)),
    ]


def _convolution(
    writer: ModelWriter, params: Params, ranges: Ranges, name: str, *, source: int, size: tuple[int, int, int]
) -> int:
    weights = params[name]
    depthwise = weights.ndim == 3
    stored = weights[np.newaxis] if depthwise else weights.transpose(3, 0, 1, 2)  # 1HWC, else OHWI
    axis = 3 if depthwise else 0
    constants = _constants(writer, name, stored, params[f"{name}_bias"], source=source, axes=(axis, axis))
    target = _activation(writer, name, (*size, weights.shape[-1]), ranges)
    window: dict[str, int] = {"stride_h": 1, "stride_w": 1} | ({"depth_multiplier": 1} if depthwise else {})
    writer.operator(
        "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D",
        [source, *constants],
        [target],
        padding="VALID" if name == "conv2" else "SAME",
        fused_activation_function="RELU",
        **window,
    )
    return target


def _head(writer: ModelWriter, params: Params, ranges: Ranges, source: int) -> int:
    features = writer.tensors[source]
    count = int(np.prod(features.shape))
    flat = writer.tensor("flatten", (1, count), "int8", quant=features.quant)
    shape = writer.constant("flatten/shape", np.asarray([1, count], np.int32))
    writer.operator("RESHAPE", [source, shape], [flat], new_shape=[1, count])
    constants = _constants(writer, "dense", params["dense"].T.copy(), params["dense_bias"], source=flat, axes=(0, None))
    logits = _activation(writer, "logits", (1, params["dense"].shape[1]), ranges)
    writer.operator("FULLY_CONNECTED", [flat, *constants], [logits])
    probabilities = writer.tensor("probabilities", (1, params["dense"].shape[1]), "int8", quant=Quant(1 / 256, -128))
    writer.operator("SOFTMAX", [logits], [probabilities], beta=1.0)
    return probabilities
