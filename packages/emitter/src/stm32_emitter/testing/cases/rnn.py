# SPDX-License-Identifier: Apache-2.0
"""Cases of RNN, UNIDIRECTIONAL_SEQUENCE_RNN and BIDIRECTIONAL_SEQUENCE_RNN; input sets are runs one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .dense import asymmetric

if TYPE_CHECKING:
    from .draw import Draw

Wiring = tuple[list[int], list[int]]
_ACTIVATIONS = ("TANH", "TANH", "RELU", "RELU6", "RELU_N1_TO_1")


def _layer(draw: Draw, name: str, depth: int, units: int, batch: int) -> list[int]:
    """Weights, recurrent weights, bias and h; h cannot grow without limit."""
    made = [
        weights(draw, f"{name}_weights", (units, depth), 0.5 / np.sqrt(depth)),
        weights(draw, f"{name}_recurrent", (units, units), 0.3 / np.sqrt(units)),
        draw.writer.constant(f"{name}_bias", draw.rng.normal(0.0, 0.5, units).astype(np.float32)),
    ]
    return [*made, draw.writer.tensor(f"{name}_h", (batch, units), "float32", is_variable=True)]


def weights(draw: Draw, name: str, shape: tuple[int, ...], spread: float) -> int:
    """Constant weights with this deviation, float32 or int8; -128 times a negative number is wrong in the reference."""
    if not draw.hybrid:
        return draw.writer.constant(name, draw.rng.normal(0.0, spread, shape).astype(np.float32))
    data = draw.rng.integers(-127, 128, shape).astype(np.int8)
    return draw.writer.constant(name, data, quant=draw.affine(float(spread / 73.0), 0))


def rnn(draw: Draw) -> Wiring:
    """One step."""
    batch, depth, units = draw.pick((1, 1, 2, 3)), draw.integer(1, 20), draw.integer(1, 12)
    x, y = draw.activation("input", (batch, depth), None), draw.activation("output", (batch, units), None)
    tensors = [x, *_layer(draw, "layer", depth, units, batch)]
    draw.writer.operator(
        "RNN", tensors, [y], fused_activation_function=draw.pick(_ACTIVATIONS), **asymmetric(draw),
    )  # fmt: skip
    return [x], [y]


def sequence_rnn(draw: Draw) -> Wiring:
    """Several steps, batch or time major."""
    batch, steps, units = draw.pick((1, 1, 2, 3)), draw.integer(1, 6), draw.integer(1, 12)
    depth, time_major = draw.integer(1, 20), draw.chance(0.4)
    outer = (steps, batch) if time_major else (batch, steps)
    x, y = draw.activation("input", (*outer, depth), None), draw.activation("output", (*outer, units), None)
    tensors = [x, *_layer(draw, "layer", depth, units, batch)]
    draw.writer.operator(
        "UNIDIRECTIONAL_SEQUENCE_RNN",
        tensors,
        [y],
        fused_activation_function=draw.pick(_ACTIVATIONS),
        time_major=time_major,
        **asymmetric(draw),
    )
    return [x], [y]


def bidirectional_rnn(draw: Draw) -> Wiring:
    """Both directions, merged or not."""
    batch, steps, depth = draw.pick((1, 1, 2, 3)), draw.integer(1, 6), draw.integer(1, 20)
    sizes, time_major, merged = [draw.integer(1, 12) for _ in range(2)], draw.chance(0.4), draw.chance(0.5)
    time_major &= not draw.hybrid  # the reference would compute the sequence several times
    outer = (steps, batch) if time_major else (batch, steps)
    x = draw.activation("input", (*outer, depth), None)
    layers = [_layer(draw, name, depth, n, batch) for name, n in zip(("forward", "backward"), sizes, strict=True)]
    widths = [sum(sizes)] if merged else sizes
    outputs = [draw.activation(f"output_{i}", (*outer, width), None) for i, width in enumerate(widths)]
    draw.writer.operator(
        "BIDIRECTIONAL_SEQUENCE_RNN",
        [x, *layers[0], *layers[1], -1, -1, -1],
        outputs,
        fused_activation_function=draw.pick(_ACTIVATIONS),
        time_major=time_major,
        merge_outputs=merged,
        **asymmetric(draw),
    )
    return [x], outputs


GENERATORS = {
    "BIDIRECTIONAL_SEQUENCE_RNN": bidirectional_rnn,
    "RNN": rnn,
    "UNIDIRECTIONAL_SEQUENCE_RNN": sequence_rnn,
}
