# SPDX-License-Identifier: Apache-2.0
"""Models of one TensorFlow function behind a dense layer. Needs TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

SHAPE = (6, 8)
IMAGE = (1, 6, 8, 1)


def _statistics(x: Any) -> Any:
    parts = (tf.reduce_max(x, 1), tf.reduce_min(x, 1), tf.reduce_sum(x, 1), tf.reduce_mean(x, 1))
    return tf.concat([*parts, tf.math.reduce_std(x, 1)], -1)


def _cosine(x: Any) -> Any:
    return tf.reduce_sum(tf.math.l2_normalize(x, -1) * tf.math.l2_normalize(tf.reverse(x, [1]), -1), -1)


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "abs": tf.abs,
    "add_n": lambda x: tf.add_n([x, x * 2.0, x + 1.0]),
    "argmax": lambda x: tf.argmax(x, -1),
    "atan2": lambda x: tf.atan2(x, x + 1.0),
    "bitcast": lambda x: tf.bitcast(x, tf.int32),
    "broadcast_to": lambda x: tf.broadcast_to(x[:, :1], (1, *SHAPE)) + x,
    "ceil": tf.math.ceil,
    "clip_by_value": lambda x: tf.clip_by_value(x, -0.5, 0.7),
    "cond": lambda x: tf.cond(tf.reduce_sum(x) > 0, lambda: x * 2.0, lambda: x - 1.0),
    "cos": tf.cos,
    "cosine_similarity": _cosine,
    "cumsum": lambda x: tf.cumsum(x, 1),
    "depth_to_space": lambda x: tf.nn.depth_to_space(tf.reshape(x, (1, 3, 2, 8)), 2),
    "diag": lambda x: tf.linalg.diag(x[0]),
    "divide": lambda x: x / (tf.abs(tf.reverse(x, [2])) + 1.0),
    "einsum": lambda x: tf.einsum("bij,bkj->bik", x, x),
    "erf": tf.math.erf,
    "exp": tf.exp,
    "expand_dims": lambda x: tf.expand_dims(x, -1) * tf.constant([[[[0.5, -1.0, 2.0]]]]),
    "fill": lambda x: tf.fill((1, *SHAPE), 0.25) * x,
    "floor": tf.floor,
    "floormod": lambda x: tf.math.floormod(x, 0.3),
    "gather": lambda x: tf.gather(x, [3, 1, 1], axis=1),
    "gather_nd": lambda x: tf.gather_nd(x, [[0, 1], [0, 3]]),
    "l2_normalize": lambda x: tf.math.l2_normalize(x, -1),
    "leaky_relu": lambda x: tf.nn.leaky_relu(x, 0.3),
    "local_response_normalization": lambda x: tf.nn.lrn(x[:, None], 2),
    "log": lambda x: tf.math.log(tf.abs(x) + 1.0),
    "logical_and": lambda x: tf.cast(tf.logical_and(x > 0, x < 0.5), tf.float32),
    "matmul": lambda x: tf.matmul(x, tf.transpose(x, (0, 2, 1))),
    "maximum_of_minimum": lambda x: tf.maximum(tf.minimum(x, 0.5), -0.5),
    "negative": lambda x: -x,
    "norm": lambda x: tf.norm(x, axis=-1),
    "one_hot": lambda x: tf.one_hot(tf.argmax(x, -1), 8),
    "pad_constant": lambda x: tf.pad(x, ((0, 0), (2, 0), (0, 1)), constant_values=0.5),
    "pad_reflect": lambda x: tf.pad(x, ((0, 0), (2, 2), (1, 1)), "REFLECT"),
    "pad_symmetric": lambda x: tf.pad(x, ((0, 0), (2, 2), (1, 1)), "SYMMETRIC"),
    "pow": lambda x: tf.pow(tf.abs(x) + 0.1, 1.5),
    "reduce_logsumexp": lambda x: tf.reduce_logsumexp(x, -1),
    "reduce_prod": lambda x: tf.reduce_prod(x, 1),
    "reduce_variance": lambda x: tf.math.reduce_variance(x, 1),
    "resize_bilinear": lambda x: tf.image.resize(tf.reshape(x, IMAGE), (9, 13)),
    "resize_nearest": lambda x: tf.image.resize(tf.reshape(x, IMAGE), (12, 16), method="nearest"),
    "reverse_sequence": lambda x: tf.reverse_sequence(x, [4], 1),
    "rfft": lambda x: tf.abs(tf.signal.rfft(x)),
    "round": tf.round,
    "rsqrt": lambda x: tf.math.rsqrt(tf.abs(x) + 0.5),
    "scatter_nd": lambda x: tf.scatter_nd([[1], [3]], x[0, :2], SHAPE),
    "segment_sum": lambda x: tf.math.segment_sum(x[0], [0, 0, 1, 1, 2, 2]),
    "sign": tf.sign,
    "sin": tf.sin,
    "softmax_of_axis_1": lambda x: tf.nn.softmax(x, 1),
    "space_to_depth": lambda x: tf.nn.space_to_depth(tf.reshape(x, IMAGE), 2),
    "split": lambda x: tf.concat(tf.split(x, 2, -1)[::-1], -1),
    "sqrt": lambda x: tf.sqrt(tf.abs(x) + 0.1),
    "square": tf.square,
    "squared_difference": lambda x: tf.math.squared_difference(x, tf.reverse(x, [1])),
    "squeeze": lambda x: tf.squeeze(x[:, :1], 1),
    "stack_of_unstack": lambda x: tf.stack(tf.unstack(x, axis=1), 1),
    "statistics": _statistics,
    "strided_slice": lambda x: x[:, 1:5:2, ::-1],
    "tile": lambda x: tf.tile(x, (1, 2, 1)),
    "top_k": lambda x: tf.math.top_k(x, 3)[0],
    "transpose": lambda x: tf.transpose(x, (0, 2, 1)),
    "where": lambda x: tf.where(x > 0, x, x * 0.3),
}
"""Each takes a tensor of shape (1, 6, 8), float32."""


class Function(keras.layers.Layer):
    """Any function as a layer."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self._function = function

    def call(self, x: Any) -> Any:
        return self._function(x)


def function(name: str) -> Any:
    """The model of one function."""
    start = keras.Input(SHAPE, batch_size=1)
    return keras.Model(start, Function(FUNCTIONS[name])(keras.layers.Dense(SHAPE[-1])(start)))
