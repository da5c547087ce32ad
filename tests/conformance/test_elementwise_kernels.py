# SPDX-License-Identifier: Apache-2.0
"""The micro-kernels of element-wise operators: assembly and its C twin against the reference interpreter.

The shapes cover what the kernels tell apart: rows of every length around the groups of four, operands that a row
repeats, constants, rows that start at any address; the scales every number of fractional bits and the operators for
which no linear form exists. mps2-an386 runs the assembly; mps2-an385 (Cortex-M3) and the host run the C twin.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from stm32_emitter.testing.tflite_writer import ModelWriter, Quant

from tests.conformance.batch import Array, run_batch
from tests.conformance.machines import installed, parameters

SEED = 20260901
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layer:
    """One operator on two operands; a constant one is named by its place."""

    kind: str
    left: Shape
    right: Shape
    scales: tuple[float, float, float] = (0.5, 0.31, 0.6)
    activation: str = "NONE"
    zero_points: tuple[int, int, int] = (-3, 17, 5)
    constant: str = ""


COARSE, FINE, TIES = (1.7, 0.9, 0.31), (0.011, 0.013, 0.05), (0.75, 0.5, 1.0)
LAYERS = (
    *(Layer("ADD", (1, 3, count), (1, 3, count)) for count in (1, 2, 3, 4, 5, 7, 8, 13)),
    *(Layer(kind, (5, 7, 9), (5, 7, 9), scales) for kind in ("ADD", "SUB") for scales in (COARSE, FINE, TIES)),
    *(Layer("ADD", (4, 3, 11), (1, 1, 11), activation=activation) for activation in ("RELU", "RELU6")),
    *(Layer("SUB", (4, 3, 11), (4, 3, 1), scales) for scales in (COARSE, FINE)),
    *(Layer("SUB", (2, 1), (2, 6), scales) for scales in (COARSE, FINE)),
    *(Layer("MUL", (1, 3, count), (1, 3, count), (0.1, 0.2, 0.4)) for count in (1, 2, 3, 4, 5, 7, 13)),
    *(Layer("MUL", (5, 7, 9), (9,), (0.1, 0.2, scale), "RELU") for scale in (0.001, 0.05, 0.3, 40.0)),
    *(Layer("MUL", (5, 7, 9), (5, 7, 9), (0.1, 0.2, 0.5), zero_points=(zero, zero, -128)) for zero in (-128, 127)),
    *(Layer("MUL", (4, 3), (4, 1), constant=constant) for constant in ("", "right")),
    *(Layer("MUL", (6, 6), (), (0.1, 0.2, scale), constant="right") for scale in (0.02, 0.1, 1.0)),
    Layer("MUL", (3, 11), (11,), (0.1, 0.2, 0.1), constant="right"),
    Layer("ADD", (6, 6), (), constant="right"),
    Layer("SUB", (4, 6), (6,), constant="left"),
    Layer("ADD", (40,), (3, 40), COARSE, "RELU", (-128, -128, -128)),
)


@dataclass(frozen=True)
class Case:
    """A model of one layer."""

    name: str
    model: bytes
    inputs: tuple[tuple[Array, ...], ...]


def _values(rng: np.random.Generator, shape: Shape) -> Array:
    return rng.integers(-128, 128, shape).astype(np.int8)


def _case(number: int, layer: Layer) -> Case:
    rng = np.random.default_rng(SEED + number)
    writer = ModelWriter()
    quants = [Quant(scale, zero) for scale, zero in zip(layer.scales, layer.zero_points, strict=True)]
    operands, inputs = [], []
    for name, shape, quant in zip(("left", "right"), (layer.left, layer.right), quants, strict=False):
        if name == layer.constant:
            operands.append(writer.constant(name, _values(rng, shape), quant=quant))
        else:
            operands.append(writer.tensor(name, shape, "int8", quant=quant))
            inputs.append((operands[-1], shape))
    y = writer.tensor("y", np.broadcast_shapes(layer.left, layer.right), "int8", quant=quants[2])
    writer.operator(layer.kind, operands, [y], fused_activation_function=layer.activation)
    samples = tuple(tuple(_values(rng, shape) for _, shape in inputs) for _ in range(4))
    model = writer.finish(inputs=[tensor for tensor, _ in inputs], outputs=[y])
    return Case(f"{layer.kind.lower()}_{number}", model, samples)


@pytest.mark.parametrize("name", parameters("host-sanitized", "mps2-an386", "mps2-an385"))
def test_assembly_and_c_give_the_reference_bytes(name: str, tmp_path: Path) -> None:
    outcomes = run_batch([_case(number, layer) for number, layer in enumerate(LAYERS)], installed(name), tmp_path)
    wrong = [f"{LAYERS[i]}: {o.status}: {o.detail}" for i, o in enumerate(outcomes) if o.status != "equal"]
    assert not wrong, f"seed {SEED}\n" + "\n".join(wrong)
    assert all(o.compared for o in outcomes)
