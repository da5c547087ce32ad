# SPDX-License-Identifier: Apache-2.0
"""Layers of an int8 model, written as .tflite: post-training quantization after the TFLite 8-bit specification.

Activations are asymmetric int8; weights symmetric int8 per output channel, those of dense layers per tensor; biases
int32 with scale input * weight; softmax gives scale 1/256 and zero point -128.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from stm32_emitter.testing.tflite_writer import ModelWriter, Quant

Array = np.ndarray[Any, np.dtype[np.float32]]
Ranges = dict[str, tuple[float, float]]
"""Least and greatest value of each activation."""


def ranges_of(activations: dict[str, Array]) -> Ranges:
    """The ranges of activations over calibration data; each contains zero."""
    return {name: (min(0.0, float(v.min())), max(0.0, float(v.max()))) for name, v in activations.items()}


def activation_quant(bounds: tuple[float, float]) -> Quant:
    """Asymmetric int8 quantization of a range: 255 steps, the zero point an integer."""
    low, high = bounds
    scale = float(np.float32((high - low) / 255.0))
    return Quant(scale, int(np.clip(round(-128 - low / scale), -128, 127)))


def quantized(values: Array, quant: Quant) -> np.ndarray[Any, np.dtype[np.int8]]:
    """Real values to int8: round(value / scale) + zero point, clamped."""
    steps = np.round(values.astype(np.float64) / quant.scales[0]) + quant.zero_points[0]
    return np.clip(steps, -128, 127).astype(np.int8)


def real(values: np.ndarray[Any, Any], quant: Quant) -> Array:
    """int8 to the numbers that it stands for."""
    steps = values.astype(np.float64) - quant.zero_points[0]
    return np.asarray(steps * quant.scales[0], np.float32)


class Layers:
    """Appends quantized layers to a model.

    Args:
        description: free text of the model.
        ranges: of the activations, by name.
    """

    def __init__(self, description: str, ranges: Ranges) -> None:
        self.writer = ModelWriter(description=description)
        self.ranges = ranges

    def activation(self, name: str, shape: tuple[int, ...]) -> int:
        """An int8 tensor with the range of its name; returns its index, as all that follows."""
        return self.writer.tensor(name, shape, "int8", quant=activation_quant(self.ranges[name]))

    def quant(self, tensor: int) -> Quant:
        """The quantization of a tensor."""
        found = self.writer.tensors[tensor].quant
        if found is None:
            raise ValueError(f"tensor {tensor} is not quantized")
        return found

    def shape(self, tensor: int) -> tuple[int, ...]:
        """Its shape."""
        return self.writer.tensors[tensor].shape

    def convolution(self, name: str, source: int, parameters: tuple[Array, Array], *, padding: str, size: Any) -> int:
        """CONV_2D with weights [KH, KW, Cin, Cout], or DEPTHWISE_CONV_2D with [KH, KW, C]; stride 1, fused ReLU.

        ``size`` is batch, height and width of the result.
        """
        weights, bias = parameters
        depthwise = weights.ndim == 3
        stored = weights[np.newaxis] if depthwise else weights.transpose(3, 0, 1, 2)  # 1HWC, else OHWI
        constants = self._constants(name, stored, bias, source, axis=3 if depthwise else 0, per_channel=True)
        target = self.activation(name, (*size, weights.shape[-1]))
        window: dict[str, int] = {"stride_h": 1, "stride_w": 1} | ({"depth_multiplier": 1} if depthwise else {})
        self.writer.operator(
            "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D",
            [source, *constants],
            [target],
            padding=padding,
            fused_activation_function="RELU",
            **window,
        )
        return target

    def max_pool(self, name: str, source: int) -> int:
        """MAX_POOL_2D, 2 x 2."""
        batch, height, width, channels = self.shape(source)
        shape = (batch, height // 2, width // 2, channels)
        target = self.writer.tensor(name, shape, "int8", quant=self.quant(source))
        window = {"stride_h": 2, "stride_w": 2, "filter_height": 2, "filter_width": 2}
        self.writer.operator("MAX_POOL_2D", [source], [target], padding="VALID", **window)
        return target

    def flatten(self, source: int) -> int:
        """RESHAPE to [1, features]."""
        count = int(np.prod(self.shape(source)))
        target = self.writer.tensor("flatten", (1, count), "int8", quant=self.quant(source))
        shape = self.writer.constant("flatten/shape", np.asarray([1, count], np.int32))
        self.writer.operator("RESHAPE", [source, shape], [target], new_shape=[1, count])
        return target

    def dense(
        self, name: str, source: int, parameters: tuple[Array, Array], *, relu: bool = False, result: str = ""
    ) -> int:
        """FULLY_CONNECTED with weights [in, out]; ``result`` is what its output is called, ``name`` without it."""
        weights, bias = parameters
        constants = self._constants(name, weights.T.copy(), bias, source, axis=0, per_channel=False)
        target = self.activation(result or name, (1, weights.shape[1]))
        function = "RELU" if relu else "NONE"
        self.writer.operator("FULLY_CONNECTED", [source, *constants], [target], fused_activation_function=function)
        return target

    def softmax(self, name: str, source: int) -> int:
        """SOFTMAX."""
        target = self.writer.tensor(name, self.shape(source), "int8", quant=Quant(1 / 256, -128))
        self.writer.operator("SOFTMAX", [source], [target], beta=1.0)
        return target

    def _constants(
        self, name: str, weights: Array, bias: Array, source: int, *, axis: int, per_channel: bool
    ) -> list[int]:
        """Weights and bias; ``axis`` is the weights' axis of output channels."""
        reduced = tuple(i for i in range(weights.ndim) if i != axis) if per_channel else None
        scales = np.maximum(np.abs(weights).max(axis=reduced), 1e-8).astype(np.float64) / 127.0
        scales = np.atleast_1d(scales).astype(np.float32)
        shape = [1] * weights.ndim
        shape[axis] = -1
        steps = np.clip(np.round(weights / scales.reshape(shape)), -127, 127).astype(np.int8)
        bias_scales = scales * np.float32(self.quant(source).scales[0])
        bias_steps = np.round(bias / bias_scales.astype(np.float64)).astype(np.int32)
        quant = Quant(scales.tolist(), 0, axis if per_channel else 0)
        return [
            self.writer.constant(f"{name}/weights", steps, quant=quant),
            self.writer.constant(f"{name}/bias", bias_steps, quant=Quant(bias_scales.tolist(), 0, 0)),
        ]
