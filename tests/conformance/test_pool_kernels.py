# SPDX-License-Identifier: Apache-2.0
"""The micro-kernels of pooling, means and tables: every form against the reference interpreter, byte for byte.

The shapes cover what the kernels tell apart: windows of odd and even width, clipped ones, ones with more elements than
a 16-bit sum holds, four channels and what is left of them, bounds of an activation, and counts around groups of four.
mps2-an386 runs the DSP forms; mps2-an385 (Cortex-M3) and the host the plain ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from stm32_emitter.testing.tflite_writer import ModelWriter, Quant

from tests.conformance.batch import Array, run_batch
from tests.conformance.machines import installed, parameters

SEED = 20260902


@dataclass(frozen=True)
class Layer:
    """One pooling, mean or table operator on an image [height, width, channels]."""

    kind: str
    size: tuple[int, int, int]
    window: tuple[int, int] = (2, 2)
    stride: int = 2
    padding: str = "VALID"
    activation: str = "NONE"


POOLS = ("AVERAGE_POOL_2D", "MAX_POOL_2D")
LAYERS = (
    *(Layer(kind, (6, 7, channels)) for kind in POOLS for channels in (1, 4, 7, 12)),
    *(Layer(kind, (7, 8, 5), window, 1, "SAME") for kind in POOLS for window in ((1, 1), (3, 3), (4, 5), (2, 1))),
    *(Layer(kind, (8, 8, 6), (3, 2), 2, "SAME", activation) for kind in POOLS for activation in ("RELU", "RELU6")),
    *(Layer(kind, size, size[:2], 1) for kind in POOLS for size in ((15, 17, 5), (16, 16, 5), (1, 300, 4))),
    *(Layer("MEAN", (height, 19, 6)) for height in (1, 13, 14, 40)),
    *(Layer("LOGISTIC", (1, 1, count)) for count in (1, 3, 4, 5, 63)),
)


@dataclass(frozen=True)
class Case:
    """A model of one layer."""

    name: str
    model: bytes
    inputs: tuple[tuple[Array, ...], ...]


def _case(number: int, layer: Layer) -> Case:
    rng = np.random.default_rng(SEED + number)
    writer, (height, width, channels) = ModelWriter(), layer.size
    quant = Quant(0.05, int(rng.integers(-60, 60)))
    x = writer.tensor("x", (1, *layer.size), "int8", quant=quant)
    if layer.kind == "MEAN":
        axes = writer.constant("axes", np.array([1, 2], np.int32))
        y = writer.tensor("y", (1, channels), "int8", quant=Quant(0.03, 4))
        writer.operator("MEAN", [x, axes], [y], keep_dims=False)
    elif layer.kind == "LOGISTIC":
        y = writer.tensor("y", (1, *layer.size), "int8", quant=Quant(1 / 256, -128))
        writer.operator("LOGISTIC", [x], [y])
    else:
        reach = [0 if layer.padding == "SAME" else extent - 1 for extent in layer.window]
        result = [-(-(size - lost) // layer.stride) for size, lost in zip((height, width), reach, strict=True)]
        y = writer.tensor("y", (1, *result, channels), "int8", quant=quant)
        writer.operator(
            layer.kind, [x], [y], padding=layer.padding, stride_h=layer.stride, stride_w=layer.stride,
            filter_height=layer.window[0], filter_width=layer.window[1], fused_activation_function=layer.activation,
        )  # fmt: skip
    extremes = [np.full((1, *layer.size), value, np.int8) for value in (-128, 127)]
    random = [rng.integers(-128, 128, (1, *layer.size)).astype(np.int8) for _ in range(3)]
    return Case(f"pool_{number}", writer.finish(inputs=[x], outputs=[y]), tuple((v,) for v in (*extremes, *random)))


@pytest.mark.parametrize("name", parameters("host-sanitized", "mps2-an386", "mps2-an385"))
def test_every_form_gives_the_reference_bytes(name: str, tmp_path: Path) -> None:
    outcomes = run_batch([_case(number, layer) for number, layer in enumerate(LAYERS)], installed(name), tmp_path)
    wrong = [f"{LAYERS[i]}: {o.status}: {o.detail}" for i, o in enumerate(outcomes) if o.status != "equal"]
    assert not wrong, f"seed {SEED}\n" + "\n".join(wrong)
    assert all(o.compared for o in outcomes)


def test_the_scaled_sum_is_the_rounded_average() -> None:
    """What average_lanes computes, for every count and every sum of that many values."""
    for count in range(1, 256):
        sums = np.arange(-128 * count, 127 * count + 1, dtype=np.int64)
        factor = (1 << 30) // count + 1
        scaled = (((factor * sums) >> 16) + (1 << 13)) >> 14
        away = np.sign(sums) * ((np.abs(sums) + count // 2) // count)
        assert np.array_equal(np.clip(scaled, -128, 127), away), count
