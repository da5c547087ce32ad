# SPDX-License-Identifier: Apache-2.0
"""Cases of FULLY_CONNECTED (weights [outputs, inputs]) and BATCH_MATMUL."""

from __future__ import annotations

import numpy as np

from .convolution import bias, output_quant, weights
from .draw import ACTIVATIONS, CHANNELS, Draw, values


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


def batch_matmul(draw: Draw) -> tuple[list[int], list[int]]:
    """BATCH_MATMUL: adj_x and adj_y, leading axes that broadcast, the right side given or constant."""
    rows, depth, columns = (draw.pick((*CHANNELS[:12], 32)) for _ in range(3))
    target = draw.shape((0, 3), 8, 4)
    left, right = (
        [1 if draw.chance(0.2) else dim for dim in target][draw.integer(0, 1) * draw.integer(0, 1) :] for _ in range(2)
    )
    target = tuple(np.broadcast_shapes(tuple(left), tuple(right)))
    first, second = draw.quant(2.0**-8, 1.0), draw.quant(2.0**-8, 1.0)
    adj_x, adj_y = draw.chance(0.3), draw.chance(0.4)
    x = draw.activation("left", (*left, *((depth, rows) if adj_x else (rows, depth))), first)
    shape = (*right, *((columns, depth) if adj_y else (depth, columns)))
    fixed = bool(draw.weights) or draw.chance(0.4)
    if draw.weights:
        z, _, _ = weights(draw, "right", shape, len(shape) - (2 if adj_y else 1), per_channel=draw.chance(0.5))
    else:
        dtype = "int8" if draw.dtype == "int16" and draw.chance(0.4) else draw.dtype  # the reference takes both
        data = values(draw.rng, shape, dtype, "uniform") if fixed else None
        z = draw.writer.tensor("right", shape, dtype, quant=second, data=data)
    narrow = draw.dtype == "int16" and draw.writer.tensors[z].dtype == "int8"
    product = first.scales[0] * second.scales[0] if first and second else 1.0
    spread = max(1.0, np.sqrt(depth) * 73.0 * 73.0 * draw.steps * (1.0 if narrow else draw.steps))
    y = draw.activation("output", (*target, rows, columns), output_quant(draw, product, spread))
    offset = draw.hybrid and draw.chance(0.5) and (len(right) < 3 or right[-3] == 1)
    draw.writer.operator("BATCH_MATMUL", [x, z], [y], adj_x=adj_x, adj_y=adj_y, asymmetric_quantize_inputs=offset)
    return [x] if fixed else [x, z], [y]


GENERATORS = {"BATCH_MATMUL": batch_matmul, "FULLY_CONNECTED": fully_connected}
