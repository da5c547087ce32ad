# SPDX-License-Identifier: Apache-2.0
"""What is made of a trained network: int8 frames for it, and words that are told from its probabilities."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from stm32_emitter.testing.reference import Reference
from stm32_emitter.testing.tflite_writer import Quant

from examples.keyword_spotting.audio import WORDS, Stream, stream
from examples.keyword_spotting.network import build, train, windows
from examples.shared.layers import quantized
from examples.shared.training import Array

TRAINING = range(1, 9)
"""Seeds of the recordings, half a minute each."""
SMOOTHED = 3
LEAST = 0.6
"""Mean probability of three frames from which a word is told."""
QUIET = 20
"""Frames after a word in which no other one is told."""
EARLY, LATE = 6, 12
"""Frames before and after a word's end in which it counts as found."""


@dataclass(frozen=True)
class Spotter:
    """The int8 model, and what its features are normalised by."""

    model: bytes
    mean: Array
    spread: Array

    def normal(self, recording: Stream) -> Stream:
        """The recording with normalised features."""
        return replace(recording, frames=_normal(recording.frames, self.mean, self.spread))

    def inputs(self, recording: Stream) -> Any:
        """int8 [frames, 1, 16]."""
        scale, zero_point = Reference(self.model).inputs[0]["quantization"]
        return quantized(self.normal(recording).frames, Quant(float(scale), int(zero_point)))[:, np.newaxis]


def _normal(frames: Array, mean: Array, spread: Array) -> Array:
    return np.asarray(np.clip((frames - mean) / spread, -4.0, 4.0), np.float32)


def trained() -> Spotter:
    """Trains on four minutes of synthetic speech."""
    recordings = [stream(seed, 30.0) for seed in TRAINING]
    frames = np.concatenate([recording.frames for recording in recordings])
    mean, spread = frames.mean(axis=0), frames.std(axis=0)
    rng = np.random.default_rng(5)
    parts = [windows(replace(r, frames=_normal(r.frames, mean, spread)), rng) for r in recordings]
    x, labels = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    return Spotter(build(train(x, labels), x), mean, spread)


def told(probabilities: Any) -> list[tuple[int, int]]:
    """(word, frame) of each word that is told; ``probabilities`` are int8 [frames, 1, 5] as the model gives them."""
    values = (probabilities.reshape(len(probabilities), -1).astype(np.float64) + 128) / 256
    found: list[tuple[int, int]] = []
    for frame in range(len(values)):
        mean = values[max(frame - SMOOTHED + 1, 0) : frame + 1].mean(axis=0)[1:]
        quiet = not found or frame - found[-1][1] > QUIET
        if quiet and mean.max() >= LEAST:
            found.append((int(mean.argmax()), frame))
    return found


@dataclass(frozen=True)
class Score:
    """How many of ``said`` words were found, and how many were told that nobody said."""

    found: int
    said: int
    false: int

    def __str__(self) -> str:
        return f"{self.found} of {self.said} words found, {self.false} false alarms"


def score(recording: Stream, words: list[tuple[int, int]]) -> Score:
    """Compares what was told with what was said."""

    def match(said: tuple[int, int], heard: tuple[int, int]) -> bool:
        return said[0] == heard[0] and -EARLY <= heard[1] - said[1] <= LATE

    found = sum(any(match(said, heard) for heard in words) for said in recording.words)
    false = sum(not any(match(said, heard) for said in recording.words) for heard in words)
    return Score(found, len(recording.words), false)


def names(words: list[tuple[int, int]]) -> str:
    """The words as text."""
    return " ".join(list(WORDS)[number] for number, _ in words)
