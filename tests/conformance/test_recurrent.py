# SPDX-License-Identifier: Apache-2.0
"""SVDF with a state of int8, which the reference interpreter does not have, against its definition in numpy."""

from __future__ import annotations

import numpy as np
import pytest
from stm32_emitter.operators.fixed_point import quantize_multiplier
from stm32_emitter.operators.gemmlowp import requantize
from stm32_emitter.testing.tflite_writer import ModelWriter, Quant

from tests.conformance.batch import Stored, run_batch
from tests.conformance.toolchain import MACHINES

RUNS = 12


class Layer:
    """A random layer of B x I inputs, U units of R filters, which keep M results each."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.batch, self.depth, self.units, self.ranks, self.memory = (
            int(n) for n in self.rng.integers(1, [3, 30, 9, 4, 9])
        )
        self.x, self.state, self.y = (self.quant(low, high) for low, high in ((0.01, 0.1), (0.3, 1.0), (0.1, 0.5)))
        filters = self.units * self.ranks
        self.feature, self.time = (self.weights(filters, columns) for columns in (self.depth, self.memory))
        self.factors = [float(np.float32(f)) for f in self.rng.uniform(0.005, 0.02, 2)]
        self.bias = self.rng.integers(-3000, 3000, self.units).astype(np.int32)
        self.inputs = [self.values(self.batch, self.depth) for _ in range(RUNS)]

    def quant(self, low: float, high: float) -> Quant:
        return Quant(float(np.float32(self.rng.uniform(low, high))), int(self.rng.integers(-60, 60)))

    def weights(self, *shape: int) -> np.ndarray:
        return self.rng.integers(-127, 128, shape).astype(np.int8)

    def values(self, *shape: int) -> np.ndarray:
        return self.rng.integers(-128, 128, shape).astype(np.int8)

    def model(self) -> bytes:
        w, filters = ModelWriter(), len(self.feature)
        x = w.tensor("x", (self.batch, self.depth), "int8", quant=self.x)
        state = w.tensor("state", (self.batch, filters * self.memory), "int8", quant=self.state, is_variable=True)
        y = w.tensor("y", (self.batch, self.units), "int8", quant=self.y)
        feature, time = (
            w.constant(name, data, quant=Quant(factor))
            for name, data, factor in zip(("feature", "time"), (self.feature, self.time), self.factors, strict=True)
        )
        bias = w.constant("bias", self.bias)
        w.operator("SVDF", [x, feature, time, bias, state], [y], rank=self.ranks, fused_activation_function="RELU")
        return w.finish([x], [y])

    def outputs(self) -> list[np.ndarray]:
        """One after the other, from a state of zeros (its zero point)."""
        centre, found = self.state.zero_point, []
        state = np.full((self.batch, len(self.feature), self.memory), centre, np.int64)
        first = self.scale(self.x, self.factors[0], self.state)
        second = self.scale(self.state, self.factors[1], self.y)
        for values in self.inputs:
            sums = (values.astype(np.int64) - self.x.zero_point) @ self.feature.T.astype(np.int64)
            newest = np.clip(requantize(sums, *first) + centre, -128, 127)
            state = np.concatenate([state[:, :, 1:], newest[:, :, None]], axis=2)
            products = (state - centre) * self.time
            total = products.reshape(self.batch, self.units, -1).sum(axis=2) + self.bias
            result = requantize(total, *second) + self.y.zero_point
            found.append(np.clip(result, -128, 127).astype(np.int8))
        return found

    def scale(self, source: Quant, factor: float, result: Quant) -> tuple[int, int]:
        return quantize_multiplier(source.scales[0] * factor / result.scales[0])


def stored(seed: int) -> Stored:
    layer = Layer(seed)
    sets = tuple((values,) for values in layer.inputs)
    return Stored(f"svdf_{seed}", layer.model(), sets, tuple((y,) for y in layer.outputs()))


@pytest.mark.parametrize("machine", ["host", "host-sanitized"])
def test_a_state_of_int8_follows_its_definition(machine, tmp_path) -> None:
    cases = [stored(seed) for seed in range(6)]
    outcomes = run_batch(cases, MACHINES[machine], tmp_path)
    assert [o for o in outcomes if o.status != "equal"] == []
    assert len(np.unique(np.concatenate([y.ravel() for case in cases for (y,) in case.expected]))) > 100
