# SPDX-License-Identifier: Apache-2.0
"""What float32 CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED share: recognition, layer words, layout of weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.operators.base import Attribute, Fused, KernelRequest, constant
from stm32_emitter.operators.convolution import Geometry
from stm32_emitter.operators.float_group import float_group, is_relu
from stm32_emitter.operators.scope import Scope, dtype_of, integers, shape_of

GROUP = 4
"""Output channels whose weights are interleaved."""

ROOTS = ("nn.conv2d", "add", "nn.relu", "clip")
"""What the last operator of a float convolution can be."""


def match_float_convolution(
    scope: Scope, root: relax.Call, kind: str, *, depthwise: bool, operator: str = "nn.conv2d"
) -> Fused | None:
    """act(operator(x, constant weights) + bias), NHWC; inputs are x, weights [Cout,KH,KW,Cin/groups], bias [Cout]."""
    group = float_group(scope, root, operator, biased=True)
    if group is None or dtype_of(group.call.args[0]) != "float32":
        return None
    attrs, weights = group.call.attrs, _weights(scope, group.call)
    if weights is None or str(attrs.data_layout) != "NHWC" or str(attrs.out_layout) not in ("", "NHWC"):
        return None
    groups = int(attrs.groups)
    if depthwise != (groups > 1 and weights.shape[3] == 1):
        return None
    bias = np.zeros(weights.shape[0], np.float32) if group.bias is None else group.bias
    attributes: dict[str, Attribute] = {
        "strides": integers(attrs.strides),
        "dilation": integers(attrs.dilation),
        "padding": integers(attrs.padding),
        "groups": groups,
        **group.bounds,
    }
    inputs = (group.call.args[0], constant(weights), constant(bias))
    return Fused(kind, inputs, shape_of(root), "float32", attributes)


def _weights(scope: Scope, call: relax.Call) -> NDArray[np.float32] | None:
    """float32 [Cout, KH, KW, Cin / groups], or None if they are not constant."""
    layout, value = str(call.attrs.kernel_layout), scope.constant(call.args[1])
    if value is None or value.dtype != np.float32 or sorted(layout) != sorted("OHWI"):
        return None
    return np.ascontiguousarray(value.transpose([layout.index(axis) for axis in "OHWI"]))


def layer_words(request: KernelRequest, sizes: Geometry, depth: int, outputs: int) -> NDArray[np.int32]:
    """The array that ai_k_window_f32.h describes.

    Args:
        request: for the activation.
        sizes: of the layer.
        depth: channels that one call reads.
        outputs: channels that one call writes.
    """
    words = (
        sizes.height, sizes.width, sizes.channels, depth, *sizes.kernel, *sizes.dilation, sizes.stride[1],
        sizes.out_channels, outputs, int(is_relu(request)),
    )  # fmt: skip
    return np.array(words, np.int32)


def interleaved(matrix: NDArray[Any]) -> NDArray[Any]:
    """[rows, depth] as ai_k_conv_f32.h takes it: groups of 4 rows element by element, then the other rows."""
    rows = len(matrix) // GROUP * GROUP
    head = matrix[:rows].reshape(rows // GROUP, GROUP, matrix.shape[1]).transpose(0, 2, 1)
    return np.concatenate([head.ravel(), matrix[rows:].ravel()])


def block_cycles(macs: float, outputs: float, pixels: float) -> float:
    """Expected Cortex-M4 cycles of ai_k_conv_f32.

    Args:
        macs: products of one output.
        outputs: output channels.
        pixels: output pixels.

    A block of 4 channels x 4 pixels takes 2.5 cycles for a product and 12 for the words of 16 of them, a single pixel
    2 and 26; the rest is starting and storing a block.
    """
    alone = pixels < GROUP
    products = macs * outputs * pixels * (3.6 if alone else 3.3)
    return products + outputs / GROUP * pixels * (45.0 if alone else 25.0)
