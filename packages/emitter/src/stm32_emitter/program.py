# SPDX-License-Identifier: Apache-2.0
"""A lowered module as plain data: buffers, nodes, constants. Planner and code emission need nothing of TVM."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stm32_emitter.model_info import RemovedChannels, SourceOperator
from stm32_emitter.tir.lowering import LoweredKernel, element_bytes


@dataclass(frozen=True)
class TensorInfo:
    """A tensor in the layout of the original model; ``scale`` is empty unless it is quantized."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: tuple[float, ...] = ()
    zero_point: tuple[int, ...] = ()

    @property
    def elements(self) -> int:
        """How many elements it has."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """Bytes of its data."""
        return self.elements * element_bytes(self.dtype)


@dataclass(frozen=True)
class Buffer:
    """Bytes of the pool that live from node ``first`` to node ``last``, both included."""

    index: int
    bytes: int
    first: int
    last: int
    label: str


@dataclass(frozen=True)
class Constant:
    """An array in flash."""

    name: str
    value: NDArray[Any] = field(compare=False)


@dataclass(frozen=True)
class Argument:
    """A pointer that a kernel is called with: buffer or constant number ``index``."""

    index: int
    is_constant: bool = False


@dataclass(frozen=True)
class NodeOutput:
    """What a node computes: the tensor, and the buffer that holds it, without the channels ``removed`` if any are.

    ``inverted``: the tensor is uint8, the buffer holds int8 (x - 128): the top bit of each byte is another one.
    """

    tensor: TensorInfo
    buffer: int
    removed: RemovedChannels | None = None
    inverted: bool = False


@dataclass(frozen=True)
class Node:
    """One call of a kernel.

    Attributes:
        name: ``"<index>:<KIND>"`` of the operator that it completes.
        kernel: number of its kernel.
        arguments: in the order of the kernel's parameters.
        outputs: empty for a step inside an operator.
        source_ops: operators of the original model that it stands for.
        layer: key of its class of equal layers, for tuning; empty for a kernel without a choice of schedules.
        offered: names of the schedules that it could have had.
    """

    name: str
    kernel: int
    arguments: tuple[Argument, ...]
    outputs: tuple[NodeOutput, ...]
    source_ops: tuple[int, ...]
    layer: str = ""
    offered: tuple[str, ...] = ()


@dataclass(frozen=True)
class IOTensor:
    """An input or output of the model and its buffer."""

    tensor: TensorInfo
    buffer: int


@dataclass(frozen=True)
class StateTensor:
    """What the model keeps from one run to the next: its buffer lives always, no other one may have its bytes.

    ``initial`` are the tensor's bytes after a reset, or a pattern that is repeated up to its size.
    """

    tensor: TensorInfo
    buffer: int
    initial: bytes


@dataclass(frozen=True)
class Program:
    """The whole model.

    ``written[k]`` has the positions of the parameters that kernel ``k`` writes. ``folded`` has the operators of the
    original model of whose results nothing is left to compute.
    """

    buffers: tuple[Buffer, ...]
    constants: tuple[Constant, ...]
    kernels: tuple[LoweredKernel, ...]
    written: tuple[frozenset[int], ...]
    nodes: tuple[Node, ...]
    inputs: tuple[IOTensor, ...]
    outputs: tuple[IOTensor, ...]
    folded: tuple[SourceOperator, ...] = ()
    states: tuple[StateTensor, ...] = ()

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations of one inference."""
        return sum(self.kernels[node.kernel].macs for node in self.nodes)

    @property
    def params_size(self) -> int:
        """Bytes of all constants."""
        return sum(int(np.asarray(constant.value).nbytes) for constant in self.constants)
