# SPDX-License-Identifier: Apache-2.0
"""A model with two custom operators: compiled with a plug-in, compared on an emulated board with numpy.

The reference interpreter does not know the operators, so the expected outputs are computed here and stored in an .npz.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from stm32_emitter.testing.tflite_writer import ModelWriter

from examples.shared.board import command, ended, parser

PLUGIN = Path(__file__).with_name("operators.py")
SHAPE = (1, 4, 64)
THRESHOLD = 0.3


def model() -> bytes:
    """Energy(SoftThreshold(x)) above a floor; the last operator, ADD, is one that the compiler brings."""
    writer = ModelWriter(description="energy of four bands without their noise")
    x, clean = (writer.tensor(name, SHAPE, "float32") for name in ("bands", "clean"))
    power, level = (writer.tensor(name, SHAPE[:2], "float32") for name in ("power", "level"))
    least = writer.constant("least", np.full((1, 1), 1e-3, np.float32))
    writer.custom("SoftThreshold", [x], [clean], {"threshold": THRESHOLD})
    writer.custom("Energy", [clean], [power])
    writer.operator("ADD", [power, least], [level])
    return writer.finish([x], [level])


def expected(x: Any) -> Any:
    """The same in numpy, for one sample."""
    clean = np.sign(x) * np.maximum(np.abs(x) - np.float32(THRESHOLD), 0)
    return (np.mean(clean.astype(np.float64) ** 2, axis=-1) + 1e-3).astype(np.float32)


def samples(count: int = 20) -> Any:
    """[count, 1, 4, 64]: noise with a tone in one band each."""
    rng = np.random.default_rng(1)
    noise = rng.normal(0.0, 0.15, (count, *SHAPE)).astype(np.float32)
    for number in range(count):
        noise[number, 0, number % 4] += np.sin(np.arange(64) * rng.uniform(0.2, 2.0)).astype(np.float32)
    return noise


def run(board: str, work: Path) -> int:
    """Writes the model and its samples, and validates it."""
    folder = work / "custom_operator"
    folder.mkdir(parents=True, exist_ok=True)
    file, data = folder / "bands.tflite", folder / "bands.npz"
    file.write_bytes(model())
    inputs = samples()
    np.savez(data, in0=inputs, out0=np.stack([expected(x) for x in inputs]))
    command("compile", file, "--plugin", PLUGIN, "-b", board, "-o", folder / "bands", "--force")
    # What stm32 validate builds takes the compiled folder: no plug-in is needed any more.
    command("validate", file, "--npz", data, "-d", f"qemu:{board}", "--model-dir", folder / "bands")
    print(f"C and report: {folder / 'bands'}; the operator's C is bands_ext_soft_threshold.c")
    return 0


def main(words: list[str] | None = None) -> int:
    """Reads the arguments; returns the exit code."""
    arguments = parser(__doc__).parse_args(words)
    return ended(lambda: run(arguments.board, arguments.work))


if __name__ == "__main__":
    sys.exit(main())
