# SPDX-License-Identifier: Apache-2.0
"""TensorFlow Lite models."""

from stm32_emitter.frontends.tflite.importer import import_tflite
from stm32_emitter.frontends.tflite.reader import TFLiteModel, read_model

__all__ = ["TFLiteModel", "import_tflite", "read_model"]
