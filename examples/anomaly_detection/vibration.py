# SPDX-License-Identifier: Apache-2.0
"""Synthetic vibration of an electric motor, sound or damaged, and its spectrum in decibels.

A sound motor turns at 24 to 26 Hz; its acceleration has the first eight harmonics of that with amplitudes of this
motor, the 100 Hz hum of its supply, and noise. What can break: a bearing (bursts of a 480 Hz ring at 3.6 times the
speed), balance (the first harmonic is several times as strong), a loose foot (halves of the speed, harmonics of them).
"""

from __future__ import annotations

from typing import Any

import numpy as np

RATE = 2000.0
"""Samples a second."""
WINDOW = 1024
BANDS = 64
KINDS = ("sound", "bearing", "imbalance", "looseness")
_HARMONICS = 0.5 ** np.arange(8) * np.array([1.0, 0.8, 1.2, 0.5, 1.0, 0.6, 0.9, 0.7])

Array = np.ndarray[Any, np.dtype[np.float32]]


def signal(rng: np.random.Generator, kind: str = "sound") -> Array:
    """One window of acceleration, [1024], in units of g."""
    time = np.arange(WINDOW) / RATE
    speed = rng.uniform(24.0, 26.0)
    strength = _HARMONICS * rng.uniform(0.8, 1.25, 8)
    if kind == "imbalance":
        strength[0] *= rng.uniform(3.0, 5.0)
    wave = _tones(rng, time, speed * np.arange(1, 9), strength)
    wave += _tones(rng, time, np.array([100.0]), np.array([0.15]))
    if kind == "looseness":
        wave += _tones(rng, time, speed * np.array([0.5, 1.5, 2.5, 3.5]), rng.uniform(0.15, 0.35, 4))
    if kind == "bearing":
        wave += _bursts(rng, time, 3.6 * speed)
    return np.asarray(wave + rng.normal(0.0, 0.05, WINDOW), np.float32)


def _tones(rng: np.random.Generator, time: Any, frequencies: Any, strengths: Any) -> Any:
    phases = rng.uniform(0.0, 2 * np.pi, len(frequencies))
    return sum(s * np.sin(2 * np.pi * f * time + p) for f, s, p in zip(frequencies, strengths, phases, strict=True))


def _bursts(rng: np.random.Generator, time: Any, rate: float) -> Any:
    since = np.mod(time + rng.uniform(0.0, 1.0), 1.0 / rate)
    return rng.uniform(0.4, 0.9) * np.exp(-since * 300.0) * np.sin(2 * np.pi * 480.0 * since)


def features(wave: Array) -> Array:
    """The spectrum in 64 bands, [64]: decibels of their energy, 0 dB being 1 g."""
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(WINDOW)))[1 : WINDOW // 2 + 1] / (WINDOW / 4)
    energy = (spectrum**2).reshape(BANDS, -1).sum(axis=1)
    return np.asarray(10 * np.log10(energy + 1e-6), np.float32)


def windows(seed: int, count: int, kind: str = "sound") -> Array:
    """Features of ``count`` windows, [count, 64]."""
    rng = np.random.default_rng(seed)
    return np.stack([features(signal(rng, kind)) for _ in range(count)])
