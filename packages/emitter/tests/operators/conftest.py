# SPDX-License-Identifier: Apache-2.0
"""Models with one or a few operators, as they look after recognition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import tvm
from numpy.typing import NDArray
from stm32_emitter.frontends.tflite import import_tflite
from stm32_emitter.operators.base import kind_of, request_of
from stm32_emitter.passes.bindings import bindings
from stm32_emitter.passes.fuse import fuse_operators
from stm32_emitter.target import target_named
from stm32_emitter.testing.tflite_writer import ModelWriter, Quant


@dataclass(frozen=True)
class Call:
    """A recognised operator: kind, attributes, values of its inputs (None where they are not constant)."""

    kind: str
    attributes: dict[str, Any]
    values: list[NDArray[Any] | None]


def _calls(mod: tvm.IRModule) -> list[Call]:
    target = target_named("host")
    fused = [b.value for b in bindings(fuse_operators(mod)["main"]) if kind_of(b.value)]
    requests = [request_of(value, target) for value in fused]
    return [Call(r.kind, dict(r.attributes), [i.value for i in r.inputs]) for r in requests]


@pytest.fixture
def recognised() -> Callable[[bytes | tvm.IRModule], list[Call]]:
    """The fused operators of a .tflite file or of a Relax module, in order."""
    return lambda model: _calls(import_tflite(model) if isinstance(model, bytes) else model)


@pytest.fixture
def one_operator() -> Callable[..., bytes]:
    """Makes a .tflite file with one operator from its kind, specs of inputs and output (see _tensor) and options."""

    def make(kind: str, inputs: list[tuple[Any, ...]], output: tuple[Any, ...], **options: Any) -> bytes:
        writer = ModelWriter()
        tensors = [_tensor(writer, f"x{i}", spec) for i, spec in enumerate(inputs)]
        y = _tensor(writer, "y", output)
        writer.operator(kind, tensors, [y], **options)
        given = [t for t, spec in zip(tensors, inputs, strict=True) if not isinstance(spec[0], np.ndarray)]
        return writer.finish(given, [y])

    return make


def _tensor(writer: ModelWriter, name: str, spec: tuple[Any, ...]) -> int:
    """A tensor of (shape, dtype[, scale, zero point]), or a constant of (array, dtype[, scale, zero point])."""
    quant = Quant([spec[2]], spec[3]) if len(spec) > 2 else None
    if isinstance(spec[0], np.ndarray):
        return writer.constant(name, spec[0].astype(spec[1]), quant=quant)
    return writer.tensor(name, spec[0], spec[1], quant=quant)
