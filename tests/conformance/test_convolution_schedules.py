# SPDX-License-Identifier: Apache-2.0
"""Every schedule of CONV_2D and FULLY_CONNECTED against the reference interpreter, byte for byte, on random layers.

The layers are drawn so that each schedule is offered for many of them; a schedule is forced on all layers of a batch.
mps2-an386 runs the assembly, the host the C twins.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from stm32_emitter.operators.schedule import ANY_LAYER
from stm32_emitter.testing.tflite_writer import ModelWriter, Quant

from tests.conformance.batch import Array, run_batch
from tests.conformance.machines import installed, parameters

SEED = 20261125
CONVOLUTIONS = (
    "winograd-f43",
    "winograd-f43-column",
    "winograd-f43-column-2",
    "d8-2x4",
    "d8-2x4x4",
    "d8-4x2",
    "general",
)
PRODUCTS = ("d8-8x16", "d8-8x8", "d8-8x4", "d8-8", "general")


@dataclass(frozen=True)
class Case:
    """A model of one layer."""

    name: str
    model: bytes
    inputs: tuple[tuple[Array, ...], ...]
    layer: str


def _quantization(rng: np.random.Generator, count: int) -> tuple[list[float], Array, int, str]:
    """(weight scales, biases, zero point of the output, activation)."""
    scales = [float(scale) for scale in np.exp(rng.uniform(np.log(0.002), np.log(0.02), count))]
    biases = rng.integers(-20000, 20000, count).astype(np.int32)
    relu = bool(rng.integers(2))
    activation = "RELU" if relu else str(rng.choice(["NONE", "RELU6"]))
    return scales, biases, -128 if relu else int(rng.integers(-128, 128)), activation


def _convolution(name: str, rng: np.random.Generator, three_by_three: bool, even: bool = False) -> Case:
    height, width, batch = int(rng.integers(1, 12)), int(rng.integers(1, 20)), int(rng.integers(1, 3))
    height += height % 2 if even else 0
    window = (int(rng.choice([1, 3, 3, 5])), 3) if three_by_three else tuple(int(v) for v in rng.integers(1, 4, 2))
    channels = 16 * int(rng.integers(1, 4)) if three_by_three else int(rng.choice([1, 2, 3, 4, 7, 8, 16, 20, 64]))
    outputs, stride = int(rng.integers(2, 12)), 1 if three_by_three else int(rng.integers(1, 3))
    padding = "SAME" if window[0] > height or window[1] > width else str(rng.choice(["SAME", "VALID"]))
    depth = window[0] * window[1] * channels
    scales, biases, zero_point, activation = _quantization(rng, outputs)
    writer, reach = ModelWriter(), [0 if padding == "SAME" else extent - 1 for extent in window]
    size = [-(-(length - lost) // stride) for length, lost in zip((height, width), reach, strict=True)]
    x = writer.tensor("x", (batch, height, width, channels), "int8", quant=Quant(0.05, int(rng.integers(-128, 128))))
    values = rng.integers(-127, 128, (outputs, *window, channels)).astype(np.int8)
    w = writer.constant("w", values, quant=Quant(scales, 0, 0))
    b = writer.constant("b", biases, quant=Quant([scale * 0.05 for scale in scales], 0, 0))
    y = writer.tensor("y", (batch, *size, outputs), "int8", quant=Quant(0.02 * depth**0.5, zero_point))
    writer.operator(
        "CONV_2D", [x, w, b], [y], padding=padding, stride_h=stride, stride_w=stride,
        fused_activation_function=activation,
    )  # fmt: skip
    sample = rng.integers(-128, 128, (batch, height, width, channels)).astype(np.int8)
    layer = f"{(batch, height, width, channels)} {values.shape} {stride} {padding} {activation} {zero_point}"
    return Case(name, writer.finish(inputs=[x], outputs=[y]), ((sample,),), layer)


def _product(name: str, rng: np.random.Generator) -> Case:
    batch, depth, rows = int(rng.integers(1, 3)), int(rng.integers(1, 300)), int(rng.integers(1, 200))
    per_row = bool(rng.integers(2))
    scales, biases, zero_point, activation = _quantization(rng, rows if per_row else 1)
    writer = ModelWriter()
    x = writer.tensor("x", (batch, depth), "int8", quant=Quant(0.05, int(rng.integers(-128, 128))))
    values = rng.integers(-127, 128, (rows, depth)).astype(np.int8)
    w = writer.constant("w", values, quant=Quant(scales, 0, 0) if per_row else Quant(scales[0], 0))
    small = [scale * 0.05 for scale in scales]
    biases = np.resize(biases, rows)
    b = writer.constant("b", biases, quant=Quant(small, 0, 0) if per_row else Quant(small[0], 0))
    y = writer.tensor("y", (batch, rows), "int8", quant=Quant(0.02 * depth**0.5, zero_point))
    writer.operator("FULLY_CONNECTED", [x, w, b], [y], fused_activation_function=activation)
    sample = rng.integers(-128, 128, (batch, depth)).astype(np.int8)
    layer = f"{(batch, depth)} {values.shape} {per_row} {activation} {zero_point}"
    return Case(name, writer.finish(inputs=[x], outputs=[y]), ((sample,),), layer)


def _check(
    make: Callable[[str, np.random.Generator], Case], schedule: str, name: str, folder: Path, count: int
) -> None:
    cases = [make(f"layer_{number}", np.random.default_rng(SEED + number)) for number in range(count)]
    outcomes = run_batch(cases, installed(name), folder, keep=True, options={"tuned": {ANY_LAYER: schedule}})
    wrong = [f"{c.layer}: {o.status}: {o.detail}" for c, o in zip(cases, outcomes, strict=True) if o.status != "equal"]
    assert not wrong, f"seed {SEED}, {schedule}\n" + "\n".join(wrong)
    sources = "".join(path.read_text("utf-8") for path in folder.glob("*_lib.c"))
    missing = [call for call in _calls(schedule) if not re.search(rf"\b{call}\(", sources)]
    assert not missing, f"seed {SEED}, {schedule} was not taken: no call of {missing}"


def _calls(schedule: str) -> list[str]:
    """Functions, as regular expressions, of which the layers of a schedule call each one: linear and any scaling."""
    if schedule.startswith("winograd"):
        return ["ai_k_winograd_multiply"]
    if schedule.startswith("d8-8"):
        return ["ai_k_dense_d8_s8"]
    return _FORMS.get(schedule, ["ai_k_(conv|dense)_s8"])


_QUADS = ["ai_k_conv_d8_quad_s8", "ai_k_conv_d8_quad_linear_s8"]
_DEEP = ["ai_k_conv_d8_quad_deep_s8", "ai_k_conv_d8_quad_deep_linear_s8"]
_FORMS = {
    "d8-2x4": [*_QUADS, *_DEEP],
    "d8-2x4x4": _QUADS[1:],
    "d8-4x2": ["ai_k_conv_d8(_m4)?_s8", "ai_k_conv_d8_linear(_m4)?_s8"],
}
_MACHINES = parameters("host", "mps2-an386")


@pytest.mark.parametrize("name", _MACHINES)
@pytest.mark.parametrize("schedule", CONVOLUTIONS)
def test_convolutions(name: str, schedule: str, tmp_path: Path) -> None:
    three = schedule.startswith("winograd")
    _check(lambda case, rng: _convolution(case, rng, three, schedule.endswith("-2")), schedule, name, tmp_path, 12)


@pytest.mark.parametrize("name", _MACHINES)
@pytest.mark.parametrize("schedule", PRODUCTS)
def test_matrix_products(name: str, schedule: str, tmp_path: Path) -> None:
    _check(_product, schedule, name, tmp_path, 8)
