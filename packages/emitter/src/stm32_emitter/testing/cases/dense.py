# SPDX-License-Identifier: Apache-2.0
"""Cases of FULLY_CONNECTED (weights [outputs, inputs])."""

from __future__ import annotations

import numpy as np

from .convolution import bias, output_quant, weights
from .draw import ACTIVATIONS, CHANNELS, Draw


def fully_connected(draw: Draw) -> tuple[list[int], list[int]]:
    """FULLY_CONNECTED: per-channel or per-tensor, bias or none, keep_num_dims, implicit flatten of rank 1..4 inputs."""
    outer, inner = draw.pick((*CHANNELS, 64, 100)), draw.pick((*CHANNELS, 64, 100, 257))
    keep = draw.chance(0.3)
    input_shape = _kept_shape(draw, inner) if keep else _flattened_shape(draw, inner)
    source = draw.quant(2.0**-8, 1.0)
    x = draw.activation("input", input_shape, source)
    w, size, quant = weights(draw, "weights", (outer, inner), 0, per_channel=draw.chance(0.5))
    spread = max(1.0, np.sqrt(inner) * size * 73.0 * draw.steps)
    product = source.scales[0] * float(np.mean(quant.scales)) if source and quant else 1.0
    inputs = draw.pick(([x, w], [x, w, -1]))
    if draw.chance(0.85):
        inputs = [x, w, bias(draw, outer, source, quant, spread)]
    rows = int(np.prod(input_shape)) // inner
    shape = (*input_shape[:-1], outer) if keep else (rows, outer)
    y = draw.activation("output", shape, output_quant(draw, product, spread))
    activation = draw.pick(ACTIVATIONS)
    draw.writer.operator(
        "FULLY_CONNECTED", inputs, [y], keep_num_dims=keep, fused_activation_function=activation,
        **asymmetric(draw),
    )  # fmt: skip
    return [x], [y]


def asymmetric(draw: Draw) -> dict[str, bool]:
    """For hybrid cases, an option: whether the input is quantized with a zero point."""
    return {"asymmetric_quantize_inputs": draw.chance(0.5)} if draw.hybrid else {}


def _kept_shape(draw: Draw, inner: int) -> tuple[int, ...]:
    return (*draw.shape((1, 3), 6, 3), inner)


def _flattened_shape(draw: Draw, inner: int) -> tuple[int, ...]:
    rows = draw.pick((1, 1, 1, 2, 3))
    if draw.chance(0.5):
        return (rows, inner)
    factors = [factor for factor in (2, 3, 4, 5, 8) if inner % factor == 0] or [1]
    factor = draw.pick(factors)
    return draw.pick(((rows, factor, inner // factor), (rows, inner // factor, 1, factor), (rows * inner,)))


GENERATORS = {"FULLY_CONNECTED": fully_connected}
