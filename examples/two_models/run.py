# SPDX-License-Identifier: Apache-2.0
"""Two models in one firmware that share one pool: the digit classifier and the motor's autoencoder, in turns."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from ai_runner import AiRunner

from examples.anomaly_detection.run import Detector, scores, trained
from examples.anomaly_detection.vibration import windows
from examples.shared.board import booted, command, ended, parser

DIGITS = Path(__file__).resolve().parents[1] / "digits"


def pool_bytes(folder: Path) -> int:
    """What a compiled model needs of a pool on a 32-bit core, without what observing it takes."""
    report = json.loads((folder / f"{folder.name}_report.json").read_text(encoding="utf-8"))
    return int(report["totals"]["activations_size"])


def in_turns(runner: AiRunner, images: Any, spectra: Any) -> tuple[Any, Any]:
    """Runs both models alternately, one sample each; the pool holds one instance at a time."""
    digits, motor = [], []
    for image, spectrum in zip(images, spectra, strict=True):
        digits.append(runner.invoke([image], name="digits")[0][0])
        motor.append(runner.invoke([spectrum], name="motor")[0][0])
    return np.stack(digits), np.stack(motor)


def compiled(folder: Path, board: str, detector: Detector) -> list[Path]:
    """Both models as folders of C."""
    folder.mkdir(parents=True, exist_ok=True)
    motor = folder / "motor.tflite"
    motor.write_bytes(detector.model)
    command("compile", DIGITS / "digits_int8.tflite", "-n", "digits", "-b", board, "-o", folder / "digits", "--force")
    command("compile", motor, "-b", board, "-o", folder / "motor", "--force")
    return [folder / "digits", folder / "motor"]


def run(board: str, work: Path, samples: int) -> int:
    """Compiles both, builds one firmware, boots it, asks both; returns the exit code."""
    detector = trained()
    models = compiled(work / "two_models", board, detector)
    with np.load(DIGITS / "digits_test.npz") as stored:
        images, expected, labels = (stored[key][:samples] for key in ("in0", "out0", "labels"))
    spectra = detector.inputs(
        np.concatenate([windows(31, samples // 2), windows(32, samples - samples // 2, "bearing")])
    )
    with booted(models, board, work, "--shared-pool") as runner:
        digits, motor = in_turns(runner, images, spectra)
    wrong = int((digits != expected).sum()) + int((motor != detector.reference(spectra)).sum())
    right = int((digits.reshape(samples, -1).argmax(axis=1) == labels).sum())
    alarms = int((scores(spectra, motor) > detector.threshold).sum())
    sizes = [pool_bytes(folder) for folder in models]
    print(f"pool: {max(sizes):,} bytes shared, {sum(sizes):,} with one for each model ({sizes[0]:,} + {sizes[1]:,})")
    print(f"digits: {right} of {samples} read right; motor: {alarms} alarms, {samples - samples // 2} damaged windows")
    print(f"bytes that differ from the reference interpreter's: {wrong} of {digits.size + motor.size:,}")
    return 1 if wrong else 0


def main(words: list[str] | None = None) -> int:
    """Reads the arguments; returns the exit code."""
    options = parser(__doc__)
    options.add_argument("--samples", type=int, default=20, help="of each model (default: %(default)s)")
    arguments = options.parse_args(words)
    return ended(lambda: run(arguments.board, arguments.work, arguments.samples))


if __name__ == "__main__":
    sys.exit(main())
