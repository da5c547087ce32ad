# SPDX-License-Identifier: Apache-2.0
"""One use of an operator in a model, as the operator's own functions see it, and its way through Relax."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.operators.base import Fused, KernelRequest, TensorSpec

_ATTRIBUTE = "call"
"""Of the fused call: JSON with what Relax does not hold."""


@dataclass(frozen=True)
class Tensor:
    """An input or a result of an operator.

    Attributes:
        shape: static.
        dtype: name of the element type, e.g. ``"int8"``.
        scale: of a quantized tensor, one or one per channel; else empty.
        zero_point: as many as scales.
        value: of a constant input, else None.
        name: in the model; may be empty.
    """

    shape: tuple[int, ...]
    dtype: str = "float32"
    scale: tuple[float, ...] = ()
    zero_point: tuple[int, ...] = ()
    value: NDArray[Any] | None = field(default=None, compare=False)
    name: str = ""

    @property
    def elements(self) -> int:
        """How many elements it has."""
        return math.prod(self.shape)

    def __str__(self) -> str:
        return f"{self.dtype}{list(self.shape)}"


@dataclass(frozen=True)
class Call:
    """One use of an operator.

    Attributes:
        operator: its name.
        inputs: in the model's order.
        outputs: when results are asked for, what the file declares (nothing in ONNX and Relax); the results after it.
        options: TFLite: the map in custom_options; ONNX: the attributes; Relax: what ``relax_call`` was given. Numbers,
            texts, lists and maps.
        custom_options: the bytes of a TFLite operator, for formats other than flexbuffers.
        target: the core, once a kernel is asked for.
    """

    operator: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    custom_options: bytes = b""
    target: str = ""


def fused_call(call: Call, expressions: Sequence[relax.Expr]) -> relax.Call:
    """The call in Relax; ``expressions`` are its inputs. It gives a tuple where there are several outputs."""
    first, *others = call.outputs
    attributes: dict[str, Any] = {_ATTRIBUTE: _encoded(call)}
    kinds = tuple((other.shape, other.dtype) for other in others)
    return Fused(call.operator, tuple(expressions), first.shape, first.dtype, attributes, kinds).call()


def call_of(request: KernelRequest) -> Call:
    """The call that a kernel is to be made for."""
    known = json.loads(str(request.attributes[_ATTRIBUTE]))
    return Call(
        request.kind,
        tuple(map(_tensor, request.inputs, known["inputs"])),
        tuple(map(_tensor, (request.output, *request.others), known["outputs"])),
        known["options"],
        bytes.fromhex(known["custom_options"]),
        request.target.name,
    )


def _encoded(call: Call) -> str:
    record = {
        "inputs": [_quantization(tensor) for tensor in call.inputs],
        "outputs": [_quantization(tensor) for tensor in call.outputs],
        "options": dict(call.options),
        "custom_options": call.custom_options.hex(),
    }
    return json.dumps(record, sort_keys=True)


def _quantization(tensor: Tensor) -> dict[str, Any]:
    return {"scale": list(tensor.scale), "zero_point": list(tensor.zero_point), "name": tensor.name}


def _tensor(spec: TensorSpec, known: dict[str, Any]) -> Tensor:
    return Tensor(
        spec.shape, spec.dtype, tuple(known["scale"]), tuple(known["zero_point"]), spec.value, str(known["name"])
    )


def plain(value: Any, name: str) -> Any:
    """An option as numbers, texts, lists and maps.

    Raises:
        ModelRefused: it is something else.
    """
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", errors="replace")
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist(), name)
    if isinstance(value, Mapping):
        return {str(key): plain(entry, f"{name}.{key}") for key, entry in value.items()}
    if isinstance(value, Sequence):
        return [plain(entry, name) for entry in value]
    raise ModelRefused(f"its option '{name}' is a {type(value).__name__}, which no operator from outside can take")


def with_quantization(results: Sequence[Tensor], declared: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """``results`` with names and scales of what the file declares, where it declares as many tensors."""
    if len(declared) != len(results):
        return tuple(replace(result, value=None) for result in results)
    return tuple(
        replace(r, value=None, name=d.name, scale=d.scale or r.scale, zero_point=d.zero_point or r.zero_point)
        for r, d in zip(results, declared, strict=True)
    )
