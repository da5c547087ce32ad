# SPDX-License-Identifier: Apache-2.0
"""Writes all Keras models as .tflite files, in several number formats.

    python -m tests.keras.convert FOLDER [NAME ...]

Runs in an environment with TensorFlow, which need not have anything of this project. What is there is not made again.
FOLDER/refused.json says what TensorFlow's converter itself refuses, and what ended its process: the same command goes
on behind that.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from tests.keras.architectures import MODELS
from tests.keras.functions import FUNCTIONS, function
from tests.keras.networks import NETWORKS, network

FORMATS = {
    "layer": ("float32", "dynamic", "int8", "int16"),
    "function": ("float32", "int8"),
    "network": ("float32", "dynamic", "int8"),
}
"""In which each kind of models is converted."""
SAMPLES = 8
CRASHED = "the converter ended its process"


def builders() -> dict[str, Any]:
    """What makes each model, by its name: a kind, a slash, what it is called."""
    found = {f"layer/{name}": build for name, build in MODELS.items()}
    found |= {f"function/{name}": lambda name=name: function(name) for name in FUNCTIONS}
    return found | {f"network/{name}": lambda name=name: network(name) for name in NETWORKS}


def samples_of(model: Any) -> Iterator[list[np.ndarray]]:
    """Seeded inputs for the quantizer: normally distributed, or integers below 50."""
    random = np.random.default_rng(3)
    shape, integers = model.inputs[0].shape, model.inputs[0].dtype.startswith("int")
    shape = tuple(size or 1 for size in shape)
    for _ in range(SAMPLES):
        yield [random.integers(0, 50, shape, np.int32) if integers else random.normal(size=shape).astype(np.float32)]


def converted(model: Any, kind: str) -> bytes:
    """The .tflite file of a model; whatever the converter raises if it does not take it."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if kind != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind == "int8":
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    if kind == "int16":
        wide = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        converter.target_spec.supported_ops = [wide]
    if kind in ("int8", "int16"):
        converter.representative_dataset = lambda: samples_of(model)
    if kind == "int8" and not model.inputs[0].dtype.startswith("int"):
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def file_name(name: str, kind: str) -> str:
    """Of a model in a format."""
    return f"{name.replace('/', '--').replace(' ', '_')}--{kind}.tflite"


def main() -> int:
    """Converts what is named, or all."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "refused.json"
    refused = json.loads(path.read_text("utf-8")) if path.exists() else {}
    for name, build in builders().items():
        files = {kind: file_name(name, kind) for kind in FORMATS[name.partition("/")[0]]}
        missing = [kind for kind, file in files.items() if not (folder / file).exists() and file not in refused]
        if not missing or (sys.argv[2:] and name not in sys.argv[2:]):
            continue
        keras.utils.set_random_seed(4)
        model = build()
        for kind in missing:
            try:
                path.write_text(json.dumps(refused | {files[kind]: CRASHED}, indent=1), encoding="utf-8")
                (folder / files[kind]).write_bytes(converted(model, kind))
            except Exception as error:  # noqa: BLE001 - the converter has no common class of errors
                refused[files[kind]] = f"{type(error).__name__}: {error}"[:300]
            path.write_text(json.dumps(refused, indent=1), encoding="utf-8")
        print(name, flush=True)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
