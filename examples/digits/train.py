# SPDX-License-Identifier: Apache-2.0
"""Train, quantize and store the digit classifier of `make demo`.

    python -m examples.digits.train            train and write digits_int8.tflite and digits_test.npz
    python -m examples.digits.train --check    train in memory and compare with the committed files

Needs scikit-learn (the data) and ai-edge-litert (the reference outputs). Takes well under two minutes.
"""

from __future__ import annotations

import argparse
import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from stm32_emitter.testing.reference import Reference, ReferenceMissingError

from examples.digits.network import forward, gradients, initial
from examples.digits.quantizer import build, calibrate
from examples.shared.layers import activation_quant, quantized
from examples.shared.training import Array, Params, adam

HERE = Path(__file__).resolve().parent
MODEL = HERE / "digits_int8.tflite"
SAMPLES = HERE / "digits_test.npz"

SEED = 20
EPOCHS = 40
BATCH = 32
RATE = 4e-3
WEIGHT_DECAY = 1e-3
LEAST_ACCURACY = 0.97
ACCURACY_TOLERANCE = 0.01  # of a training with another numpy or BLAS, against the committed model

Labels = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Data:
    """Images [N, 8, 8, 1] of 0..1 and their digits."""

    images: Array
    labels: Labels


@dataclass(frozen=True)
class Result:
    """What a training gives.

    Attributes:
        model: the int8 .tflite file.
        samples: the .npz file: in0 int8 [400, 1, 8, 8, 1], out0 int8 [400, 1, 10], labels uint8 [400].
        float_accuracy: share of test digits that the float network gets right.
        int8_accuracy: the same for the int8 model in the reference interpreter.
    """

    model: bytes
    samples: bytes
    float_accuracy: float
    int8_accuracy: float


def split() -> tuple[Data, Data]:
    """scikit-learn's 1797 digits: those whose index leaves 2 or 4 when divided by 9 are for the test (400)."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = (digits.images[..., np.newaxis] / 16.0).astype(np.float32)
    labels = digits.target.astype(np.int64)
    test = np.isin(np.arange(len(labels)) % 9, (2, 4))
    return Data(images[~test], labels[~test]), Data(images[test], labels[test])


def train(data: Data, report: bool) -> Params:
    """Adam with a cosine-shaped rate, on images moved by at most one pixel."""
    rng = np.random.default_rng(SEED)
    params = initial(rng)
    state: dict[str, tuple[Array, Array]] = {}
    steps = len(data.labels) // BATCH
    step = 0
    for epoch in range(EPOCHS):
        order = rng.permutation(len(data.labels))
        for start in range(0, steps * BATCH, BATCH):
            chosen = order[start : start + BATCH]
            step += 1
            rate = RATE * 0.5 * (1 + np.cos(np.pi * step / (EPOCHS * steps)))
            grads = gradients(params, _moved(rng, data.images[chosen]), data.labels[chosen])
            adam(params, grads, state, step, rate)
            _decay(params, rate)
        if report and epoch % 5 == 4:
            print(f"epoch {epoch + 1} of {EPOCHS}", file=sys.stderr)
    return params


def accuracy(scores: np.ndarray[Any, Any], labels: Labels) -> float:
    """Share of rows whose greatest score stands at the label."""
    return float((scores.argmax(-1) == labels).mean())


def make(*, report: bool) -> Result:
    """Train, quantize and evaluate."""
    training, test = split()
    params = train(training, report)
    ranges = calibrate(params, training.images)
    model = build(params, ranges)
    inputs = quantized(test.images, activation_quant(ranges["image"]))[:, np.newaxis]
    reference = Reference(model)
    outputs = np.stack([reference.run([sample])[0] for sample in inputs])
    stream = io.BytesIO()
    np.savez_compressed(stream, in0=inputs, out0=outputs, labels=test.labels.astype(np.uint8))
    float_accuracy = accuracy(forward(params, test.images)["logits"], test.labels)
    return Result(model, stream.getvalue(), float_accuracy, accuracy(outputs[:, 0], test.labels))


def stored_accuracy() -> float:
    """Accuracy of the committed model in the reference interpreter; its committed outputs are checked as well.

    Raises:
        ValueError: the committed outputs are not those of the committed model.
    """
    samples = np.load(SAMPLES)
    reference = Reference(MODEL.read_bytes())
    outputs = np.stack([reference.run([sample])[0] for sample in samples["in0"]])
    if not np.array_equal(outputs, samples["out0"]):
        raise ValueError(f"{SAMPLES.name}: out0 is not what the reference computes with {MODEL.name}")
    return accuracy(outputs[:, 0], samples["labels"])


def check(result: Result) -> bool:
    """Compare a training with the committed files, say what was found, return whether it is good."""
    if result.model == MODEL.read_bytes() and result.samples == SAMPLES.read_bytes():
        print("the committed files are equal to what this training gives")
        return True
    stored = stored_accuracy()
    good = abs(stored - result.int8_accuracy) <= ACCURACY_TOLERANCE
    verdict = "equal in accuracy" if good else "different in accuracy"
    print(f"not equal byte for byte (another numpy?), {verdict}: committed {stored:.4f}")
    return good


def main() -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="Train, quantize and store the digit classifier.")
    parser.add_argument("--check", action="store_true", help="compare with the committed files, write nothing")
    arguments = parser.parse_args()
    try:
        result = make(report=True)
    except (ReferenceMissingError, ModuleNotFoundError) as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 5
    print(
        f"test accuracy: float {result.float_accuracy:.4f}, int8 {result.int8_accuracy:.4f}; {len(result.model)} bytes"
    )
    if result.int8_accuracy < LEAST_ACCURACY:
        print(f"train.py: the int8 accuracy is below {LEAST_ACCURACY}", file=sys.stderr)
        return 1
    if arguments.check:
        return 0 if check(result) else 1
    MODEL.write_bytes(result.model)
    SAMPLES.write_bytes(result.samples)
    return 0


def _moved(rng: np.random.Generator, images: Array) -> Array:
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    rows, columns = rng.integers(0, 3, (2, len(images)))
    return np.stack([padded[n, r : r + 8, c : c + 8] for n, (r, c) in enumerate(zip(rows, columns, strict=True))])


def _decay(params: Params, rate: float) -> None:
    for name in params:
        if not name.endswith("_bias"):
            params[name] *= np.float32(1.0 - rate * WEIGHT_DECAY)


if __name__ == "__main__":
    sys.exit(main())
