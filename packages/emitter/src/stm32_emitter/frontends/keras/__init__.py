# SPDX-License-Identifier: Apache-2.0
"""Keras models, by TensorFlow's own conversion to .tflite where TensorFlow is installed."""

from stm32_emitter.frontends.keras.conversion import converted, is_keras

__all__ = ["converted", "is_keras"]
