# SPDX-License-Identifier: Apache-2.0
"""The models that the project promises to run, and how each becomes a file of integers.

Trained ones are those of the zoo. Topologies get seeded weights and are quantized as a user does it: by
``stm32 quantize``, that is ai-edge-quantizer (.tflite) or onnxruntime (.onnx).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from stm32_cli.quantization.run import Report, Request, quantize

from tests.conformance.batch import Array
from tests.mission import topologies
from tests.mission.net import SEED, Image, Net
from tests.mission.onnx_net import OnnxNet
from tests.mission.tflite_net import TfliteNet

CALIBRATION = 8


@dataclass(frozen=True)
class Trained:
    """A model of the zoo; its file is ``models/<name>.tflite``."""

    name: str
    title: str


@dataclass(frozen=True)
class Seeded:
    """A topology with seeded weights.

    Attributes:
        name: C identifier.
        title: for people.
        topology: writes the layers.
        size: height and width of the input, 3 channels.
        width: multiplier of all numbers of filters.
        classes: of the output.
        kind: "tflite" or "onnx".
        samples: that are run.
    """

    name: str
    title: str
    topology: Callable[[Net, float, int], Image]
    size: int
    width: float
    classes: int
    kind: str
    samples: int


TRAINED = (
    Trained("emlearn_mnist_cnn_int8", "MNIST, convolutions"),
    Trained("tinyengine_mnist_lenet300_int8", "MNIST, LeNet-300"),
    Trained("mlperf_tiny_ad01_int8", "MLPerf Tiny, anomaly detection"),
    Trained("mlperf_tiny_kws_ref_int8", "MLPerf Tiny, keyword spotting"),
    Trained("mlperf_tiny_resnet_int8", "MLPerf Tiny, image classification"),
    Trained("mlperf_tiny_vww_int8", "MLPerf Tiny, visual wake words (MobileNet v1 0.25)"),
    Trained("efinix_yolo_person_detect_int8", "YOLO, person detection"),
    Trained("infineon_squeezenet11_384_int8", "SqueezeNet 1.1, 384 x 384"),
)


FULL = (
    Seeded("mobilenet_v1_224_tflite", "MobileNet v1, 224 x 224", topologies.mobilenet_v1, 224, 1, 1000, "tflite", 4),
    Seeded("mobilenet_v1_224_onnx", "MobileNet v1, 224 x 224", topologies.mobilenet_v1, 224, 1, 1000, "onnx", 4),
    Seeded("mobilenet_v2_224_tflite", "MobileNet v2, 224 x 224", topologies.mobilenet_v2, 224, 1, 1000, "tflite", 4),
    Seeded("squeezenet_224_tflite", "SqueezeNet 1.1, 224 x 224", topologies.squeezenet, 224, 1, 1000, "tflite", 4),
    Seeded("squeezenet_224_onnx", "SqueezeNet 1.1, 224 x 224", topologies.squeezenet, 224, 1, 1000, "onnx", 4),
    Seeded("inception_v3_299_tflite", "Inception v3, 299 x 299", topologies.inception_v3, 299, 1, 1000, "tflite", 2),
)  # fmt: skip
REDUCED = (
    Seeded("mobilenet_v1_96", "MobileNet v1 0.25, 96 x 96", topologies.mobilenet_v1, 96, 0.25, 100, "tflite", 4),
    Seeded("mobilenet_v2_96", "MobileNet v2 0.35, 96 x 96", topologies.mobilenet_v2, 96, 0.35, 100, "tflite", 4),
    Seeded("inception_v3_75", "Inception v3, an eighth of the filters", topologies.inception_v3, 75, 0.125, 100,
           "tflite", 4),
    Seeded("squeezenet_96", "SqueezeNet 1.1, a quarter of the filters", topologies.squeezenet, 96, 0.25, 100,
           "onnx", 4),
)  # fmt: skip


def images(model: Seeded, count: int, seed: int = SEED) -> np.ndarray:
    """Random images with smooth shades: float32 [count, 1, *input shape], in [-1, 1]."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(-0.8, 0.8, (count, 1, 8, 8, 3))
    index = np.arange(model.size) * 8 // model.size
    smooth = coarse[:, :, index][:, :, :, index] + rng.uniform(-0.2, 0.2, (count, 1, model.size, model.size, 3))
    layout = (0, 1, 4, 2, 3) if model.kind == "onnx" else (0, 1, 2, 3, 4)
    return np.ascontiguousarray(smooth.transpose(layout)).astype(np.float32)


def float_file(model: Seeded, folder: Path) -> tuple[Path, int]:
    """Writes the float model; its path and its multiply-accumulates."""
    net: Net = (OnnxNet if model.kind == "onnx" else TfliteNet)(model.size, model.size)
    path = folder / f"{model.name}_float.{model.kind}"
    path.write_bytes(net.finish(model.topology(net, model.width, model.classes)))
    return path, net.macs


def quantized(model: Seeded, folder: Path) -> Report:
    """Writes float and quantized model; the latter is ``report.request.output``."""
    path, _ = float_file(model, folder)
    data = folder / f"{model.name}.npz"
    np.savez(data, in0=images(model, CALIBRATION + model.samples))
    return quantize(Request(path, data, folder / f"{model.name}.{model.kind}", CALIBRATION, force=True))


def inputs_of(model: Seeded, report: Report) -> tuple[tuple[Array], ...]:
    """The samples that were not calibrated with, as the quantized model takes them."""
    from ai_runner.samples import quantize_array
    from stm32_cli.quantization.model import RunnableModel

    (tensor,) = RunnableModel(report.request.output).inputs
    return tuple((quantize_array(x, tensor),) for x in images(model, CALIBRATION + model.samples)[CALIBRATION:])
