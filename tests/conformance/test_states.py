# SPDX-License-Identifier: Apache-2.0
"""Models that keep variables from one run to the next: sequences of runs against the reference interpreter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from stm32_emitter import compile_model
from stm32_emitter.testing.tflite_writer import ModelWriter, Quant

from tests.conformance.batch import run_batch
from tests.conformance.toolchain import MACHINES

Q = Quant(0.05, -3)
STEPS = 12


@dataclass(frozen=True)
class Case:
    """What a batch is made of."""

    name: str
    model: bytes
    inputs: tuple[tuple[np.ndarray, ...], ...]


class Graph:
    """A model on int8 [1, 1, 1, width] with one quantization."""

    def __init__(self, width: int) -> None:
        self.w, self.width = ModelWriter(), width
        self.x = self.tensor("x")

    def tensor(self, name, shape=None):
        return self.w.tensor(name, shape or (1, 1, 1, self.width), "int8", quant=Q)

    def variable(self, name, rng, steps=1):
        initial = rng.integers(-128, 128, (1, steps, 1, self.width)).astype(np.int8)
        return self.w.variable(name, initial, quant=Q)

    def read(self, handle, name, steps=1):
        value = self.tensor(name, (1, steps, 1, self.width))
        self.w.operator("READ_VARIABLE", [handle], [value])
        return value

    def assign(self, handle, value):
        self.w.operator("ASSIGN_VARIABLE", [handle, value], [])

    def add(self, a, b, name):
        y = self.tensor(name)
        self.w.operator("ADD", [a, b], [y], fused_activation_function="NONE")
        return y


def accumulate(g, rng):
    """y = x + s; s = y: the result is an output, too."""
    s = g.variable("sum", rng)
    y = g.add(g.x, g.read(s, "before"), "y")
    g.assign(s, y)
    return [y]


def delay(g, rng):
    """y = s; s = x: the state is what is given, the output what was."""
    s = g.variable("last", rng)
    y = g.read(s, "before")
    g.assign(s, g.x)
    return [y]


def swap(g, rng):
    """a, b = b, a; y = x + a (as it was)."""
    a, b = g.variable("a", rng), g.variable("b", rng)
    before_a, before_b = g.read(a, "before a"), g.read(b, "before b")
    g.assign(a, before_b)
    g.assign(b, before_a)
    return [g.add(g.x, before_a, "y")]


def read_late(g, rng):
    """The state changes before its old value is used for the last time; a later read sees the new one."""
    s = g.variable("s", rng)
    before = g.read(s, "before")
    after = g.add(g.x, before, "after")
    g.assign(s, after)
    again = g.read(s, "again")
    return [g.add(before, again, "y")]


def constant(g, rng):
    """A variable that nobody assigns."""
    return [g.add(g.x, g.read(g.variable("s", rng), "before"), "y")]


def stream(g, rng):
    """The last steps of the input, as streaming convolutions keep them."""
    steps = int(rng.integers(2, 6))
    s = g.variable("ring", rng, steps)
    joined, kept = (g.tensor(name, (1, n, 1, g.width)) for name, n in (("joined", steps + 1), ("kept", steps)))
    g.w.operator("CONCATENATION", [g.read(s, "before", steps), g.x], [joined], axis=1, fused_activation_function="NONE")
    bounds = [np.array(v, np.int32) for v in ((0, 1, 0, 0), (1, steps + 1, 1, g.width), (1, 1, 1, 1))]
    indices = [g.w.constant(name, v) for name, v in zip(("begin", "end", "strides"), bounds, strict=True)]
    g.w.operator("STRIDED_SLICE", [joined, *indices], [kept])
    g.assign(s, kept)
    weights = rng.integers(-127, 128, (1, steps + 1, 1, g.width)).astype(np.int8)
    kernel = g.w.constant("w", weights, quant=Quant([0.01] * g.width, [0] * g.width, 3))
    bias = g.w.constant("b", np.zeros(g.width, np.int32), quant=Quant([0.0005] * g.width, [0] * g.width))
    y = g.tensor("y")
    ones = dict.fromkeys(("stride_w", "stride_h", "dilation_w_factor", "dilation_h_factor", "depth_multiplier"), 1)
    options = {"padding": "VALID", "fused_activation_function": "NONE", **ones}
    g.w.operator("DEPTHWISE_CONV_2D", [joined, kernel, bias], [y], **options)
    return [y]


MODELS = (accumulate, delay, swap, read_late, constant, stream)


def case(build, seed: int) -> Case:
    rng = np.random.default_rng(seed)
    g = Graph(int(rng.integers(1, 9)))
    outputs = build(g, rng)
    inputs = tuple((rng.integers(-128, 128, (1, 1, 1, g.width)).astype(np.int8),) for _ in range(STEPS))
    return Case(f"{build.__name__}_{seed}", g.w.finish([g.x], outputs), inputs)


def test_sequences_equal_the_reference(tmp_path) -> None:
    cases = [case(build, seed) for build in MODELS for seed in range(4)]
    outcomes = run_batch(cases, MACHINES["host"], tmp_path)
    assert [o for o in outcomes if o.status != "equal"] == []
    assert all(o.compared > 0 for o in outcomes)


@pytest.mark.parametrize(("build", "copies"), [(stream, 0), (accumulate, 1), (swap, 3), (read_late, 1)])
def test_a_state_is_copied_only_where_its_old_value_is_needed(build, copies) -> None:
    program = compile_model(case(build, 0).model).program
    assert [program.kernels[node.kernel].kind for node in program.nodes].count("copy") == copies


def test_a_state_lives_always() -> None:
    program = compile_model(case(stream, 1).model).program
    (state,) = program.states
    buffer = program.buffers[state.buffer]
    assert (buffer.first, buffer.last) == (0, len(program.nodes) - 1)
