# SPDX-License-Identifier: Apache-2.0
"""Cases of operators with a state in variable tensors: SVDF. Input sets are runs one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .draw import ACTIVATIONS

if TYPE_CHECKING:
    from stm32_emitter.testing.tflite_writer import Quant

    from .draw import Draw


def svdf(draw: Draw) -> tuple[list[int], list[int]]:
    """SVDF of rank 1..3 with a memory of 1..9 results, bias or none; the state of a quantized one is int16."""
    batch, depth, units = draw.pick((1, 1, 2, 3)), draw.integer(1, 40), draw.integer(1, 9)
    ranks, memory = draw.integer(1, 3), draw.integer(1, 9)
    filters = units * ranks
    source, kept = draw.quant(2.0**-7, 0.5), None
    wide = "int16" if draw.quantized else draw.dtype
    if draw.quantized:
        kept = draw.affine(draw.log_uniform(0.2, 3.0) * 2.0**-8, 0)
    x = draw.activation("input", (batch, depth), source)
    feature, scale = _weights(draw, "feature", (filters, depth), draw.dtype)
    time, factor = _weights(draw, "time", (filters, memory), wide)
    product = (kept.scales[0] if kept else 1.0) * factor
    bias = -1
    if draw.chance(0.7):
        bias = _bias(draw, units, product)
    state = draw.writer.tensor("state", (batch, filters * memory), wide, quant=kept, is_variable=True)
    spread = product * 2.0**28 * draw.log_uniform(0.05, 3.0)
    quant = draw.affine(spread / 256.0, draw.integer(-128, 127)) if draw.quantized else None
    y = draw.activation("output", (batch, units), quant)
    activation = "RELU" if draw.quantized else draw.pick(ACTIVATIONS)
    draw.writer.operator("SVDF", [x, feature, time, bias, state], [y], rank=ranks, fused_activation_function=activation)
    return [x], [y]


def _weights(draw: Draw, name: str, shape: tuple[int, ...], dtype: str) -> tuple[int, float]:
    """(tensor, its scale); symmetric."""
    if dtype == "float32":
        return draw.writer.constant(name, draw.rng.normal(0.0, 0.3, shape).astype(np.float32)), 1.0
    least = np.iinfo(dtype).min
    data = draw.rng.integers(least, -least, shape).astype(dtype)
    quant: Quant = draw.affine(draw.log_uniform(2.0**-4, 2.0) / -least, 0)
    return draw.writer.constant(name, data, quant=quant), quant.scales[0]


def _bias(draw: Draw, units: int, scale: float) -> int:
    if not draw.quantized:
        return draw.writer.constant("bias", draw.rng.normal(0.0, 1.0, units).astype(np.float32))
    data = draw.rng.integers(-(2**24), 2**24, units).astype(np.int32)
    return draw.writer.constant("bias", data, quant=draw.affine(scale, 0))


GENERATORS = {"SVDF": svdf}
