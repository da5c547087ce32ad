# SPDX-License-Identifier: Apache-2.0
"""A .keras or .h5 file, or a SavedModel folder -> the bytes of a float32 .tflite file."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from stm32_emitter.errors import MissingPackage, ModelRefused

_SUFFIXES = (".keras", ".h5", ".hdf5")
_BY_HAND = (
    "Install TensorFlow (pip install tensorflow), or convert the model elsewhere: "
    "tf.lite.TFLiteConverter.from_keras_model(model).convert(), and compile the .tflite file."
)


def is_keras(path: Path) -> bool:
    """Whether a path is taken for a Keras model: by its name, a SavedModel by the file in its folder."""
    return path.suffix.lower() in _SUFFIXES or is_saved_model(path)


def is_saved_model(path: Path) -> bool:
    """Whether it is the folder of a SavedModel."""
    return (path / "saved_model.pb").is_file()


def converted(path: Path) -> bytes:
    """Converts a model.

    Args:
        path: of a Keras model; dimensions that it leaves free become 1 in the compiled one.

    Raises:
        MissingPackage: TensorFlow is not installed.
        ModelRefused: TensorFlow cannot read or convert it.
        OSError: there is no such file.
    """
    if not path.is_dir():
        path.open("rb").close()
    try:
        tensorflow: Any = importlib.import_module("tensorflow")
    except ImportError as error:
        raise MissingPackage("a Keras model is converted by TensorFlow, which is not installed", _BY_HAND) from error
    try:
        return bytes(_converter(tensorflow, path).convert())
    except Exception as error:
        lines = [line for line in str(error).strip().splitlines() if line.strip()]
        reason = f"TensorFlow cannot convert it: {lines[0] if lines else type(error).__name__}"[:300]
        raise ModelRefused(reason, hint="Convert it to .tflite where it was made, and compile that file.") from error


def _converter(tensorflow: Any, path: Path) -> Any:
    lite = tensorflow.lite.TFLiteConverter
    if path.is_dir():
        return lite.from_saved_model(str(path))
    return lite.from_keras_model(tensorflow.keras.models.load_model(str(path), compile=False))
