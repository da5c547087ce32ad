# SPDX-License-Identifier: Apache-2.0
"""Symbols of models in one firmware: no two models may define the same."""

from __future__ import annotations

import re

import pytest
import tvm
from stm32_emitter import compile_model
from tvm import relax

_FUNCTION = re.compile(r"^(?:\w+ )+\*?(\w+)\([^;]*$", re.MULTILINE)


def _module(operator: object) -> tvm.IRModule:
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType((1, 8), "float32"))
    with builder.function("main", [x]):
        with builder.dataflow():
            result = builder.emit_output(operator(x))  # type: ignore[operator]
        builder.emit_func_output(result)
    return builder.get()


def _defined(module: tvm.IRModule, name: str) -> tuple[set[str], set[str]]:
    """(kernels, all functions) of an emitted model."""
    files = compile_model(module, name=name).files
    kernels = set(_FUNCTION.findall(files[f"{name}_lib.c"].decode()))
    text = "".join(files[f"{name}{part}.c"].decode() for part in ("", "_data"))
    return kernels, kernels | {f for f in _FUNCTION.findall(text) if f != "run_nodes"}


@pytest.mark.parametrize("pair", [("m", "m_log"), ("m", "m_k"), ("a", "a_k_log")])
def test_models_whose_names_begin_alike_share_no_symbol(pair: tuple[str, str]) -> None:
    first, every_first = _defined(_module(relax.op.nn.log_softmax), pair[0])
    second, every_second = _defined(_module(relax.op.nn.softmax), pair[1])
    assert any(name.endswith("log_softmax_0") for name in first)
    assert any(name.endswith("softmax_0") for name in second)
    assert not every_first & every_second


def test_a_model_is_not_named_as_a_part_of_the_runtime() -> None:
    kernels, every = _defined(_module(relax.op.nn.softmax), "m_instance")
    assert kernels
    assert "ai_m_instance_create" in every
    assert compile_model(_module(relax.op.nn.softmax), name="instance").name == "m_instance"
