# SPDX-License-Identifier: Apache-2.0
"""Messages of the protocol as plain typed objects, and back to bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from google.protobuf.message import DecodeError

from ai_runner.errors import InvalidMessageError
from ai_runner.protocol import stm32_ai_pb2 as pb
from ai_runner.protocol.formats import decode_shape, dtype_of, element_count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = [
    "MAJOR",
    "MINOR",
    "DeviceInfo",
    "ModelInfo",
    "OperatorInfo",
    "SyncInfo",
    "TensorInfo",
    "acknowledge",
    "data_message",
    "parse_response",
    "request",
    "tensor_value",
]

MAJOR, MINOR = 3, 1
_PADDING = 3  # elements that other firmware adds to a tensor's size

_RUNTIMES = {1: "ST.AI", 2: "TFLM", 3: "TVM", 4: "ST Neural ART", 5: "GLOW", 6: "ST.AI/RELOC"}
_TOOLCHAINS = {1: "GCC", 2: "IAR", 3: "AC5", 4: "AC6", 5: "HTC", 6: "GHS"}
_ERRORS = {value.number: value.name for value in pb.Error.DESCRIPTOR.values}


@dataclass(frozen=True)
class SyncInfo:
    """What a device says about itself first."""

    version: tuple[int, int]
    capability: int
    rtid: int

    @property
    def can_observe(self) -> bool:
        """Whether the device can report each node."""
        return bool(self.capability & pb.CAP_OBSERVER)

    @property
    def can_check(self) -> bool:
        """Whether the device offers the checked mode."""
        return bool(self.capability & pb.CAP_CHECKED)

    @classmethod
    def from_message(cls, sync: pb.syncMsg) -> SyncInfo:
        """Take the fields of a syncMsg."""
        return cls((sync.version >> 8, sync.version & 0xFF), sync.capability, sync.rtid)


@dataclass(frozen=True)
class DeviceInfo:
    """The chip: device id, core and bus clock in Hz, cache settings (device dependent)."""

    device_id: int
    core_hz: int
    bus_hz: int
    cache: int

    @classmethod
    def from_message(cls, info: pb.sysinfoMsg) -> DeviceInfo:
        """Take the fields of a sysinfoMsg."""
        return cls(info.devid, info.sclock, info.hclock, info.cache)


@dataclass(frozen=True)
class TensorInfo:
    """An input, an output, an intermediate tensor, or a pool of memory.

    Attributes:
        name: as the model calls it; may be empty.
        shape: row-major, batch first; () for rank 0.
        dtype: of an element.
        scale: 0.0 when the tensor is not quantized.
        zero_point: the value that stands for 0.0.
        address: in the device's memory, 0 when not told.
        flags: ``TensorFlag`` bits.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    scale: float = 0.0
    zero_point: int = 0
    address: int = 0
    flags: int = 0

    @property
    def nbytes(self) -> int:
        """Size of the tensor's data in bytes."""
        return element_count(self.shape) * self.dtype.itemsize

    @property
    def is_quantized(self) -> bool:
        """Whether scale and zero point mean something."""
        return self.scale != 0.0

    @classmethod
    def from_message(cls, desc: pb.aiTensorDescMsg, default_name: str = "") -> TensorInfo:
        """Take the fields of an aiTensorDescMsg.

        Raises:
            InvalidMessageError: size and shape contradict each other.
            InvalidModelError: the element format has no numpy type.
        """
        shape = decode_shape(desc.n_dims, list(desc.dims))
        if not 0 <= desc.size - element_count(shape) <= _PADDING:
            raise InvalidMessageError(f"tensor {desc.name!r} has shape {shape} but {desc.size} elements")
        name = desc.name or default_name
        return cls(name, shape, dtype_of(desc.format), desc.scale, desc.zeropoint, desc.addr, desc.flags)


@dataclass(frozen=True)
class OperatorInfo:
    """A node that ran, or the whole model: duration in milliseconds, counters, stack and heap in bytes."""

    name: str
    kind: int
    id: int
    flags: int
    duration_ms: float
    counters: tuple[int, ...]
    stack_used: int
    heap_used: int

    @classmethod
    def from_message(cls, op: pb.aiOperatorMsg) -> OperatorInfo:
        """Take the fields of an aiOperatorMsg; pairs of 32-bit counters become 64-bit values."""
        raw = list(op.counters)
        if op.counter_type >> 16 == 0:
            raw = [low | high << 32 for low, high in zip(raw[::2], raw[1::2], strict=False)]
        flags, kind = op.type >> 24, op.type & 0xFFFFFF
        return cls(op.name, kind, op.id, flags, op.duration, tuple(raw), op.stack_used, op.heap_used)


