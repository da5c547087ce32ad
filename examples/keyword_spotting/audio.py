# SPDX-License-Identifier: Apache-2.0
"""Synthetic speech: four words that are made of vowel-like glides and hisses, in noise, and its features.

A vowel is a pulse train of 100 to 220 Hz through two resonances that move from the first pair of frequencies to the
second one. No recording is used.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

RATE = 8000
"""Samples a second."""
STEP = 160
"""Samples from one frame to the next: 20 ms."""
FRAME = 256
BANDS = 16

WORDS = {
    "up": (("vowel", 0.14, (700, 1100), (600, 1000)), ("hiss", 0.06, (700, 1900))),
    "down": (("vowel", 0.14, (350, 900), (800, 1300)), ("vowel", 0.14, (300, 800), (300, 800))),
    "yes": (("vowel", 0.16, (300, 2200), (550, 1800)), ("hiss", 0.13, (2700, 3700))),
    "no": (("vowel", 0.08, (250, 1300), (250, 1300)), ("vowel", 0.20, (550, 950), (400, 700))),
}
"""Parts of each word: kind, seconds, frequencies in Hz."""

Array = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True)
class Stream:
    """A recording.

    Attributes:
        frames: features [frames, 16].
        words: (number of the word, frame in which it ends), in order; words that are none of the four are left out.
        busy: whether something is being said in a frame, [frames].
    """

    frames: Array
    words: tuple[tuple[int, int], ...]
    busy: Any


def vowel(rng: np.random.Generator, seconds: float, start: Any, end: Any) -> Any:
    """A glide between two pairs of resonances."""
    count = int(seconds * RATE)
    pitch = rng.uniform(100.0, 220.0) * np.linspace(1.0, rng.uniform(0.85, 1.1), count)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    ramp = np.linspace(0.0, 1.0, count)
    shift = rng.uniform(0.92, 1.08)
    wave = np.zeros(count)
    for harmonic in range(1, 30):
        frequency = harmonic * pitch
        gain = sum(
            1.0 / (1.0 + ((frequency - shift * (a + (b - a) * ramp)) / 90.0) ** 2)
            for a, b in zip(start, end, strict=True)
        )
        wave += gain * np.sin(harmonic * phase) * (frequency < RATE / 2)
    return wave


def hiss(rng: np.random.Generator, seconds: float, low: float, high: float) -> Any:
    """Noise between two frequencies."""
    count = int(seconds * RATE)
    spectrum = np.fft.rfft(rng.normal(size=count))
    frequency = np.fft.rfftfreq(count, 1 / RATE)
    spectrum[(frequency < low) | (frequency > high)] = 0
    return 1.5 * np.fft.irfft(spectrum, count)


def word(rng: np.random.Generator, number: int) -> Any:
    """One utterance; -1 is a word of other parts."""
    parts = list(WORDS.values())[number] if number >= 0 else _other(rng)
    pieces = []
    for kind, seconds, *frequencies in parts:
        length = seconds * rng.uniform(0.8, 1.25)
        made = vowel(rng, length, *frequencies) if kind == "vowel" else hiss(rng, length, *frequencies[0])
        pieces.append(made * np.hanning(len(made)) ** 0.5)
    return np.concatenate(pieces) * rng.uniform(0.5, 1.5)


def _other(rng: np.random.Generator) -> Any:
    """Parts of any frequencies, or half a word."""
    if rng.random() < 0.4:
        chosen = list(WORDS.values())[rng.integers(len(WORDS))]
        return [chosen[rng.integers(len(chosen))]]
    pairs = [(float(rng.uniform(250, 900)), float(rng.uniform(1400, 2600))) for _ in range(2)]
    return [("vowel", 0.15, *pairs), ("vowel", 0.1, pairs[1], pairs[0])]


def stream(seed: int, seconds: float) -> Stream:
    """Words one after the other, every fourth one none of the four, with pauses and noise."""
    rng = np.random.default_rng(seed)
    wave = rng.normal(0.0, rng.uniform(0.03, 0.08), int(seconds * RATE))
    frames = (len(wave) - FRAME) // STEP + 1
    busy, said, at = np.zeros(frames, bool), [], int(0.3 * RATE)
    while True:
        number = int(rng.integers(-1, len(WORDS))) if rng.random() < 0.9 else -1
        sound = word(rng, number)
        if at + len(sound) + FRAME > len(wave):
            return Stream(features(wave), tuple(said), busy)
        wave[at : at + len(sound)] += sound
        last = (at + len(sound)) // STEP
        busy[at // STEP : last + 1] = True
        if number >= 0:
            said.append((number, last))
        at += len(sound) + int(rng.uniform(0.35, 0.9) * RATE)


def features(wave: Any) -> Array:
    """The logarithm of the energy in 16 bands, which are wider the higher they are; [frames, 16]."""
    edges = np.round(np.geomspace(4, FRAME // 2, BANDS + 1)).astype(int)
    count = (len(wave) - FRAME) // STEP + 1
    cut = np.stack([wave[i * STEP : i * STEP + FRAME] for i in range(count)]) * np.hanning(FRAME)
    energy = np.abs(np.fft.rfft(cut, axis=1)) ** 2
    bands = np.stack([energy[:, a:b].mean(axis=1) for a, b in itertools.pairwise(edges)], axis=1)
    return np.asarray(np.log10(bands + 1e-3), np.float32)
