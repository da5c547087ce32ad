# SPDX-License-Identifier: Apache-2.0
"""Small Keras models, each around a layer or a topology that people use; weights are seeded, none is trained.

Needs TensorFlow. Images are channels last, batch size 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers as L  # noqa: N812 - as Keras' own examples do

Builder = Callable[[], Any]
MODELS: dict[str, Builder] = {}


def named(builder: Builder) -> Builder:
    """Registers a model under its function's name."""
    MODELS[builder.__name__] = builder
    return builder


def chain(shape: tuple[int, ...], *parts: Any) -> Any:
    """Layers behind each other."""
    start = end = keras.Input(shape, batch_size=1)
    for part in parts:
        end = part(end)
    return keras.Model(start, end)


@named
def conv_1d() -> Any:
    return chain(
        (64, 6), L.Conv1D(8, 5, padding="same", activation="relu"), L.MaxPool1D(2),
        L.Conv1D(16, 3, dilation_rate=2, padding="causal", activation="relu"), L.AveragePooling1D(2),
        L.GlobalAveragePooling1D(), L.Dense(5, activation="softmax"),
    )  # fmt: skip


@named
def separable_conv_2d() -> Any:
    return chain(
        (32, 32, 3), L.Conv2D(8, 3, strides=2, padding="same", use_bias=False), L.BatchNormalization(), L.ReLU(6.0),
        L.SeparableConv2D(16, 3, padding="same", activation="relu"),
        L.DepthwiseConv2D(3, depth_multiplier=2, strides=2), L.GlobalMaxPooling2D(), L.Dense(4),
    )  # fmt: skip


@named
def separable_conv_1d() -> Any:
    return chain(
        (40, 8), L.DepthwiseConv1D(3, padding="same"), L.Conv1D(8, 1, activation="relu"), L.SeparableConv1D(8, 5),
        L.GlobalMaxPooling1D(), L.Dense(4),
    )  # fmt: skip


@named
def grouped_conv_2d() -> Any:
    return chain(
        (16, 16, 8), L.Conv2D(16, 3, groups=4, activation="relu"), L.Conv2D(8, 3, dilation_rate=2), L.ZeroPadding2D(2),
        L.Cropping2D(1), L.UpSampling2D(2), L.AveragePooling2D(3, strides=2, padding="same"), L.Flatten(), L.Dense(4),
    )  # fmt: skip


@named
def conv_3d() -> Any:
    return chain(
        (8, 16, 16, 2), L.Conv3D(4, 3, padding="same", activation="relu"), L.Conv3D(8, 3, strides=2),
        L.GlobalAveragePooling3D(), L.Dense(3),
    )  # fmt: skip


@named
def conv_3d_transpose() -> Any:
    return chain((4, 8, 8, 2), L.Conv3DTranspose(4, 2, strides=2))


@named
def unet() -> Any:
    start = keras.Input((32, 32, 3), batch_size=1)
    wide = L.Conv2D(8, 3, padding="same", activation="relu")(start)
    middle = L.Conv2D(16, 3, padding="same", activation="relu")(L.MaxPool2D()(wide))
    low = L.Conv2D(24, 3, padding="same", activation="relu")(L.MaxPool2D()(middle))
    up = L.Concatenate()([L.Conv2DTranspose(16, 2, strides=2)(low), middle])
    up = L.UpSampling2D(interpolation="bilinear")(L.Conv2D(16, 3, padding="same", activation="relu")(up))
    return keras.Model(start, L.Softmax()(L.Conv2D(2, 1)(L.Concatenate()([up, wide]))))


@named
def merges() -> Any:
    start = keras.Input((8, 8, 4), batch_size=1)
    sides = [L.Conv2D(4, 3, padding="same")(start), L.Conv2D(4, 1)(start)]
    kinds = (L.Add, L.Subtract, L.Multiply, L.Average, L.Maximum, L.Minimum)
    return keras.Model(start, L.Conv2D(3, 1)(L.Concatenate()([kind()(sides) for kind in kinds])))


@named
def squeeze_and_excite() -> Any:
    start = keras.Input((16, 16, 3), batch_size=1)
    image = L.Conv2D(16, 3, strides=2, activation="swish")(start)
    gate = L.Conv2D(4, 1, activation="relu")(L.GlobalAveragePooling2D(keepdims=True)(image))
    image = L.Multiply()([image, L.Conv2D(16, 1, activation="sigmoid")(gate)])
    return keras.Model(start, L.Dense(3)(L.GlobalAveragePooling2D()(image)))


@named
def temporal_conv() -> Any:
    start = end = keras.Input((40, 8), batch_size=1)
    for dilation in (1, 2, 4):
        side = L.Conv1D(8, 3, dilation_rate=dilation, padding="causal", activation="relu")(end)
        end = L.Add()([end, L.Conv1D(8, 1)(side)])
    return keras.Model(start, L.Dense(2)(end[:, -1]))


@named
def autoencoder() -> Any:
    widths = (16, 4, 16)
    return chain((32,), *(L.Dense(width, activation="relu") for width in widths), L.Dense(32, activation="sigmoid"))


