# SPDX-License-Identifier: Apache-2.0
"""The depthwise micro-kernels: assembly and its C twin against the reference interpreter, byte for byte.

The shapes cover what the micro-kernels tell apart: strides, odd and even sizes, rows and columns of padding, four
channels and what is left of them, depth multipliers, planes that are widened whole, block by block and two pairs of
rows at a time, left shifts and channels without weights, and windows that go tap by tap. mps2-an386 runs the assembly;
mps2-an385 (Cortex-M3) and the host run the C twin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stm32_emitter.operators.schedule import ANY_LAYER
from stm32_emitter.testing.tflite_writer import ModelWriter, Quant

from tests.conformance.batch import Array, Outcome, run_batch
from tests.conformance.machines import installed, parameters

SEED = 20260822


@dataclass(frozen=True)
class Layer:
    """One DEPTHWISE_CONV_2D; ``zero_point`` -128 with RELU takes the short requantization."""

    size: tuple[int, int]
    channels: int
    window: tuple[int, int] = (3, 3)
    stride: int = 1
    padding: str = "SAME"
    multiplier: int = 1
    activation: str = "RELU"
    zero_point: int = -128
    batch: int = 1
    dilation: int = 1
    scale: float = 0.9
    """Of the output, except with RELU6."""

    def output(self) -> tuple[int, int]:
        """Height and width of the result."""
        reach = [0 if self.padding == "SAME" else self.dilation * (extent - 1) for extent in self.window]
        return tuple(-(-(size - lost) // self.stride) for size, lost in zip(self.size, reach, strict=True))  # type: ignore[return-value]


LAYERS = (
    *(Layer((height, width), 8) for height in (1, 2, 3, 6) for width in (1, 2, 3, 5, 6)),
    *(Layer((height, width), 8, stride=2, zero_point=3) for height in (1, 4, 7) for width in (2, 5, 9)),
    *(Layer((7, 6), 8, stride=stride, padding="VALID", activation="NONE", zero_point=-9) for stride in (1, 2)),
    *(Layer((40, 41), 8, stride=stride, activation="NONE", zero_point=5, batch=2) for stride in (1, 2)),
    *(Layer((33, 30), 6, stride=stride) for stride in (1, 2)),
    *(Layer((5, 4), channels, activation="RELU6", zero_point=-60) for channels in (2, 3, 5, 42)),
    *(Layer((5, 6), channels, multiplier=3, stride=stride) for channels in (2, 7) for stride in (1, 2)),
    *(Layer((9, 1), 10, window=(extent, 1), padding="VALID") for extent in (2, 3, 9)),
    *(Layer((height, 5), channels) for height in (7, 19, 25, 31) for channels in (11, 3)),
    Layer((6, 7), 13, window=(5, 5), activation="NONE", zero_point=0),
    Layer((6, 7), 5, window=(4, 2), stride=3, multiplier=2),
    Layer((9, 8), 7, window=(3, 3), dilation=2, activation="NONE", zero_point=7),
    Layer((9, 8), 2, window=(3, 3), dilation=2, multiplier=3),
    *(Layer((25, 5), 8, stride=stride) for stride in (1, 2)),
    *(Layer((13, 20), 8, stride=stride, activation="NONE", zero_point=2) for stride in (1, 2)),
    *(Layer((5, 7), 8, scale=scale) for scale in (0.02, 0.002, 0.0002, 0.00002)),
    *(Layer((6, 5), 8, window=(3, 3 + extra), scale=0.0005, zero_point=-20) for extra in (0, 1)),
    *(Layer((1, 11), 9, window=(1, extent)) for extent in (4, 7)),
)

FORCED = tuple(
    Layer((5, 6), channels, stride=stride, padding=padding, multiplier=multiplier, zero_point=-128 + 100 * (stride - 1))
    for channels, multiplier in ((8, 1), (6, 1), (5, 2), (2, 1))
    for stride, padding in ((1, "SAME"), (2, "SAME"), (1, "VALID"))
)
"""Layers that have every schedule for 3 x 3, but for ``taps`` where there are not 4 channels."""

PLANES = tuple(
    Layer(size, channels, activation=activation, zero_point=zero_point, scale=0.06)
    for size in ((2, 2), (3, 2), (3, 3), (4, 4), (3, 7), (4, 5))
    for channels, activation, zero_point in ((8, "RELU", -128), (7, "NONE", 6), (5, "RELU", -128), (6, "RELU6", -90))
)
"""Images of few rows."""

BLOCKS = tuple(
    Layer((30, 70), channels, stride=stride, zero_point=-128 + 100 * (stride - 1))
    for channels in (4, 7)
    for stride in (1, 2)
)
"""Layers that rows-3x3 computes in blocks of three sizes."""

LINES = tuple(
    Layer((length, 1), channels, window=(extent, 1), padding="VALID", activation=activation, zero_point=zero_point)
    for length, extent, channels in (
        (5, 2, 4),
        (16, 3, 7),
        (17, 4, 8),
        (30, 5, 6),
        (25, 10, 5),
        (40, 21, 4),
        (150, 6, 5),
        (15, 9, 6),
    )
    for activation, zero_point in (("RELU", -128), ("NONE", 11))
)


@dataclass(frozen=True)
class Case:
    """A model of one layer."""

    name: str
    model: bytes
    inputs: tuple[tuple[Array, ...], ...]


def _case(number: int, layer: Layer) -> Case:
    rng = np.random.default_rng(SEED + number)
    outputs = layer.channels * layer.multiplier
    writer = ModelWriter()
    source = Quant(0.05, int(rng.integers(-128, 128)))
    x = writer.tensor("x", (layer.batch, *layer.size, layer.channels), "int8", quant=source)
    scales = [float(scale) for scale in np.exp(rng.uniform(np.log(0.002), np.log(0.02), outputs))]
    values = rng.integers(-127, 128, (1, *layer.window, outputs)).astype(np.int8)
    if number % 3 == 0:
        values[..., 0] = 0
    w = writer.constant("w", values, quant=Quant(scales, 0, 3))
    biases = rng.integers(-20000, 20000, outputs).astype(np.int32)
    b = writer.constant("b", biases, quant=Quant([scale * 0.05 for scale in scales], 0, 0))
    result = Quant(0.05 if layer.activation == "RELU6" else layer.scale, layer.zero_point)
    y = writer.tensor("y", (layer.batch, *layer.output(), outputs), "int8", quant=result)
    writer.operator(
        "DEPTHWISE_CONV_2D", [x, w, b], [y], padding=layer.padding, stride_h=layer.stride, stride_w=layer.stride,
        dilation_h_factor=layer.dilation, dilation_w_factor=layer.dilation, depth_multiplier=layer.multiplier,
        fused_activation_function=layer.activation,
    )  # fmt: skip
    shape = (layer.batch, *layer.size, layer.channels)
    samples = tuple((rng.integers(-128, 128, shape).astype(np.int8),) for _ in range(2))
    return Case(f"depthwise_{number}", writer.finish(inputs=[x], outputs=[y]), samples)


def _equal(
    layers: tuple[Layer, ...], name: str, folder: Path, options: Mapping[str, Any] | None = None
) -> list[Outcome]:
    """Compares all layers on a machine; returns what was found of each."""
    cases = [_case(number, layer) for number, layer in enumerate(layers)]
    outcomes = run_batch(cases, installed(name), folder, options=options)
    wrong = [f"{layers[i]}: {o.status}: {o.detail}" for i, o in enumerate(outcomes) if o.status != "equal"]
    assert not wrong, f"seed {SEED}\n" + "\n".join(wrong)
    assert all(o.compared for o in outcomes)
    return outcomes


@pytest.mark.parametrize("name", parameters("host-sanitized", "mps2-an386", "mps2-an385"))
def test_assembly_and_c_give_the_reference_bytes(name: str, tmp_path: Path) -> None:
    _equal(LAYERS, name, tmp_path)


@pytest.mark.parametrize("name", parameters("host-sanitized", "mps2-an386"))
def test_one_function_for_all_layers_gives_the_reference_bytes(name: str, tmp_path: Path) -> None:
    _equal(FORCED, name, tmp_path, {"optimize": "size"})


@pytest.mark.parametrize("name", parameters("host-sanitized", "mps2-an386"))
@pytest.mark.parametrize(
    ("schedule", "layers"),
    [
        ("rows-3x3", FORCED),
        ("rows-3x3", BLOCKS),
        ("rows-3x3-wide", BLOCKS),
        ("rows-3x3-wider", BLOCKS),
        ("planes-3x3", PLANES),
        ("taps", FORCED),
        ("pixel", FORCED),
        ("row-1d", LINES),
        ("row-1d-2", LINES),
        ("taps", LINES),
    ],
)
def test_every_schedule_gives_the_reference_bytes(
    schedule: str, layers: tuple[Layer, ...], name: str, tmp_path: Path
) -> None:
    outcomes = _equal(layers, name, tmp_path, {"tuned": {ANY_LAYER: schedule}})
    taken = [o.schedules == (schedule,) for o in outcomes]
    assert taken == [layer.channels >= 4 or schedule != "taps" for layer in layers]
