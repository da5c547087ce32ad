# SPDX-License-Identifier: Apache-2.0
"""A small convolutional network in numpy: forward pass and gradients.

Layout of activations is [N, H, W, C]; convolution weights are [KH, KW, Cin, Cout], depthwise weights [KH, KW, C].
"""

from __future__ import annotations

from typing import Any

import numpy as np

from examples.shared.training import Array, Params, he, softmax

Cache = dict[str, Array]

CLASSES = 10
FEATURES = 16
WIDE = 24


def initial(rng: np.random.Generator) -> Params:
    """Weights drawn after He et al. (2015), biases zero."""
    params = {
        "conv1": he(rng, 3, 3, 1, FEATURES, fan_in=9),
        "depthwise": he(rng, 3, 3, FEATURES, fan_in=9),
        "pointwise": he(rng, 1, 1, FEATURES, WIDE, fan_in=FEATURES),
        "conv2": he(rng, 3, 3, WIDE, WIDE, fan_in=9 * WIDE),
        "dense": he(rng, 2 * 2 * WIDE, CLASSES, fan_in=4 * WIDE),
    }
    return params | {f"{name}_bias": np.zeros(value.shape[-1], np.float32) for name, value in params.items()}


def forward(params: Params, images: Array) -> Cache:
    """Every activation by name; ``logits`` is [N, 10].

    Args:
        params: the weights.
        images: [N, 8, 8, 1], values 0..1.
    """
    cache = {"image": images}
    cache["conv1"] = _relu(_conv(images, params["conv1"], 1) + params["conv1_bias"])
    cache["depthwise"] = _relu(_conv(cache["conv1"], params["depthwise"], 1) + params["depthwise_bias"])
    cache["pointwise"] = _relu(_conv(cache["depthwise"], params["pointwise"], 0) + params["pointwise_bias"])
    cache["pool"] = _max_pool(cache["pointwise"])
    cache["conv2"] = _relu(_conv(cache["pool"], params["conv2"], 0) + params["conv2_bias"])
    flat = cache["conv2"].reshape(len(images), -1)
    cache["logits"] = flat @ params["dense"] + params["dense_bias"]
    return cache


def gradients(params: Params, images: Array, labels: np.ndarray[Any, Any]) -> Params:
    """Gradients of the mean cross entropy, named as the parameters."""
    cache = forward(params, images)
    grads: Params = {}
    delta = softmax(cache["logits"])
    delta[np.arange(len(labels)), labels] -= 1.0
    delta /= len(labels)
    flat = cache["conv2"].reshape(len(images), -1)
    grads["dense"], grads["dense_bias"] = flat.T @ delta, delta.sum(0)
    delta = (delta @ params["dense"].T).reshape(cache["conv2"].shape)
    delta = _conv_step(params, grads, cache, ("pool", "conv2"), delta, margin=0)
    delta = _max_pool_grad(cache["pointwise"], cache["pool"], delta)
    delta = _conv_step(params, grads, cache, ("depthwise", "pointwise"), delta, margin=0)
    delta = _conv_step(params, grads, cache, ("conv1", "depthwise"), delta, margin=1)
    _conv_step(params, grads, cache, ("image", "conv1"), delta, margin=1)
    return grads


def _relu(values: Array) -> Array:
    return np.maximum(values, 0)


def _pad(values: Array, margin: int) -> Array:
    return np.pad(values, ((0, 0), (margin, margin), (margin, margin), (0, 0)))


def _mix(values: Array, weights: Array) -> Array:
    # A depthwise tap is one factor a channel, a full tap a matrix.
    return values * weights if weights.ndim == 1 else values @ weights


def _conv(values: Array, weights: Array, margin: int) -> Array:
    padded = _pad(values, margin)
    height, width = padded.shape[1] - weights.shape[0] + 1, padded.shape[2] - weights.shape[1] + 1
    taps = [_mix(padded[:, i : i + height, j : j + width], weights[i, j]) for i, j in np.ndindex(*weights.shape[:2])]
    return np.asarray(sum(taps), np.float32)


def _conv_grad(values: Array, weights: Array, margin: int, delta: Array) -> tuple[Array, Array]:
    padded = _pad(values, margin)
    height, width = delta.shape[1:3]
    weight_grad, input_grad = np.zeros_like(weights), np.zeros_like(padded)
    for i, j in np.ndindex(*weights.shape[:2]):
        part = padded[:, i : i + height, j : j + width]
        depthwise = weights.ndim == 3
        weight_grad[i, j] = (part * delta).sum((0, 1, 2)) if depthwise else np.tensordot(part, delta, ((0, 1, 2),) * 2)
        input_grad[:, i : i + height, j : j + width] += _mix(delta, weights[i, j].T)
    end = None if margin == 0 else -margin
    return weight_grad, input_grad[:, margin:end, margin:end]


def _conv_step(
    params: Params, grads: Params, cache: Cache, names: tuple[str, str], delta: Array, *, margin: int
) -> Array:
    source, name = names
    delta = delta * (cache[name] > 0)
    grads[name], passed = _conv_grad(cache[source], params[name], margin, delta)
    grads[f"{name}_bias"] = delta.sum((0, 1, 2))
    return passed


def _max_pool(values: Array) -> Array:
    count, height, width, channels = values.shape
    return np.asarray(values.reshape(count, height // 2, 2, width // 2, 2, channels).max((2, 4)), np.float32)


def _max_pool_grad(values: Array, pooled: Array, delta: Array) -> Array:
    mask = values == np.repeat(np.repeat(pooled, 2, 1), 2, 2)
    return np.asarray(np.repeat(np.repeat(delta, 2, 1), 2, 2) * mask, np.float32)
