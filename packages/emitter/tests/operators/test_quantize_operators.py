# SPDX-License-Identifier: Apache-2.0
"""QUANTIZE and DEQUANTIZE: what they compute, and where an operator of the model ends."""

from __future__ import annotations

import numpy as np
import pytest
from stm32_emitter import compile_model
from stm32_emitter.errors import ModelRefused
from stm32_emitter.passes.fuse import fuse_operators
from stm32_emitter.testing.tflite_writer import ModelWriter, Quant
from tvm.script import ir as I  # noqa: N812 - the names of TVMScript
from tvm.script import relax as R  # noqa: N812


def test_quantize_rounds_halves_away_and_saturates(host, one_operator) -> None:
    values = [0.25, -0.25, 0.75, -0.75, 0.2499999, 0.0, 1e9, -1e9, 1e30, -np.inf, np.inf, np.nan]
    shape = (1, len(values))
    model = compile_model(one_operator("QUANTIZE", [(shape, "float32")], (shape, "int8", 0.5, 3)), name="to_int8")
    (result,) = host.run(model, [np.array([values], np.float32)])
    assert result[0].tolist() == [4, 2, 5, 1, 3, 3, 127, -128, 127, -128, 127, -128]


def test_quantize_divides_in_float32(host, one_operator, seed) -> None:
    rng, scale = np.random.default_rng(seed), np.float32(0.0137)
    ties = ((rng.integers(-200, 200, 4000) + 0.5) * np.float64(scale)).astype(np.float32).reshape(1, -1)
    model = compile_model(
        one_operator("QUANTIZE", [(ties.shape, "float32")], (ties.shape, "uint8", float(scale), 120)), name="ties"
    )
    (result,) = host.run(model, [ties])
    quotient = (ties / scale).astype(np.float64)
    wanted = np.clip(np.trunc(quotient + np.copysign(0.5, quotient)) + 120, 0, 255)
    assert result.tolist() == wanted.astype(np.uint8).tolist()


@pytest.mark.parametrize(("dtype", "zero_point"), [("int8", -5), ("uint8", 130)])
def test_dequantize(dtype, zero_point, host, one_operator) -> None:
    info = np.iinfo(dtype)
    every = np.arange(info.min, info.max + 1).astype(dtype).reshape(1, 256)
    specs = [(every.shape, dtype, 0.3, zero_point)], (every.shape, "float32")
    (result,) = host.run(compile_model(one_operator("DEQUANTIZE", *specs), name=f"from_{dtype}"), [every])
    assert result.tolist() == (np.float32(0.3) * (every.astype(np.float32) - zero_point)).tolist()


@pytest.mark.parametrize(
    ("source", "target"), [("int8", "uint8"), ("uint8", "int8"), ("int8", "int8"), ("uint8", "uint8")]
)
def test_requantize_is_a_table(source, target, recognised, one_operator) -> None:
    model = one_operator("QUANTIZE", [((4,), source, 0.5, 10)], ((4,), target, 1.0, 20))
    (call,) = recognised(model)
    info, first = np.iinfo(target), np.iinfo(source).min
    exact = [np.clip((v + first - 10) / 2 + 20, info.min, info.max) for v in range(256)]
    assert call.kind == "REQUANTIZE"
    assert call.values[1].dtype == target
    assert np.abs(call.values[1] - exact).max() <= 0.5


def test_float_operators_between_dequantize_and_quantize_stay_float(recognised) -> None:
    """A file that leaves the quantized domain itself is computed as it says."""
    writer, shape = ModelWriter(), (1, 8)
    x = writer.tensor("x", shape, "int8", quant=Quant([0.1], 0))
    real, gate = writer.tensor("real", shape, "float32"), writer.tensor("gate", shape, "float32")
    y = writer.tensor("y", shape, "int8", quant=Quant([1 / 256], -128))
    writer.operator("DEQUANTIZE", [x], [real])
    writer.operator("LOGISTIC", [real], [gate])
    writer.operator("QUANTIZE", [gate], [y])
    kinds = [call.kind for call in recognised(writer.finish([x], [y]))]
    assert kinds == ["DEQUANTIZE", "LOGISTIC_F32", "QUANTIZE"]


def test_modules_without_source_operators_are_fused_across_bindings() -> None:
    @I.ir_module
    class Before:
        @R.function
        def main(x: R.Tensor((1, 8), "int8")) -> R.Tensor((1, 8), "int8"):  # noqa: N805
            with R.dataflow():
                a = R.dequantize(x, R.const(0.1, "float32"), R.const(0, "int32"))
                b = R.sigmoid(a)
                c = R.quantize(b, R.const(1 / 256, "float32"), R.const(-128, "int32"), out_dtype="int8")
                R.output(c)
            return c

    after = fuse_operators(Before)["main"]
    (binding,) = after.body.blocks[0].bindings
    assert str(binding.value.args[0].global_symbol) == "stm32.LOGISTIC"
    assert binding.value.args[1].fields[0].same_as(after.params[0])


def test_int32_is_refused_by_name(one_operator) -> None:
    model = one_operator("QUANTIZE", [((4,), "int8", 0.5, 0)], ((4,), "int32", 1.0, 0))
    with pytest.raises(ModelRefused, match=r"operator 0 \(QUANTIZE\)"):
        compile_model(model, name="wide")
