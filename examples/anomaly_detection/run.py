# SPDX-License-Identifier: Apache-2.0
"""Trains an autoencoder on sound motors, and finds damaged ones by its scores on an emulated board."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from stm32_emitter.testing.reference import Reference
from stm32_emitter.testing.tflite_writer import Quant

from examples.anomaly_detection.autoencoder import Scaling, build, scaling, train
from examples.anomaly_detection.vibration import KINDS, windows
from examples.shared.board import booted, command, ended, parser
from examples.shared.layers import quantized

FALSE_ALARMS = 0.01
"""Share of sound windows that may be above the threshold."""
LEAST_FOUND = 0.95


@dataclass(frozen=True)
class Detector:
    """A trained model: ``model`` is the int8 .tflite, ``threshold`` the score from which a window is damaged."""

    model: bytes
    scaling: Scaling
    threshold: float = 0.0

    def inputs(self, features: Any) -> Any:
        """Features [N, 64] as the model's int8 input [N, 1, 64]."""
        scale, zero_point = Reference(self.model).inputs[0]["quantization"]
        return quantized(self.scaling(features), Quant(float(scale), int(zero_point)))[:, np.newaxis]

    def reference(self, inputs: Any) -> Any:
        """What the reference interpreter computes, [N, 1, 64]."""
        interpreter = Reference(self.model)
        return np.stack([interpreter.run([sample])[0] for sample in inputs])


def scores(inputs: Any, outputs: Any) -> Any:
    """Mean square difference of what goes in and what comes out, in steps of their common scale; [N]."""
    return np.mean((inputs.astype(np.float64) - outputs) ** 2, axis=(1, 2))


def trained() -> Detector:
    """Trains on 1000 sound windows; the threshold is that of 400 other ones."""
    features = windows(1, 1000)
    found = scaling(features)
    x = found(features)
    model = build(train(x), x)
    detector = Detector(model, found)
    held_out = detector.inputs(windows(2, 400))
    threshold = float(np.quantile(scores(held_out, detector.reference(held_out)), 1 - FALSE_ALARMS))
    return Detector(model, found, threshold)


def area(sound: Any, damaged: Any) -> float:
    """The area under the ROC curve: how often a damaged window scores higher than a sound one."""
    higher = (damaged[:, np.newaxis] > sound) + 0.5 * (damaged[:, np.newaxis] == sound)
    return float(higher.mean())


def report(detector: Detector, found: dict[str, Any]) -> tuple[str, bool]:
    """A table of the scores on the target, and whether they are good."""
    lines = [f"threshold {detector.threshold:.0f}: 1 % of other sound windows are above it"]
    for kind, values in found.items():
        above = int((values > detector.threshold).sum())
        lines.append(f"{kind:<10}: {above:>3} of {len(values)} above it, median score {np.median(values):.0f}")
    damaged = np.concatenate([found[kind] for kind in KINDS[1:]])
    auc, share = area(found["sound"], damaged), float((damaged > detector.threshold).mean())
    lines.append(f"area under the ROC curve on target: {auc:.4f}")
    return "\n".join(lines), share >= LEAST_FOUND and float((found["sound"] > detector.threshold).mean()) < 0.05


def run(board: str, work: Path, count: int) -> int:
    """Trains, compiles, boots, scores; returns the exit code."""
    folder = work / "anomaly_detection"
    folder.mkdir(parents=True, exist_ok=True)
    detector = trained()
    file = folder / "motor.tflite"
    file.write_bytes(detector.model)
    command("compile", file, "-b", board, "-o", folder / "motor", "--force")
    inputs = {kind: detector.inputs(windows(10 + n, count, kind)) for n, kind in enumerate(KINDS)}
    with booted([folder / "motor"], board, work) as runner:
        outputs = {kind: runner.invoke([values], name="motor")[0][0] for kind, values in inputs.items()}
    differing = sum(int((outputs[kind] != detector.reference(values)).sum()) for kind, values in inputs.items())
    text, good = report(detector, {kind: scores(inputs[kind], outputs[kind]) for kind in KINDS})
    print(text)
    print(
        f"bytes that differ from the reference interpreter's: {differing} of {sum(v.size for v in outputs.values()):,}"
    )
    return 0 if good and not differing else 1


def main(words: list[str] | None = None) -> int:
    """Reads the arguments; returns the exit code."""
    options = parser(__doc__)
    options.add_argument("--windows", type=int, default=50, help="test windows of each kind (default: %(default)s)")
    arguments = options.parse_args(words)
    return ended(lambda: run(arguments.board, arguments.work, arguments.windows))


if __name__ == "__main__":
    sys.exit(main())
