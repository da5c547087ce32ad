# SPDX-License-Identifier: Apache-2.0
"""An autoencoder of spectra: 64 -> 24 -> 6 -> 24 -> 64, trained on sound motors only, as an int8 .tflite file."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from examples.anomaly_detection.vibration import BANDS
from examples.shared.layers import Layers, ranges_of
from examples.shared.training import Array, Params, adam, he

SIZES = (BANDS, 24, 6, 24, BANDS)
SEED = 7
EPOCHS = 80
BATCH = 50
RATE = 3e-3


@dataclass(frozen=True)
class Scaling:
    """Features -> what the network sees: (x - mean) / spread of each band."""

    mean: Array
    spread: Array

    def __call__(self, features: Array) -> Array:
        """[N, 64], clipped to what is usual of a damaged motor."""
        return np.asarray(np.clip((features - self.mean) / self.spread, -6.0, 12.0), np.float32)


def scaling(features: Array) -> Scaling:
    """The scaling that sound windows [N, 64] suggest."""
    return Scaling(features.mean(axis=0), np.maximum(features.std(axis=0), 1.0))


def forward(params: Params, x: Array) -> dict[str, Array]:
    """Every activation by name: x, layer0, ..., layer3, the last without ReLU."""
    found = {"x": x}
    for number in range(len(SIZES) - 1):
        x = x @ params[f"w{number}"] + params[f"b{number}"]
        x = x if number == len(SIZES) - 2 else np.maximum(x, 0)
        found[f"layer{number}"] = np.asarray(x, np.float32)
    return found


def gradients(params: Params, x: Array) -> Params:
    """Gradients of the mean square of what is lost."""
    found = forward(params, x)
    last = len(SIZES) - 2
    delta = 2 * (found[f"layer{last}"] - x) / x.size
    grads: Params = {}
    for number in range(last, -1, -1):
        source = found["x"] if number == 0 else found[f"layer{number - 1}"]
        grads[f"w{number}"], grads[f"b{number}"] = source.T @ delta, delta.sum(axis=0)
        delta = (delta @ params[f"w{number}"].T) * (source > 0)
    return grads


def train(x: Array) -> Params:
    """Trains on [N, 64]."""
    rng = np.random.default_rng(SEED)
    params: Params = {}
    for number, (before, after) in enumerate(itertools.pairwise(SIZES)):
        params[f"w{number}"] = he(rng, before, after, fan_in=before)
        params[f"b{number}"] = np.zeros(after, np.float32)
    state: dict[str, tuple[Array, Array]] = {}
    steps = len(x) // BATCH
    for step in range(EPOCHS * steps):
        if step % steps == 0:
            order = rng.permutation(len(x))
        chosen = order[step % steps * BATCH :][:BATCH]
        rate = RATE * 0.5 * (1 + np.cos(np.pi * step / (EPOCHS * steps)))
        adam(params, gradients(params, x[chosen]), state, step + 1, rate)
    return params


def build(params: Params, calibration: Array) -> bytes:
    """The int8 model, [1, 64] -> [1, 64]; both have one scale, so that bytes can be compared with bytes."""
    ranges = ranges_of(forward(params, calibration))
    low, high = (pick(ranges["x"][i], ranges["layer3"][i]) for i, pick in ((0, min), (1, max)))
    ranges["x"] = ranges["layer3"] = (low, max(high, 12.0))
    layers = Layers("autoencoder of vibration spectra", ranges)
    source = tensor = layers.activation("x", (1, BANDS))
    for number in range(len(SIZES) - 1):
        relu = number < len(SIZES) - 2
        tensor = layers.dense(f"layer{number}", tensor, (params[f"w{number}"], params[f"b{number}"]), relu=relu)
    return layers.writer.finish([source], [tensor])
