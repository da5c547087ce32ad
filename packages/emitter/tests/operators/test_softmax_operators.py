# SPDX-License-Identifier: Apache-2.0
"""SOFTMAX and LOG_SOFTMAX: the table of exp, what is refused, rows on which the reference gives up."""

from __future__ import annotations

import math

import numpy as np
import pytest
from stm32_emitter import compile_model
from stm32_emitter.errors import ModelRefused
from stm32_emitter.operators.softmax import exp_table


@pytest.mark.parametrize(("beta", "scale"), [(1.0, 0.1), (2.5, 0.01), (0.25, 3.0), (1.0, 20.0), (1.0, 50.0)])
def test_table_holds_exp_of_what_counts(beta: float, scale: float) -> None:
    table = exp_table(beta, np.float32(scale))
    step = 2.0 ** min(math.ceil(math.log2(beta * scale)), 5)
    assert len(table) == min(256, 1 + math.floor(31 / step))
    exact = [math.exp(-i * beta * scale) for i in range(len(table))]
    assert np.abs(table / 2.0**31 - exact).max() < 1e-6


def test_beta_is_part_of_the_table(recognised, one_operator) -> None:
    specs = [((2, 5), "int8", 0.1, 4)], ((2, 5), "int8", 1 / 256, -128)
    (plain,) = recognised(one_operator("SOFTMAX", *specs, beta=1.0))
    (doubled,) = recognised(one_operator("SOFTMAX", *specs, beta=2.0))
    assert plain.kind == doubled.kind == "SOFTMAX"
    assert np.array_equal(plain.values[1], exp_table(1.0, np.float32(0.1)))
    assert np.array_equal(doubled.values[1], exp_table(2.0, np.float32(0.1)))


@pytest.mark.parametrize(("kind", "scale", "zero"), [("SOFTMAX", 1 / 128, -128), ("LOG_SOFTMAX", 16 / 256, 0)])
def test_another_output_quantization_is_refused(kind, scale, zero, recognised, one_operator) -> None:
    options = {"beta": 1.0} if kind == "SOFTMAX" else {}
    model = one_operator(kind, [((1, 4), "int8", 0.1, 0)], ((1, 4), "int8", scale, zero), **options)
    with pytest.raises(ModelRefused, match=rf"operator 0 \({kind}\)"):
        recognised(model)


def test_no_float_and_right_in_every_row(host, one_operator) -> None:
    shape = (3, 10)
    model = compile_model(
        one_operator("SOFTMAX", [(shape, "int8", 0.05, 0)], (shape, "int8", 1 / 256, -128), beta=1.0), name="rows"
    )
    x = np.random.default_rng(5).integers(-128, 128, shape).astype(np.int8)
    (result,) = host.run(model, [x])
    powers = np.exp(x * 0.05)
    exact = powers / powers.sum(1, keepdims=True) * 256 - 128
    assert b"float" not in model.files["rows_lib.c"]
    assert np.abs(result - np.minimum(exact, 127)).max() <= 1


def test_many_equal_values_round_to_nothing(host, one_operator) -> None:
    shape = (1, 5000)
    model = compile_model(
        one_operator("SOFTMAX", [(shape, "int8", 0.05, 0)], (shape, "int8", 1 / 256, -128), beta=1.0), name="wide"
    )
    (result,) = host.run(model, [np.zeros(shape, np.int8)])
    assert np.all(result == -128)


def test_log_softmax_is_the_logarithm(host, one_operator) -> None:
    shape = (2, 7)
    model = compile_model(
        one_operator("LOG_SOFTMAX", [(shape, "int8", 0.1, 0)], (shape, "int8", 16 / 256, 127)), name="logs"
    )
    x = np.random.default_rng(6).integers(-40, 40, shape).astype(np.int8)
    (result,) = host.run(model, [x])
    exact = x * 0.1 - np.log(np.exp(x * 0.1).sum(1, keepdims=True))
    assert np.abs(result - (exact * 16 + 127)).max() <= 1


@pytest.mark.parametrize("kind", ["SOFTMAX", "LOG_SOFTMAX"])
def test_float_rows(kind, host, one_operator) -> None:
    shape, options = (3, 6), {"beta": 2.0} if kind == "SOFTMAX" else {}
    model = compile_model(one_operator(kind, [(shape, "float32")], (shape, "float32"), **options), name="real")
    x = np.random.default_rng(7).normal(0, 3, shape).astype(np.float32)
    (result,) = host.run(model, [x])
    scaled = x.astype(np.float64) * options.get("beta", 1.0)
    exact = scaled - np.log(np.exp(scaled).sum(1, keepdims=True))
    exact = np.exp(exact) if kind == "SOFTMAX" else exact
    assert np.abs(result - exact).max() < 1e-5
