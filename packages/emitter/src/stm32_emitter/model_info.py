# SPDX-License-Identifier: Apache-2.0
"""What a model's origin knows and Relax does not hold: names, quantization of inputs and outputs, source operators."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

import tvm

ATTRIBUTE = "stm32.model_info"
"""Name of the attribute of ``main`` that carries the information, as JSON text."""


@dataclass(frozen=True)
class IOInfo:
    """Name of an input or output and its quantization (empty tuples: none)."""

    name: str
    scale: tuple[float, ...] = ()
    zero_point: tuple[int, ...] = ()


@dataclass(frozen=True)
class SourceOperator:
    """Operator ``index`` of the original model, which computes the tensor ``output`` with this quantization."""

    index: int
    kind: str
    output: str
    scale: tuple[float, ...] = ()
    zero_point: tuple[int, ...] = ()


@dataclass(frozen=True)
class RemovedChannels:
    """Channels (indices of the last axis) that a tensor of ``count`` channels lost.

    Attributes:
        count: channels in the original model.
        removed: the indices, in order.
        values: the constant value of each as stored; None for a channel that is not constant, but nobody reads.
    """

    count: int
    removed: tuple[int, ...]
    values: tuple[int | None, ...]

    @property
    def kept(self) -> tuple[int, ...]:
        """The channels that are left, in order."""
        gone = set(self.removed)
        return tuple(i for i in range(self.count) if i not in gone)


@dataclass(frozen=True)
class StateInfo:
    """A state: what a model keeps from one run to the next.

    Attributes:
        name: for people.
        initial: its bytes after a reset in hexadecimal; a pattern that is repeated up to the tensor's size.
    """

    name: str
    initial: str = "00"


@dataclass(frozen=True)
class ModelInfo:
    """All of it; ``sources`` and ``channels`` are keyed by the name of the Relax binding.

    ``channels`` has the results that lost channels, ``folded`` the names of those that are gone altogether,
    ``unsigned`` those that the model has as uint8 and ``main`` as int8 (see :mod:`.passes.signed_bytes`). The last
    ``len(states)`` parameters and results of ``main`` are the states' values before and after a run. ``nearest``: what
    is computed of one byte is computed in real numbers and rounded once, ties to even, as ONNX defines it; else in
    integers, as LiteRT does.
    """

    inputs: tuple[IOInfo, ...] = ()
    outputs: tuple[IOInfo, ...] = ()
    sources: dict[str, SourceOperator] = field(default_factory=dict)
    channels: dict[str, RemovedChannels] = field(default_factory=dict)
    folded: tuple[str, ...] = ()
    states: tuple[StateInfo, ...] = ()
    unsigned: tuple[str, ...] = ()
    nearest: bool = False


def attach(mod: tvm.IRModule, info: ModelInfo) -> tvm.IRModule:
    """A copy of ``mod`` whose ``main`` carries ``info``."""
    mod = mod.clone()
    mod["main"] = mod["main"].with_attr(ATTRIBUTE, json.dumps(asdict(info), sort_keys=True))
    return mod


def info_of(mod: tvm.IRModule) -> ModelInfo:
    """The information that ``mod`` carries; empty when it has none."""
    attrs = mod["main"].attrs
    if attrs is None or ATTRIBUTE not in attrs:
        return ModelInfo()
    raw: dict[str, Any] = json.loads(str(attrs[ATTRIBUTE]))
    return ModelInfo(
        tuple(_io(entry) for entry in raw["inputs"]),
        tuple(_io(entry) for entry in raw["outputs"]),
        {name: _source(entry) for name, entry in raw["sources"].items()},
        {name: _removed(entry) for name, entry in raw.get("channels", {}).items()},
        tuple(raw.get("folded", ())),
        tuple(StateInfo(entry["name"], entry["initial"]) for entry in raw.get("states", ())),
        tuple(raw.get("unsigned", ())),
        bool(raw.get("nearest", False)),
    )


def _removed(entry: dict[str, Any]) -> RemovedChannels:
    return RemovedChannels(entry["count"], tuple(entry["removed"]), tuple(entry["values"]))


def _io(entry: dict[str, Any]) -> IOInfo:
    return IOInfo(entry["name"], tuple(entry["scale"]), tuple(entry["zero_point"]))


def _source(entry: dict[str, Any]) -> SourceOperator:
    return SourceOperator(
        entry["index"], entry["kind"], entry["output"], tuple(entry["scale"]), tuple(entry["zero_point"])
    )
