# SPDX-License-Identifier: Apache-2.0
"""Published networks of keras.applications at small sizes, with seeded weights. Needs TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import applications
from keras.layers import BatchNormalization

SIDE = 96

NETWORKS: dict[str, Callable[[], Any]] = {
    "MobileNet 0.25": lambda: applications.MobileNet((SIDE, SIDE, 3), 0.25, weights=None, classes=10),
    "MobileNetV2 0.35": lambda: applications.MobileNetV2((SIDE, SIDE, 3), 0.35, weights=None, classes=10),
    "MobileNetV3 small 0.75": lambda: applications.MobileNetV3Small((SIDE, SIDE, 3), 0.75, weights=None, classes=10),
    "MobileNetV3 small minimalistic": lambda: applications.MobileNetV3Small(
        (SIDE, SIDE, 3), 1.0, minimalistic=True, weights=None, classes=10
    ),
    "EfficientNet B0": lambda: applications.EfficientNetB0(weights=None, input_shape=(64, 64, 3), classes=10),
    "EfficientNetV2 B0": lambda: applications.EfficientNetV2B0(weights=None, input_shape=(64, 64, 3), classes=10),
    "NASNet mobile": lambda: applications.NASNetMobile((64, 64, 3), weights=None, classes=10),
    "DenseNet 121": lambda: applications.DenseNet121(weights=None, input_shape=(64, 64, 3), classes=10),
    "Xception": lambda: applications.Xception(weights=None, input_shape=(71, 71, 3), classes=10),
    "ResNet 50 V2": lambda: applications.ResNet50V2(weights=None, input_shape=(64, 64, 3), classes=10),
}
"""Each gives a model with images of RGB, channels last."""


def network(name: str) -> Any:
    """A network whose batch normalizations have seeded statistics, as those of a trained one are not 0 and 1."""
    model, random = NETWORKS[name](), np.random.default_rng(2)
    for layer in model.layers:
        if isinstance(layer, BatchNormalization):
            *scales, mean, variance = layer.get_weights()
            mean, variance = random.normal(0, 0.3, mean.shape), random.uniform(0.5, 1.5, variance.shape)
            layer.set_weights([*scales, mean.astype(np.float32), variance.astype(np.float32)])
    return model
