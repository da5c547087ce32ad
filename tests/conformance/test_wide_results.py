# SPDX-License-Identifier: Apache-2.0
"""SOFTMAX of int8 to int16 and QUANTIZE of int16 to int32, as keyword models end, against the reference interpreter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from stm32_emitter import ModelRefused, compile_model
from stm32_emitter.testing.tflite_writer import ModelWriter, Quant

from tests.conformance.batch import run_batch
from tests.conformance.toolchain import MACHINES

CASES = 5


@dataclass(frozen=True)
class Case:
    """What a batch is made of."""

    name: str
    model: bytes
    inputs: tuple[tuple[np.ndarray, ...], ...]


def case(op: str, seed: int, dtype: str, result: str, quants: tuple[Quant, Quant], **options: float) -> Case:
    rng = np.random.default_rng([seed, len(op)])
    shape = tuple(int(n) for n in rng.integers(1, 12, 2))
    w = ModelWriter()
    x, y = (w.tensor(n, shape, t, quant=q) for n, t, q in zip("xy", (dtype, result), quants, strict=True))
    w.operator(op, [x], [y], **options)
    info = np.iinfo(dtype)
    sets = tuple((rng.integers(info.min, info.max + 1, shape).astype(dtype),) for _ in range(4))
    return Case(f"{op.lower()}_{dtype}_{result}_{seed}", w.finish([x], [y]), sets)


def softmax(seed: int) -> Case:
    rng = np.random.default_rng(seed)
    source = Quant(float(np.exp(rng.uniform(np.log(0.003), np.log(0.5)))), int(rng.integers(-128, 128)))
    beta = float(rng.choice([1.0, 0.5, 3.0]))
    return case("SOFTMAX", seed, "int8", "int16", (source, Quant(2.0**-16, -32768)), beta=beta)


def quantize(seed: int) -> Case:
    rng = np.random.default_rng(seed)
    scales = np.exp(rng.uniform(-8, 0, 2))
    zero = int(rng.choice([0, -32768]))
    return case("QUANTIZE", seed, "int16", "int32", (Quant(float(scales[0]), zero), Quant(float(scales[1]), 0)))


@pytest.mark.parametrize("machine", ["host-sanitized", "mps2-an386"])
def test_wide_results_equal_the_reference(machine, tmp_path, request) -> None:
    if machine != "host-sanitized":
        request.getfixturevalue("cross_compiler")
        request.getfixturevalue("emulator")
    cases = [*(softmax(seed) for seed in range(CASES)), *(quantize(seed) for seed in range(CASES))]
    outcomes = run_batch(cases, MACHINES[machine], tmp_path)
    assert [o for o in outcomes if o.status != "equal"] == []
    assert all(o.compared > 0 for o in outcomes)


def test_a_softmax_to_int16_of_another_scale_is_refused() -> None:
    model = case("SOFTMAX", 0, "int8", "int16", (Quant(0.1), Quant(2.0**-15)), beta=1.0).model
    with pytest.raises(ModelRefused, match="scale"):
        compile_model(model)
