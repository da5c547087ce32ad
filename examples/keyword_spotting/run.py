# SPDX-License-Identifier: Apache-2.0
"""Spots words in a stream on an emulated board: one frame of 20 ms a run, the past kept in the model's state.

With --model any streaming .tflite is fed with random frames instead, and compared with its interpreter run by run.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from ai_runner import AiRunner
from ai_runner.samples import random_inputs
from stm32_emitter.testing.reference import Reference

from examples.keyword_spotting.audio import stream
from examples.keyword_spotting.spotter import names, score, told, trained
from examples.shared.board import booted, command, ended, parser

SECOND = 50
"""Frames that are sent at a time: what a second of sound gives."""


def streamed(runner: AiRunner, inputs: list[Any], name: str) -> list[Any]:
    """Runs a model on a stream, second after second; only the first run of all starts from the initial state.

    Args:
        runner: connected.
        inputs: one array for each input, [runs, *shape].
        name: of the model.

    Returns:
        One array for each output, [runs, *shape].
    """
    parts = []
    for start in range(0, len(inputs[0]), SECOND):
        batch = [values[start : start + SECOND] for values in inputs]
        outputs, _ = runner.invoke(batch, name=name, reset="series" if start == 0 else "never")
        parts.append(outputs)
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def reference(model: bytes, inputs: list[Any]) -> list[Any]:
    """The same in the reference interpreter, which keeps its state, too."""
    interpreter = Reference(model)
    results = [interpreter.run(list(sample)) for sample in zip(*inputs, strict=True)]
    return [np.stack(column) for column in zip(*results, strict=True)]


def differing(there: list[Any], here: list[Any]) -> tuple[int, int]:
    """(bytes that differ, bytes compared)."""
    pairs = [
        (np.ascontiguousarray(a).view(np.uint8), np.ascontiguousarray(b).view(np.uint8))
        for a, b in zip(there, here, strict=True)
    ]
    return sum(int((a.ravel() != b.ravel()).sum()) for a, b in pairs), sum(a.size for a, _ in pairs)


def spot(board: str, work: Path, seconds: float) -> int:
    """Trains, compiles, boots, listens; returns the exit code."""
    folder = work / "keyword_spotting"
    folder.mkdir(parents=True, exist_ok=True)
    spotter = trained()
    file = folder / "words.tflite"
    file.write_bytes(spotter.model)
    command("compile", file, "-b", board, "-o", folder / "words", "--force")
    recording = stream(99, seconds)
    inputs = [spotter.inputs(recording)]
    with booted([folder / "words"], board, work) as runner:
        there = streamed(runner, inputs, "words")
    here = reference(spotter.model, inputs)
    wrong, total = differing(there, here)
    words = told(there[0])
    result = score(recording, words)
    print(f"said : {names(list(recording.words))}\ntold : {names(words)}")
    print(f"on target, in {seconds:.0f} s of speech: {result}")
    print(f"reference interpreter: {score(recording, told(here[0]))}")
    print(f"bytes that differ over {len(inputs[0])} runs: {wrong} of {total:,}")
    return 0 if not wrong and result.found >= 0.9 * result.said and result.false <= 1 else 1


def follow(file: Path, board: str, work: Path, runs: int) -> int:
    """Streams random numbers through a given model; returns the exit code."""
    folder = work / "keyword_spotting"
    command("compile", file, "-n", "given", "-b", board, "-o", folder / "given", "--force")
    with booted([folder / "given"], board, work) as runner:
        inputs = random_inputs(runner.get_inputs("given"), runs, 1)
        there = streamed(runner, list(inputs), "given")
    wrong, total = differing(there, reference(file.read_bytes(), list(inputs)))
    print(f"{file.name}: bytes that differ over {runs} runs, state kept: {wrong} of {total:,}")
    return 1 if wrong else 0


def main(words: list[str] | None = None) -> int:
    """Reads the arguments; returns the exit code."""
    options = parser(__doc__)
    options.add_argument("--seconds", type=float, default=10.0, help="of test speech (default: %(default)s)")
    options.add_argument("--model", type=Path, help="a streaming .tflite to be compared with its interpreter instead")
    options.add_argument("--runs", type=int, default=100, help="with --model: frames (default: %(default)s)")
    arguments = options.parse_args(words)
    if arguments.model:
        return ended(lambda: follow(arguments.model, arguments.board, arguments.work, arguments.runs))
    return ended(lambda: spot(arguments.board, arguments.work, arguments.seconds))


if __name__ == "__main__":
    sys.exit(main())
