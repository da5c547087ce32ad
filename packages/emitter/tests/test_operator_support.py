# SPDX-License-Identifier: Apache-2.0
"""What converters declare: complete, of known formats, and obeyed by the importer."""

from __future__ import annotations

import numpy as np
import pytest
from stm32_emitter import ModelRefused, compile_model
from stm32_emitter.frontends.support import NO_REFERENCE
from stm32_emitter.frontends.tflite.converters import CONVERTERS, SUPPORT
from stm32_emitter.frontends.tflite.reader import Operator, Quantization, Tensor
from stm32_emitter.frontends.tflite.support import FORMATS, Limit, format_of, takes
from stm32_emitter.testing.cases import any_case
from stm32_emitter.testing.tflite_writer import ModelWriter, Quant


def test_every_converter_declares_what_it_takes() -> None:
    assert set(SUPPORT) == set(CONVERTERS)
    for support in SUPPORT.values():
        assert support.formats or set(support.refused) == set(FORMATS)
        assert set(support.formats) | set(support.refused) <= set(FORMATS)


def tensor(dtype: str, *, scale: float | None = None, constant: bool = False) -> Tensor:
    quantization = None if scale is None else Quantization(np.array([scale], np.float32), np.zeros(1, np.int32), 0)
    return Tensor(0, "t", (1,), dtype, quantization, np.zeros(1) if constant else None)


@pytest.mark.parametrize(
    ("inputs", "output", "expected"),
    [
        ([tensor("int8", scale=1.0)] * 2, tensor("int8", scale=1.0), "int8"),
        ([tensor("int16", scale=1.0), tensor("int8", scale=1.0, constant=True)], tensor("int16", scale=1.0), "int16"),
        ([tensor("float32"), tensor("int8", scale=1.0, constant=True)], tensor("float32"), "hybrid"),
        ([tensor("float32")], tensor("uint8", scale=1.0), "uint8"),
        ([tensor("int8", scale=1.0)], tensor("float32"), "int8"),
        ([tensor("int8", scale=1.0, constant=True)], tensor("float32"), "int8"),
        ([tensor("int8", scale=1.0), tensor("int32", constant=True)], tensor("int64"), "int8"),
        ([tensor("int32")] * 2, tensor("bool"), "int32"),
        ([tensor("bool")], tensor("bool"), "bool"),
        ([tensor("bool"), tensor("int64")], tensor("int64"), "int64"),
        ([tensor("float16")], tensor("float16"), "float16"),
        ([tensor("float32"), tensor("int32", constant=True)], tensor("float32"), "float32"),
        ([], tensor("float32"), "float32"),
        ([tensor("type 13"), tensor("int8", scale=1.0)], tensor("type 13"), "int8"),
        ([], tensor("type 13"), ""),
    ],
)
def test_the_format_of_an_operator(inputs: list[Tensor], output: Tensor, expected: str) -> None:
    assert format_of(Operator(0, "X", tuple(inputs), (output,), None)) == expected


def test_a_format_that_is_not_declared_is_refused_by_name() -> None:
    case = any_case("HARD_SWISH", 0, "int16")
    with pytest.raises(ModelRefused, match=r"operator 0 \(HARD_SWISH\) 'output': it computes with int16") as refused:
        compile_model(case.model)
    assert NO_REFERENCE in str(refused.value)
    assert "int8, uint8, float32" in str(refused.value)


def test_a_parameter_that_is_computed_is_refused_by_name() -> None:
    writer = ModelWriter()
    x = writer.tensor("x", (2, 3), "int8", quant=Quant(0.1, 3))
    axes, y = writer.tensor("axes", (1,), "int32"), writer.tensor("y", (2,), "int8", quant=Quant(0.1, 3))
    writer.operator("MEAN", [x, axes], [y], keep_dims=False)
    with pytest.raises(ModelRefused, match=r"its axes 'axes' is computed at run time"):
        compile_model(writer.finish([x, axes], [y]))


def test_a_limit_refuses_with_its_own_words() -> None:
    limit = Limit("batch_dims is 0", hint="Gather from each batch.")
    limit.require(holds=True)
    with pytest.raises(ModelRefused, match="it has 2; this is supported only where batch_dims is 0\nGather"):
        limit.require(holds=False, found="it has 2")


def test_a_format_cannot_be_declared_and_refused() -> None:
    with pytest.raises(ValueError, match="int8"):
        takes("int8", refused={"int8": "no"})
