# SPDX-License-Identifier: Apache-2.0
"""A streaming network: SVDF, which remembers the last 30 frames, and two dense layers; trained on windows of 30 frames.

An SVDF layer sees one frame at a time. Each of its filters computes one number of it and keeps the last 30 of them in a
state; the output is their weighted sum. Over a whole window that is two products, which is what is trained.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from stm32_emitter.testing.tflite_writer import Quant

from examples.keyword_spotting.audio import BANDS, WORDS, Stream
from examples.shared.layers import Layers, ranges_of
from examples.shared.training import Array, Params, adam, he, softmax

MEMORY = 30
"""Frames that are remembered: 0.6 s."""
UNITS = 32
RANK = 2
FILTERS = UNITS * RANK
HIDDEN = 24
CLASSES = 1 + len(WORDS)
"""Class 0 is everything that is no word's end."""
LATE = 7
"""A word is to be told in this many frames from its end on."""
SEED = 11
STEPS = 1200
BATCH = 64
RATE = 4e-3
_LARGEST_SUM = 60000
"""Of the integer time weights of a unit: with states of 16 bits, sums stay below 2**31."""


def windows(source: Stream, rng: np.random.Generator) -> tuple[Array, Any]:
    """Windows [N, 30, 16] of a stream and their classes: all ends of words, three times as many others."""
    labels = np.zeros(len(source.frames), np.int64)
    unsure = np.zeros(len(source.frames), bool)
    for number, end in source.words:
        unsure[max(end - 6, 0) : end + LATE + 6] = True
        labels[end : end + LATE] = number + 1
    unsure[labels > 0] = False
    positive = np.flatnonzero((labels > 0) & (np.arange(len(labels)) >= MEMORY))
    other = np.flatnonzero((labels == 0) & ~unsure & (np.arange(len(labels)) >= MEMORY))
    chosen = np.concatenate([positive, rng.choice(other, min(len(other), 3 * len(positive)), replace=False)])
    picked = np.stack([source.frames[end - MEMORY + 1 : end + 1] for end in chosen])
    return picked, labels[chosen]


def forward(params: Params, x: Array) -> dict[str, Array]:
    """Every activation of windows [N, 30, 16] by name; ``filters`` are what the state holds, [N, 30, F]."""
    found = {"frame": x, "filters": x @ params["feature"]}
    summed = (found["filters"] * params["time"]).sum(axis=1).reshape(len(x), UNITS, RANK).sum(axis=2)
    found["svdf"] = np.maximum(summed + params["svdf_bias"], 0)
    found["hidden"] = np.maximum(found["svdf"] @ params["hidden"] + params["hidden_bias"], 0)
    found["logits"] = found["hidden"] @ params["logits"] + params["logits_bias"]
    return found


def gradients(params: Params, x: Array, labels: Any) -> Params:
    """Gradients of the mean cross entropy."""
    found = forward(params, x)
    delta = softmax(found["logits"])
    delta[np.arange(len(labels)), labels] -= 1.0
    delta /= len(labels)
    grads = {"logits": found["hidden"].T @ delta, "logits_bias": delta.sum(axis=0)}
    delta = (delta @ params["logits"].T) * (found["hidden"] > 0)
    grads |= {"hidden": found["svdf"].T @ delta, "hidden_bias": delta.sum(axis=0)}
    delta = (delta @ params["hidden"].T) * (found["svdf"] > 0)
    grads["svdf_bias"] = delta.sum(axis=0)
    spread = np.repeat(delta, RANK, axis=1)[:, np.newaxis]
    grads["time"] = (found["filters"] * spread).sum(axis=0)
    grads["feature"] = np.tensordot(x, spread * params["time"], ((0, 1), (0, 1)))
    return grads


def initial(rng: np.random.Generator) -> Params:
    """First weights."""
    return {
        "feature": he(rng, BANDS, FILTERS, fan_in=2 * BANDS),
        "time": he(rng, MEMORY, FILTERS, fan_in=MEMORY * RANK),
        "svdf_bias": np.zeros(UNITS, np.float32),
        "hidden": he(rng, UNITS, HIDDEN, fan_in=UNITS),
        "hidden_bias": np.zeros(HIDDEN, np.float32),
        "logits": he(rng, HIDDEN, CLASSES, fan_in=HIDDEN),
        "logits_bias": np.zeros(CLASSES, np.float32),
    }


def train(x: Array, labels: Any) -> Params:
    """Trains on windows."""
    rng = np.random.default_rng(SEED)
    params = initial(rng)
    state: dict[str, tuple[Array, Array]] = {}
    for step in range(STEPS):
        chosen = rng.integers(len(x), size=BATCH)
        rate = RATE * 0.5 * (1 + np.cos(np.pi * step / STEPS))
        adam(params, gradients(params, x[chosen], labels[chosen]), state, step + 1, rate)
    return params


def build(params: Params, calibration: Array) -> bytes:
    """The int8 model, one frame [1, 16] -> class probabilities [1, 5]; its state has 16 bits."""
    found = forward(params, calibration)
    layers = Layers("streaming keyword spotter", ranges_of(found))
    source = layers.activation("frame", (1, BANDS))
    tensor = _svdf(layers, params, source, float(np.abs(found["filters"]).max()))
    tensor = layers.dense("hidden", tensor, (params["hidden"], params["hidden_bias"]), relu=True)
    tensor = layers.dense("logits", tensor, (params["logits"], params["logits_bias"]))
    return layers.writer.finish([source], [layers.softmax("words", tensor)])


def _svdf(layers: Layers, params: Params, source: int, largest: float) -> int:
    """SVDF with its state; the zero point of its output is -128, so that the range of int8 is its ReLU."""
    writer = layers.writer
    feature, time = params["feature"].T, params["time"].T
    feature_scale = float(np.abs(feature).max()) / 127
    time_scale = float(np.abs(time).reshape(UNITS, -1).sum(axis=1).max()) / _LARGEST_SUM
    state_scale = 1.1 * largest / 32767
    sum_scale = float(np.float32(state_scale)) * float(np.float32(time_scale))
    inputs = [
        source,
        writer.constant("feature", np.round(feature / feature_scale).astype(np.int8), quant=Quant(feature_scale)),
        writer.constant("time", np.round(time / time_scale).astype(np.int16), quant=Quant(time_scale)),
        writer.constant("bias", np.round(params["svdf_bias"] / sum_scale).astype(np.int32), quant=Quant(sum_scale)),
        writer.tensor("state", (1, FILTERS * MEMORY), "int16", quant=Quant(state_scale), is_variable=True),
    ]
    target = layers.activation("svdf", (1, UNITS))
    writer.operator("SVDF", inputs, [target], rank=RANK, fused_activation_function="RELU")
    return target
