# SPDX-License-Identifier: Apache-2.0
"""Random chains of float32 layers, whose results lie over their inputs where the footprints allow it.

Models of one operator do not show that: their input and output never share memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stm32_emitter import compile_model
from stm32_emitter.testing.tflite_writer import ModelWriter

from tests.conformance.batch import Array, run_batch
from tests.conformance.machines import installed, parameters

SEED = 20260827
CHAINS = 8
Shape = tuple[int, int, int]
"""Height, width, channels."""


@dataclass(frozen=True)
class Chain:
    """A model and its inputs."""

    name: str
    model: bytes
    inputs: tuple[tuple[Array, ...], ...]


class _Draw:
    """Layers one behind the other."""

    def __init__(self, seed: int) -> None:
        self.rng, self.writer = np.random.default_rng(seed), ModelWriter()
        self.shape: Shape = (self.one_of(range(3, 12)), self.one_of(range(3, 12)), self.one_of(range(1, 10)))
        self.source = self.value = self.tensor(self.shape)

    def one_of(self, values: Any) -> Any:
        return values[int(self.rng.integers(len(values)))]

    def tensor(self, shape: Shape) -> int:
        return self.writer.tensor(f"t{self.rng.integers(1 << 40)}", (1, *shape), "float32")

    def constant(self, *shape: int) -> int:
        values = self.rng.normal(scale=1 / np.sqrt(np.prod(shape[1:]) or 1), size=shape).astype(np.float32)
        return self.writer.constant(f"c{self.rng.integers(1 << 40)}", values)

    def window(self) -> tuple[tuple[int, int], dict[str, Any], tuple[int, int]]:
        """(window, options, height and width of the result)."""
        height, width, _ = self.shape
        window = (self.one_of(range(1, min(4, height + 1))), self.one_of(range(1, min(4, width + 1))))
        stride, padding = self.one_of((1, 1, 2)), self.one_of(("SAME", "VALID"))
        lost = [0 if padding == "SAME" else extent - 1 for extent in window]
        size = (-(-(height - lost[0]) // stride), -(-(width - lost[1]) // stride))
        return window, {"stride_h": stride, "stride_w": stride, "padding": padding}, size

    def layer(self) -> None:
        kind = self.one_of(("CONV_2D", "CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D", "AVERAGE_POOL_2D", "HARD_SWISH"))
        channels, inputs = self.shape[2], [self.value]
        if kind == "HARD_SWISH":
            self.emit(kind, inputs, self.shape, {})
            return
        window, options, size = self.window()
        if kind == "CONV_2D":
            channels = self.one_of(range(1, 14))
            inputs += [self.constant(channels, *window, self.shape[2]), self.constant(channels)]
        elif kind == "DEPTHWISE_CONV_2D":
            options["depth_multiplier"] = multiplier = self.one_of((1, 1, 2))
            channels *= multiplier
            inputs += [self.constant(1, *window, channels), self.constant(channels)]
        else:
            options |= {"filter_height": window[0], "filter_width": window[1]}
        options["fused_activation_function"] = self.one_of(("NONE", "RELU", "RELU6"))
        self.emit(kind, inputs, (*size, channels), options)

    def emit(self, kind: str, inputs: list[int], shape: Shape, options: dict[str, Any]) -> None:
        self.value, self.shape = self.tensor(shape), shape
        self.writer.operator(kind, inputs, [self.value], **options)


def chain(number: int) -> Chain:
    draw = _Draw(SEED + number)
    source = draw.shape
    for _ in range(6):
        draw.layer()
    shape = (1, *source)
    samples = tuple((draw.rng.normal(size=shape).astype(np.float32),) for _ in range(2))
    return Chain(f"chain_{number}", draw.writer.finish([draw.source], [draw.value]), samples)


@pytest.mark.parametrize("name", parameters("host-sanitized", "mps2-an386", "mps2-an385"))
def test_chains_equal_the_reference(name: str, tmp_path: Path) -> None:
    outcomes = run_batch([chain(number) for number in range(CHAINS)], installed(name), tmp_path)
    wrong = [f"{o.name}: {o.status}: {o.detail}" for o in outcomes if o.status != "equal"]
    assert not wrong, f"seed {SEED}\n" + "\n".join(wrong)


def test_results_lie_over_inputs() -> None:
    """In most chains some buffers that live at the same time share bytes."""
    shared = 0
    for number in range(CHAINS):
        model = compile_model(chain(number).model, name="chain")
        live = [sum(b.bytes for b in model.program.buffers if b.first <= n <= b.last) for n in range(len(model.nodes))]
        shared += model.planned_bytes < max(live)
    assert shared >= CHAINS // 2
