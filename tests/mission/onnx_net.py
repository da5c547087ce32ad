# SPDX-License-Identifier: Apache-2.0
"""Networks as .onnx files, as PyTorch exports them: NCHW, each Conv followed by its BatchNormalization."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.mission.net import Image, Net, Window

_EPSILON = 1e-3


class OnnxNet(Net):
    """Float32."""

    def __init__(self, height: int, width: int, channels: int = 3) -> None:
        super().__init__(height, width, channels)
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []

    def start(self) -> Image:
        return Image(*self.shape, "image")

    def _emit(self, kind: str, inputs: list[object], shape: tuple[int, int, int], **attributes) -> Image:
        name = f"{kind.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return Image(*shape, name)

    def _constant(self, values: np.ndarray) -> str:
        self._weights.append(numpy_helper.from_array(np.ascontiguousarray(values), f"constant_{len(self._weights)}"))
        return self._weights[-1].name

    def write_conv(self, x, weights, bias, window: Window, activation, *, depthwise):
        """The factors of the BatchNormalization are 2, the weights half of those that were drawn."""
        shape = (*window.over(x), len(bias))
        y = self._emit(
            "Conv", [x.name, self._constant(weights.transpose(0, 3, 1, 2) / np.float32(2))], shape,
            kernel_shape=window.size, strides=[window.stride] * 2, group=x.channels if depthwise else 1,
            pads=window.pads(x.height, x.width),
        )  # fmt: skip
        ones = np.ones(len(bias), np.float32)
        parameters = (2 * ones, bias, 0 * ones, ones * np.float32(1 - _EPSILON))
        names = [self._constant(values) for values in parameters]
        y = self._emit("BatchNormalization", [y.name, *names], shape, epsilon=_EPSILON)
        if activation == "relu":
            return self._emit("Relu", [y.name], shape)
        if activation == "relu6":
            bounds = [self._constant(np.float32(bound)) for bound in (0, 6)]
            return self._emit("Clip", [y.name, *bounds], shape)
        return y

    def write_dense(self, x, weights, bias):
        inputs = [x.name, self._constant(weights), self._constant(bias)]
        return self._emit("Gemm", inputs, (1, 1, len(bias)), transB=1)

    def write_pool(self, x, kind, window: Window):
        attributes = {"count_include_pad": 0} if kind == "average" else {}
        return self._emit(
            f"{kind.capitalize()}Pool", [x.name], (*window.over(x), x.channels), kernel_shape=window.size,
            strides=[window.stride] * 2, pads=window.pads(x.height, x.width), **attributes,
        )  # fmt: skip

    def concat(self, parts):
        first = parts[0]
        channels = sum(part.channels for part in parts)
        return self._emit("Concat", [p.name for p in parts], (first.height, first.width, channels), axis=1)

    def add(self, left, right):
        return self._emit("Add", [left.name, right.name], (left.height, left.width, left.channels))

    def mean(self, x):
        pooled = self._emit("GlobalAveragePool", [x.name], (1, 1, x.channels))
        return self._emit("Flatten", [pooled.name], (1, 1, x.channels))

    def finish(self, y):
        height, width, channels = self.shape
        graph = helper.make_graph(
            self._nodes, "net",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, channels, height, width))],
            [helper.make_tensor_value_info(y.name, TensorProto.FLOAT, (1, y.channels))], self._weights,
        )  # fmt: skip
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        return model.SerializeToString()