@dataclass(frozen=True)
class ModelInfo:
    """A model in the firmware."""

    name: str
    signature: str
    compile_datetime: str
    runtime: str
    toolchain: str
    runtime_desc: str
    runtime_version: tuple[int, int, int]
    tool_version: tuple[int, int, int]
    n_macc: int
    n_nodes: int
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    activations: tuple[TensorInfo, ...]
    params: tuple[TensorInfo, ...]

    @property
    def activations_size(self) -> int:
        """Bytes of read-write memory."""
        return sum(pool.nbytes for pool in self.activations)

    @property
    def params_size(self) -> int:
        """Bytes of read-only memory."""
        return sum(pool.nbytes for pool in self.params)

    @classmethod
    def from_message(cls, info: pb.aiModelInfoMsg) -> ModelInfo:
        """Take the fields of an aiModelInfoMsg.

        Raises:
            InvalidMessageError: it contradicts itself.
            InvalidModelError: a tensor has no numpy type.
        """
        if (len(info.inputs), len(info.outputs)) != (info.n_inputs, info.n_outputs):
            raise InvalidMessageError(
                f"model {info.name!r} announces another number of inputs or outputs than it describes"
            )
        return cls(
            name=info.name,
            signature=info.signature,
            compile_datetime=info.compile_datetime,
            runtime=_RUNTIMES.get(info.rtid & 0xFF, f"runtime {info.rtid & 0xFF}"),
            toolchain=_TOOLCHAINS.get(info.rtid >> 16 & 0xFF, "unknown"),
            runtime_desc=info.runtime_desc,
            runtime_version=_version(info.runtime_version),
            tool_version=_version(info.tool_version),
            n_macc=info.n_macc,
            n_nodes=info.n_nodes,
            inputs=_tensors(info.inputs, "input"),
            outputs=_tensors(info.outputs, "output"),
            activations=_tensors(info.activations, "activations"),
            params=_tensors(info.params, "params"),
        )


def _version(value: int) -> tuple[int, int, int]:
    return value >> 24 & 0xFF, value >> 16 & 0xFF, value >> 8 & 0xFF


def _tensors(descs: Sequence[pb.aiTensorDescMsg], prefix: str) -> tuple[TensorInfo, ...]:
    return tuple(TensorInfo.from_message(desc, f"{prefix}_{i + 1}") for i, desc in enumerate(descs))


def request(reqid: int, cmd: int, *, param: int = 0, name: str = "", opt: int = 0) -> bytes:
    """Return an encoded reqMsg."""
    return pb.reqMsg(reqid=reqid, cmd=cmd, param=param, name=name, opt=opt).SerializeToString()


def acknowledge(param: int = 0, error: int = 0) -> bytes:
    """Return an encoded ackMsg."""
    return pb.ackMsg(param=param, error=error).SerializeToString()


def data_message(value: NDArray[Any]) -> bytes:
    """Return an encoded aiDataMsg: the elements of ``value``, row-major, little-endian."""
    data = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<")).tobytes()
    return pb.aiDataMsg(type=0, size=len(data), addr=0, datas=data).SerializeToString()


def parse_response(data: bytes) -> pb.respMsg:
    """Decode a respMsg.

    Raises:
        InvalidMessageError: it is none.
    """
    try:
        return pb.respMsg.FromString(data)
    except DecodeError as error:
        raise InvalidMessageError(
            f"the device sent {len(data)} bytes that are no message of protocol 3: {error}"
        ) from error


def tensor_value(message: pb.aiTensorMsg) -> tuple[TensorInfo, NDArray[Any] | None]:
    """Return a tensor's description and its value, None when no data goes along.

    Raises:
        InvalidMessageError: the data have another size than the description says.
    """
    info = TensorInfo.from_message(message.desc)
    data = message.data.datas
    if info.flags & pb.TENSOR_NO_DATA or (not data and info.nbytes):
        return info, None
    if not 0 <= len(data) - info.nbytes <= _PADDING * info.dtype.itemsize:
        raise InvalidMessageError(f"tensor {info.name!r} has {len(data)} bytes of data, {info.nbytes} were announced")
    value = np.frombuffer(data[: info.nbytes], dtype=info.dtype.newbyteorder("<"))
    return info, value.astype(info.dtype).reshape(info.shape)


def error_name(error: int) -> str:
    """Return the name of an Error value, or the number."""
    return _ERRORS.get(error, f"error {error}")
