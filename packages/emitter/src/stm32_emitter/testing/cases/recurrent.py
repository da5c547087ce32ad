# SPDX-License-Identifier: Apache-2.0
"""Cases of operators with a state in variable tensors: SVDF, LSTM. Input sets are runs one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stm32_emitter.testing.tflite_writer import Quant

from .dense import asymmetric
from .draw import ACTIVATIONS
from .rnn import weights

if TYPE_CHECKING:
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
    feature, _ = _weights(draw, "feature", (filters, depth), draw.weights or draw.dtype)
    time, factor = _weights(draw, "time", (filters, memory), draw.weights or wide)
    product = (kept.scales[0] if kept else 1.0) * factor
    bias = _bias(draw, units, product, 2**24) if draw.chance(0.7) else -1
    state = draw.writer.tensor("state", (batch, filters * memory), wide, quant=kept, is_variable=True)
    spread = product * 2.0**28 * draw.log_uniform(0.05, 3.0)
    quant = draw.affine(spread / 256.0, draw.integer(-128, 127)) if draw.quantized else None
    y = draw.activation("output", (batch, units), quant)
    activation = "RELU" if draw.quantized else draw.pick(ACTIVATIONS)
    draw.writer.operator(
        "SVDF", [x, feature, time, bias, state], [y], rank=ranks, fused_activation_function=activation,
        **asymmetric(draw),
    )  # fmt: skip
    return [x], [y]


def _weights(draw: Draw, name: str, shape: tuple[int, ...], dtype: str) -> tuple[int, float]:
    """(tensor, its scale); symmetric."""
    if dtype == "float32":
        return draw.writer.constant(name, draw.rng.normal(0.0, 0.3, shape).astype(np.float32)), 1.0
    least = np.iinfo(dtype).min
    data = draw.rng.integers(least, -least, shape).astype(dtype)
    if draw.hybrid:
        data = np.maximum(data, 1 + least).astype(dtype)  # the reference's vector code gets -128 * negative wrong
    quant = draw.affine(draw.log_uniform(2.0**-4, 2.0) / -least, 0)
    return draw.writer.constant(name, data, quant=quant), quant.scales[0]


def _bias(draw: Draw, units: int, scale: float, largest: int) -> int:
    if not draw.quantized:
        return draw.writer.constant("bias", draw.rng.normal(0.0, 1.0, units).astype(np.float32))
    data = draw.rng.integers(-largest, largest, units).astype(np.int32)
    return draw.writer.constant("bias", data, quant=draw.affine(scale, 0))


def unidirectional_sequence_lstm(draw: Draw) -> tuple[list[int], list[int]]:
    """An LSTM, batch or time major, cell clipped or not, some with i = 1 - f; gates from nearly linear to saturated.

    Half of them have peepholes, layer normalisation or a projection.
    """
    batch, steps, depth, cells = draw.pick((1, 1, 2, 3)), draw.integer(1, 6), draw.integer(1, 24), draw.integer(1, 16)
    time_major = draw.chance(0.4)
    outer = (steps, batch) if time_major else (batch, steps)
    source = draw.quant(2.0**-7, 2.0**-4)
    hidden = draw.affine(draw.log_uniform(0.5, 2.0) / 128.0, draw.integer(-30, 30)) if draw.quantized else None
    parts = _Parts(draw, cells)
    outputs, result = parts.outputs, parts.result or hidden
    x = draw.activation("input", (*outer, depth), source)
    over_x = [_gate(draw, f"x{i}", (cells, depth), source) for i in range(4)]
    over_h = [_gate(draw, f"h{i}", (cells, outputs), result) for i in range(4)]
    bias = [_bias(draw, cells, 2.0**-12, 2**24 if parts.normalized else 2**13) for _ in range(4)]
    peepholes, projection, norms = parts.tensors()
    if draw.chance(0.25):
        over_x[0] = over_h[0] = bias[0] = peepholes[0] = norms[0] = -1
    states = _states(draw, (batch, outputs), (batch, cells), result)
    y = draw.activation("output", (*outer, outputs), result)
    tensors = [x, *over_x, *over_h, *peepholes, *bias, *projection, *states, *norms]
    draw.writer.operator(
        "UNIDIRECTIONAL_SEQUENCE_LSTM", tensors, [y], fused_activation_function="TANH",
        cell_clip=draw.pick((0.0, 0.5, 10.0)), proj_clip=draw.pick((0.0, 0.4)) if parts.projecting else 0.0,
        time_major=time_major, **asymmetric(draw),
    )  # fmt: skip
    if draw.quantized:
        draw.writer.intermediates([*parts.intermediates(), draw.writer.tensor("hidden", (0,), "int8", quant=hidden)])
    return [x], [y]


class _Parts:
    """What an LSTM has beyond its gates: peepholes, layer normalisation, a projection, or nothing."""

    def __init__(self, draw: Draw, cells: int) -> None:
        self.draw, self.cells = draw, cells
        some = [draw.chance(0.5) for _ in range(3)] if draw.chance(0.6) else [False] * 3
        self.peeping, self.normalized, self.projecting = some
        free = self.projecting and not (self.peeping and draw.quantized)  # the reference mixes cells up else
        self.outputs = draw.integer(1, 16) if free else cells
        self.result: Quant | None = None
        if self.projecting and draw.quantized:
            self.result = draw.affine(draw.log_uniform(0.5, 2.0) / 128.0, draw.integer(-30, 30))

    def tensors(self) -> tuple[list[int], list[int], list[int]]:
        """Peepholes, projection and its bias, norms; -1 where there is none."""
        draw, cells = self.draw, self.cells
        wide = "int16" if draw.quantized else draw.dtype
        peepholes, projection, norms = [-1] * 3, [-1] * 2, [-1] * 4
        if self.peeping:
            peepholes = [_weights(draw, f"peephole{i}", (cells,), draw.weights or wide)[0] for i in range(3)]
        if self.normalized:
            norms = [_weights(draw, f"norm{i}", (cells,), wide)[0] for i in range(4)]
        if self.projecting:
            matrix, scale = _weights(draw, "projection", (self.outputs, cells), draw.weights or draw.dtype)
            projection = [matrix, _bias(draw, self.outputs, scale, 2**12) if draw.chance(0.5) else -1]
        return peepholes, projection, norms

    def intermediates(self) -> list[int]:
        """The tensors that hold the scales of the four gates."""
        draw = self.draw
        scales = [Quant(draw.log_uniform(2.0**-14, 2.0**-11)) if self.normalized else None for _ in range(4)]
        return [draw.writer.tensor(f"inside{i}", (0,), "int16", quant=scale) for i, scale in enumerate(scales)]


def _states(draw: Draw, h_shape: tuple[int, int], c_shape: tuple[int, int], hidden: Quant | None) -> list[int]:
    """h and c."""
    wide = "int16" if draw.quantized else draw.dtype
    cell = Quant(2.0 ** draw.integer(-15, -9)) if draw.quantized else None
    h = draw.writer.tensor("h", h_shape, draw.dtype, quant=hidden, is_variable=True)
    return [h, draw.writer.tensor("c", c_shape, wide, quant=cell, is_variable=True)]


def _gate(draw: Draw, name: str, shape: tuple[int, int], source: Quant | None) -> int:
    """Weights with which the sums over ``source`` are of the order of 1."""
    spread = draw.log_uniform(0.2, 4.0) / np.sqrt(shape[1])
    if source is None:
        return weights(draw, name, shape, spread / 3)
    data = draw.rng.integers(-127, 128, shape).astype(np.int8)
    scale = spread / (source.scales[0] * 73.0 * 73.0)
    return draw.writer.constant(name, data, quant=draw.affine(float(scale), 0))


def bidirectional_sequence_lstm(draw: Draw) -> tuple[list[int], list[int]]:
    """Both directions, merged or not; peepholes and coupled gates now and then."""
    batch, steps, depth, cells = draw.pick((1, 1, 2)), draw.integer(1, 5), draw.integer(1, 16), draw.integer(1, 10)
    time_major = draw.chance(0.4)
    merged = draw.chance(0.5) and (time_major or batch == 1)  # else the reference reads what nobody has written
    outer = (steps, batch) if time_major else (batch, steps)
    x = draw.activation("input", (*outer, depth), None)
    tensors, states, peeping, coupled = [x], [], draw.chance(0.4), draw.chance(0.25)
    for _ in range(2):
        over_x = [_gate(draw, f"x{i}", (cells, depth), None) for i in range(4)]
        over_h = [_gate(draw, f"h{i}", (cells, cells), None) for i in range(4)]
        peepholes = [
            _weights(draw, f"peephole{i}", (cells,), draw.weights or "float32")[0] if peeping else -1 for i in range(3)
        ]
        bias = [_bias(draw, cells, 1.0, 1) for _ in range(4)]
        if coupled:
            over_x[0] = over_h[0] = bias[0] = peepholes[0] = -1
        tensors += [*over_x, *over_h, *peepholes, *bias, -1, -1]
        states += _states(draw, (batch, cells), (batch, cells), None)
    widths = [2 * cells] if merged else [cells, cells]
    outputs = [draw.activation(f"output_{i}", (*outer, width), None) for i, width in enumerate(widths)]
    draw.writer.operator(
        "BIDIRECTIONAL_SEQUENCE_LSTM", [*tensors, *states, *[-1] * 9], outputs, fused_activation_function="TANH",
        cell_clip=draw.pick((0.0, 0.5, 10.0)), time_major=time_major, merge_outputs=merged,
        **asymmetric(draw),
    )  # fmt: skip
    return [x], outputs


GENERATORS = {
    "BIDIRECTIONAL_SEQUENCE_LSTM": bidirectional_sequence_lstm,
    "SVDF": svdf,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": unidirectional_sequence_lstm,
}
