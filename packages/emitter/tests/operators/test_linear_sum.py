# SPDX-License-Identifier: Apache-2.0
"""The linear form of ADD and SUB: equal to the reference's arithmetic on every pair of bytes, or not offered."""

from __future__ import annotations

import numpy as np
import pytest
from stm32_emitter import compile_model
from stm32_emitter.operators.linear_sum import FRACTIONS, linear_sum
from stm32_emitter.testing.reference import Reference

REACHES = (-2.0, 0.0, 1.0, 1.8)
"""Exponents of e: from operands much finer than the result to much coarser ones."""


def _model(one_operator, kind, scales, zero_points, activation="NONE", shapes=((256, 1), (1, 256))):
    left, right, result = zip(scales, zero_points, strict=True)
    inputs = [(shape, "int8", *quant) for shape, quant in zip(shapes, (left, right), strict=True)]
    return one_operator(
        kind, inputs, (np.broadcast_shapes(*shapes), "int8", *result), fused_activation_function=activation
    )


@pytest.mark.parametrize("kind", ["ADD", "SUB"])
def test_every_pair_of_bytes_equals_the_reference(kind, host, one_operator, seed) -> None:
    rng = np.random.default_rng(seed)
    every = np.arange(-128, 128).astype(np.int8)
    inputs = [every.reshape(256, 1), every.reshape(1, 256)]
    forms = set()
    for reach in REACHES:
        scales = [float(s) for s in np.exp([rng.uniform(reach - 0.5, reach), rng.uniform(-2, reach), 0.0])]
        zero_points = [int(z) for z in rng.integers(-128, 128, 3)]
        for activation in ("NONE", "RELU"):
            model = _model(one_operator, kind, scales, zero_points, activation)
            compiled = compile_model(model, name=f"{kind.lower()}_{activation.lower()}")
            forms |= {f for f in FRACTIONS if f"ai_k_add_q{f}_s8" in compiled.files[f"{compiled.name}_lib.c"].decode()}
            (result,) = host.run(compiled, inputs)
            wanted = Reference(model).run(inputs)[0]
            np.testing.assert_array_equal(result.reshape(wanted.shape), wanted, err_msg=f"{scales} {zero_points}")
    assert len(forms) >= 2, f"seed {seed}: only {forms} were chosen"


def test_ties_are_rounded_away_from_zero(host, one_operator) -> None:
    every = np.arange(-128, 128).astype(np.int8)
    inputs = [every.reshape(256, 1), every.reshape(1, 256)]
    for scales in ((0.5, 0.5, 1.0), (0.25, 0.5, 1.0), (0.75, 0.5, 1.0)):
        model = _model(one_operator, "ADD", scales, (3, -7, 11))
        (result,) = host.run(compile_model(model, name="ties"), inputs)
        np.testing.assert_array_equal(result.reshape(256, 256), Reference(model).run(inputs)[0])


def test_products_of_every_pair_equal_the_reference(host, one_operator, seed) -> None:
    rng = np.random.default_rng(seed)
    every = np.arange(-128, 128).astype(np.int8)
    inputs = [np.repeat(every, 256).reshape(256, 256), np.tile(every, 256).reshape(256, 256)]
    for scale in (0.06, 0.4, 20.0):
        zero_points = [int(z) for z in rng.integers(-128, 128, 3)]
        model = _model(one_operator, "MUL", (0.11, 0.23, scale), zero_points, shapes=((256, 256), (256, 256)))
        compiled = compile_model(model, name="product")
        assert "ai_k_mul_s8" in compiled.files["product_lib.c"].decode(), f"seed {seed}, {scale}, {zero_points}"
        (result,) = host.run(compiled, inputs)
        np.testing.assert_array_equal(
            result.reshape(256, 256), Reference(model).run(inputs)[0], err_msg=f"{zero_points}"
        )


def test_no_form_for_results_that_are_not_linear() -> None:
    values = np.arange(-128, 128)
    bent = np.clip(np.abs(values)[:, None] + values[None, :], -128, 127)
    assert linear_sum(bent, 1.0, 1.0, (-128, 127)) is None


def test_a_form_keeps_inside_its_bounds() -> None:
    values = np.arange(-128, 128)
    half = np.floor(0.25 * (values[:, None] + values[None, :]) + 0.5).astype(np.int64)
    form = linear_sum(half, 0.25, 0.25, (-128, 127))
    assert form is not None
    np.testing.assert_array_equal(form.values(), half)