@named
def shapes() -> Any:
    return chain((8, 6), L.Permute((2, 1)), L.Reshape((4, 12)), L.Dense(5), L.Flatten(), L.RepeatVector(3), L.Dense(2))


@named
def noise_and_dropout() -> Any:
    return chain((16,), L.GaussianNoise(0.1), L.Dropout(0.2), L.Dense(8, activation="relu"), L.Dense(3))


@named
def image_preprocessing() -> Any:
    return chain((8, 8, 3), L.Rescaling(1 / 127.5, -1), L.Conv2D(4, 3), L.Resizing(12, 12), L.CenterCrop(8, 8))


@named
def normalization() -> Any:
    layer = L.Normalization(axis=-1)
    layer.adapt(np.random.default_rng(1).normal(2, 3, (64, 8)).astype(np.float32))
    return chain((8,), layer, L.Dense(6, activation="relu"), L.Dense(2))


@named
def batch_normalization_first() -> Any:
    return chain((8, 8, 5), L.BatchNormalization(), L.Conv2D(4, 3))


@named
def layer_normalization() -> Any:
    return chain((16, 12), L.Dense(16), L.LayerNormalization(), L.Dense(8))


@named
def group_normalization() -> Any:
    return chain((8, 8, 12), L.Conv2D(12, 3), L.GroupNormalization(4), L.Conv2D(4, 1))


@named
def unit_normalization() -> Any:
    return chain((16,), L.Dense(16), L.UnitNormalization())


@named
def prelu() -> Any:
    slopes = L.PReLU(alpha_initializer="random_normal", shared_axes=[1, 2])
    return chain((8, 8, 4), L.Conv2D(6, 3), slopes, L.Conv2D(4, 3), L.LeakyReLU(0.2), L.Conv2D(2, 1), L.ReLU(1.0))


@named
def relu_with_threshold() -> Any:
    return chain((8, 8, 4), L.Conv2D(6, 3), L.ReLU(negative_slope=0.1, max_value=4.0, threshold=0.2))


@named
def attention() -> Any:
    start = keras.Input((8, 6), batch_size=1)
    return keras.Model(start, L.Attention()([start, L.Dense(6)(start)]))


@named
def dot() -> Any:
    start = keras.Input((8, 6), batch_size=1)
    return keras.Model(start, L.Dot(axes=(2, 2))([L.Dense(5)(start), L.Dense(5)(start)]))


@named
def vision_transformer() -> Any:
    start = keras.Input((32, 32, 3), batch_size=1)
    end = L.Reshape((16, 16))(L.Conv2D(16, 8, strides=8)(start))
    for _ in range(2):
        side = L.LayerNormalization()(end)
        end = L.Add()([end, L.MultiHeadAttention(2, 8)(side, side)])
        side = L.Dense(32, activation="gelu")(L.LayerNormalization()(end))
        end = L.Add()([end, L.Dense(16)(side)])
    return keras.Model(start, L.Dense(4)(L.GlobalAveragePooling1D()(end)))


@named
def embedding() -> Any:
    start = keras.Input((12,), batch_size=1, dtype="int32")
    return keras.Model(start, L.Dense(3, activation="sigmoid")(L.GlobalAveragePooling1D()(L.Embedding(50, 8)(start))))


@named
def lstm() -> Any:
    return chain((10, 6), L.LSTM(8, return_sequences=True), L.LSTM(5), L.Dense(3))


@named
def lstm_unrolled() -> Any:
    return chain((5, 6), L.LSTM(8, unroll=True), L.Dense(3))


@named
def lstm_bidirectional() -> Any:
    return chain((10, 6), L.Bidirectional(L.LSTM(8)), L.Dense(3))


@named
def gru() -> Any:
    return chain((10, 6), L.GRU(8), L.Dense(3))


@named
def gru_unrolled() -> Any:
    return chain((5, 6), L.GRU(8, unroll=True), L.Dense(3))


@named
def simple_rnn() -> Any:
    return chain((10, 6), L.SimpleRNN(8), L.Dense(3))


@named
def simple_rnn_unrolled() -> Any:
    return chain((5, 6), L.SimpleRNN(8, unroll=True), L.Dense(3))


@named
def conv_lstm_unrolled() -> Any:
    return chain((4, 8, 8, 2), L.ConvLSTM2D(4, 3, padding="same", unroll=True), L.Conv2D(2, 1))


@named
def time_distributed() -> Any:
    return chain(
        (4, 8, 8, 3), L.TimeDistributed(L.Conv2D(4, 3, activation="relu")), L.TimeDistributed(L.Flatten()), L.Dense(3)
    )


ACTIVATIONS = (
    "celu", "elu", "exponential", "gelu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_tanh", "leaky_relu",
    "log_sigmoid", "log_softmax", "mish", "relu6", "selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus",
    "softsign", "sparse_plus", "squareplus", "tanh", "tanh_shrink",
)  # fmt: skip


def activation(name: str) -> Builder:
    """A convolution, an activation, a convolution."""
    return lambda: chain((8, 8, 4), L.Conv2D(6, 3, padding="same"), L.Activation(name), L.Conv2D(3, 1))


MODELS |= {f"activation_{name}": activation(name) for name in ACTIVATIONS}
