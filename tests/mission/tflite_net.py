# SPDX-License-Identifier: Apache-2.0
"""Networks as .tflite files, as TensorFlow's converter writes them: batch normalization is in weights and biases."""

import numpy as np
from stm32_emitter.testing.tflite_writer import ModelWriter

from tests.mission.net import Image, Net, Window

_ACTIVATIONS = {None: "NONE", "relu": "RELU", "relu6": "RELU6"}


class TfliteNet(Net):
    """Float32, NHWC."""

    def __init__(self, height: int, width: int, channels: int = 3) -> None:
        super().__init__(height, width, channels)
        self._writer = ModelWriter("seeded weights")
        self._input = self._writer.tensor("image", (1, height, width, channels), "float32")

    def start(self) -> Image:
        return Image(*self.shape, self._input)

    def _emit(
        self, op: str, inputs: list[object], shape: tuple[int, int, int], *, flat: bool = False, **options
    ) -> Image:
        dims = (1, shape[2]) if flat else (1, *shape)
        name = f"{op.lower()}_{len(self._writer.operators)}"
        index = self._writer.tensor(name, dims, "float32")
        self._writer.operator(op, inputs, [index], version=1, **options)
        return Image(*shape, index)

    def _constant(self, values: np.ndarray) -> int:
        return self._writer.constant(f"constant_{len(self._writer.tensors)}", np.ascontiguousarray(values))

    def write_conv(self, x, weights, bias, window: Window, activation, *, depthwise):
        options = {
            "padding": window.padding, "stride_h": window.stride, "stride_w": window.stride,
            "fused_activation_function": _ACTIVATIONS[activation],
        }  # fmt: skip
        if depthwise:
            weights = weights.transpose(3, 1, 2, 0)
            options["depth_multiplier"] = 1
        inputs = [x.name, self._constant(weights), self._constant(bias)]
        op = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
        return self._emit(op, inputs, (*window.over(x), len(bias)), **options)

    def write_dense(self, x, weights, bias):
        inputs = [x.name, self._constant(weights), self._constant(bias)]
        return self._emit("FULLY_CONNECTED", inputs, (1, 1, len(bias)), flat=True)

    def write_pool(self, x, kind, window: Window):
        return self._emit(
            f"{kind.upper()}_POOL_2D", [x.name], (*window.over(x), x.channels), padding=window.padding,
            filter_height=window.size[0], filter_width=window.size[1], stride_h=window.stride, stride_w=window.stride,
        )  # fmt: skip

    def concat(self, parts):
        first = parts[0]
        channels = sum(part.channels for part in parts)
        return self._emit("CONCATENATION", [p.name for p in parts], (first.height, first.width, channels), axis=3)

    def add(self, left, right):
        return self._emit("ADD", [left.name, right.name], (left.height, left.width, left.channels))

    def mean(self, x):
        axes = self._constant(np.array([1, 2], np.int32))
        return self._emit("MEAN", [x.name, axes], (1, 1, x.channels), flat=True, keep_dims=False)

    def finish(self, y):
        return self._writer.finish([self._input], [y.name])
