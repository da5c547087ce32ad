# SPDX-License-Identifier: Apache-2.0
"""What the examples train with: He's first weights, softmax, Adam."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float32]]
Params = dict[str, Array]


def he(rng: np.random.Generator, *shape: int, fan_in: int) -> Array:
    """Weights drawn after He et al. (2015)."""
    return np.asarray(rng.standard_normal(shape) * np.sqrt(2.0 / fan_in), np.float32)


def softmax(logits: Array) -> Array:
    """Softmax over the last axis."""
    shifted = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(-1, keepdims=True), np.float32)


def adam(params: Params, grads: Params, state: dict[str, tuple[Array, Array]], step: int, rate: float) -> None:
    """One step of Adam (Kingma and Ba, 2015) in place; ``step`` counts from 1."""
    for name, grad in grads.items():
        zero = np.zeros_like(grad)
        first, second = state.get(name, (zero, zero))
        first = 0.9 * first + 0.1 * grad
        second = 0.999 * second + 0.001 * grad * grad
        state[name] = first, second
        update = (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
        params[name] = (params[name] - rate * update).astype(np.float32)
