# SPDX-License-Identifier: Apache-2.0
"""The digit network as an int8 .tflite file."""

from __future__ import annotations

from examples.digits.network import forward
from examples.shared.layers import Array, Layers, Ranges, ranges_of
from examples.shared.training import Params


def calibrate(params: Params, images: Array) -> Ranges:
    """Least and greatest value of every activation over the images."""
    return ranges_of(forward(params, images))


def build(params: Params, ranges: Ranges) -> bytes:
    """The int8 model, input [1, 8, 8, 1], output [1, 10] class probabilities."""
    layers = Layers("int8 classifier of 8x8 digits", ranges)

    def weights(name: str) -> tuple[Array, Array]:
        return params[name], params[f"{name}_bias"]

    tensor = image = layers.activation("image", (1, 8, 8, 1))
    for name in ("conv1", "depthwise", "pointwise"):
        tensor = layers.convolution(name, tensor, weights(name), padding="SAME", size=(1, 8, 8))
    tensor = layers.max_pool("pool", tensor)
    tensor = layers.convolution("conv2", tensor, weights("conv2"), padding="VALID", size=(1, 2, 2))
    tensor = layers.dense("dense", layers.flatten(tensor), weights("dense"), result="logits")
    return layers.writer.finish(inputs=[image], outputs=[layers.softmax("probabilities", tensor)])
