# SPDX-License-Identifier: Apache-2.0
"""Rearrangements of constants are done at compile time: Before/Expected."""

from __future__ import annotations

import numpy as np
from stm32_emitter.passes.fold import fold_constants
from tvm import ir, relax

WEIGHTS = np.arange(6, dtype=np.float32).reshape(2, 3)


def _module(function, shape=(1, 3)):
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType(shape, "float32"))
    with builder.function("main", [x]):
        with builder.dataflow():
            y = builder.emit_output(function(builder, x))
        builder.emit_func_output(y)
    return builder.get()


def _const(value):
    return relax.const(np.ascontiguousarray(value), "float32")


def test_transposed_weights_become_a_constant() -> None:
    before = _module(lambda b, x: relax.op.matmul(x, b.emit(relax.op.permute_dims(_const(WEIGHTS)))))
    expected = _module(lambda _, x: relax.op.matmul(x, _const(WEIGHTS.T)))
    ir.assert_structural_equal(fold_constants(before), expected)


def test_chains_and_tuples_are_folded() -> None:
    def joined(b, x):
        flat = b.emit(relax.op.reshape(_const(WEIGHTS), (1, 6)))
        column = b.emit(relax.op.permute_dims(flat))
        return relax.op.concat([x, b.emit(relax.op.reshape(column, (1, 6)))], 1)

    expected = _module(lambda _, x: relax.op.concat([x, _const(WEIGHTS.reshape(1, 6))], 1))
    ir.assert_structural_equal(fold_constants(_module(joined)), expected)


def test_a_module_without_such_constants_is_left_alone() -> None:
    module = _module(lambda _, x: relax.op.permute_dims(x))
    assert fold_constants(module) is module
