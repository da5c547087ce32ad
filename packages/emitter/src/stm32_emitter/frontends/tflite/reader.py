# SPDX-License-Identifier: Apache-2.0
"""Reads a .tflite flatbuffer into checked, typed records; a file that lies about itself is refused here."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tflite
from flatbuffers import number_types
from numpy.typing import NDArray

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.tflite.custom import CUSTOM

DTYPES = {
    tflite.TensorType.FLOAT32: "float32",
    tflite.TensorType.FLOAT16: "float16",
    tflite.TensorType.INT32: "int32",
    tflite.TensorType.UINT8: "uint8",
    tflite.TensorType.INT64: "int64",
    tflite.TensorType.BOOL: "bool",
    tflite.TensorType.INT16: "int16",
    tflite.TensorType.INT8: "int8",
    tflite.TensorType.FLOAT64: "float64",
    tflite.TensorType.UINT32: "uint32",
    tflite.TensorType.UINT64: "uint64",
    tflite.TensorType.UINT16: "uint16",
}
"""Names of the element types that numpy has, too."""
_OPERATOR_NAMES = {value: name for name, value in vars(tflite.BuiltinOperator).items() if not name.startswith("_")}
_MAX_TENSOR_BYTES = 1 << 30
_MAX_RANK = 8
_WIDE_CODE = 10
"""Of OperatorCode.builtin_code in the table's index of fields."""


@dataclass(frozen=True)
class Quantization:
    """Affine quantization: real = scale * (q - zero_point).

    Attributes:
        scale: float32[n], n = 1 (per tensor) or the extent of ``axis``.
        zero_point: int32[n].
        axis: the channel axis when n > 1.
    """

    scale: NDArray[np.float32]
    zero_point: NDArray[np.int32]
    axis: int

    @property
    def per_tensor(self) -> bool:
        """Whether one scale serves the whole tensor."""
        return len(self.scale) == 1


@dataclass(frozen=True)
class Tensor:
    """One tensor of the model; ``data`` is None unless it is constant; a variable keeps its value between runs.

    Constants of int4 are int8 here, as the reference interpreter widens them before it computes; ``stored`` is their
    type in the file, where it is another one. A file may leave the shape of a result open, () without
    ``ranked``, or some of its dimensions, which ``open`` tells.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    quantization: Quantization | None = None
    data: NDArray[Any] | None = field(default=None, compare=False)
    is_variable: bool = False
    stored: str = ""
    ranked: bool = True
    open: bool = False


@dataclass(frozen=True)
class Operator:
    """One operator: ``inputs`` has None where an optional input is absent.

    One that a loop runs has the index of the loop in ``inside``, and an own one behind those of the file.
    """

    index: int
    kind: str
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    table: Any = field(compare=False)
    inside: int | None = None

    @property
    def place(self) -> int:
        """Index of the operator of the file that it comes from."""
        return self.index if self.inside is None else self.inside

    def options(self, cls: type) -> Any:
        """The builtin options, read as ``cls`` of the ``tflite`` package; defaults where the file has none."""
        union = self.table.BuiltinOptions()
        wanted = getattr(tflite.BuiltinOptions, cls.__name__)
        if union is None or self.table.BuiltinOptionsType() != wanted:
            raise ModelRefused(f"its options are not {cls.__name__}", hint="The file is damaged.")
        options = cls()
        options.Init(union.Bytes, union.Pos)
        return options

    def input(self, position: int) -> Tensor:
        """Input ``position``; refuses the model when it is absent."""
        tensor = self.inputs[position] if position < len(self.inputs) else None
        if tensor is None:
            raise ModelRefused(f"input {position} is missing", hint="The file is damaged.")
        return tensor

    def constant(self, position: int) -> NDArray[Any]:
        """The value of input ``position``, which must be constant."""
        tensor = self.input(position)
        if tensor.data is None:
            raise ModelRefused(
                f"input {position} ('{tensor.name}') is computed at run time, so the shapes depend on data",
                hint="Make this input a constant when the model is exported.",
            )
        return tensor.data


@dataclass(frozen=True)
class TFLiteModel:
    """One subgraph of a model; ``table`` is the whole model."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    table: Any = field(compare=False)


def read_model(data: bytes) -> TFLiteModel:
    """Reads and checks a model.

    Args:
        data: the bytes of a .tflite file.

    Raises:
        ModelRefused: not a .tflite file, damaged, or with something that no static plan can hold.
    """
    if len(data) < 8 or data[4:8] != b"TFL3":
        raise ModelRefused(
            "this is not a TensorFlow Lite model (no TFL3 mark)", hint="Give a .tflite file as the converter wrote it."
        )
    try:
        return _read(data)
    except ModelRefused:
        raise
    except Exception as error:
        raise ModelRefused(
            f"the file is damaged ({type(error).__name__} while reading it)", hint="Export or download the model again."
        ) from error


def _read(data: bytes) -> TFLiteModel:
    table = tflite.Model.GetRootAsModel(data, 0)
    if table.SubgraphsLength() < 1:
        raise ModelRefused("the file holds no graph")
    model = read_subgraph(table, 0)
    if not model.outputs:
        raise ModelRefused("the graph has no output")
    return model


def read_subgraph(table: Any, number: int) -> TFLiteModel:
    """Reads and checks a subgraph of the flatbuffer ``table``; the model itself is subgraph 0.

    Raises:
        ModelRefused: there is no such subgraph, or it is damaged.
    """
    if not 0 <= number < table.SubgraphsLength():
        raise ModelRefused(f"there is no subgraph {number}", hint="The file is damaged.")
    graph = table.Subgraphs(number)
    tensors = tuple(_tensor(table, graph.Tensors(i), i) for i in range(graph.TensorsLength()))
    operators = tuple(_operator(table, graph.Operators(i), i, tensors) for i in range(graph.OperatorsLength()))
    inputs = tuple(_at(tensors, i, "graph input") for i in _indices(graph.InputsAsNumpy()))
    outputs = tuple(_at(tensors, i, "graph output") for i in _indices(graph.OutputsAsNumpy()))
    _check_order(operators, inputs, outputs)
    return TFLiteModel(tensors, operators, inputs, outputs, table)


def _indices(vector: Any) -> list[int]:
    """A flatbuffer vector of indices; the accessor gives 0 where there is none."""
    return [] if isinstance(vector, int) else [int(i) for i in vector]


def _at(tensors: tuple[Tensor, ...], index: int, what: str) -> Tensor:
    if not 0 <= index < len(tensors):
        raise ModelRefused(
            f"{what} refers to tensor {index}, but there are {len(tensors)}", hint="The file is damaged."
        )
    return tensors[index]


def _tensor(model: Any, table: Any, index: int) -> Tensor:
    name = (table.Name() or b"").decode("utf-8", errors="replace") or f"tensor_{index}"
    shape = tuple(_indices(table.ShapeAsNumpy()))
    dtype = DTYPES.get(table.Type(), f"type {table.Type()}")
    if len(shape) > _MAX_RANK or any(dim < 0 for dim in shape):
        raise ModelRefused(f"tensor {index} '{name}' has the shape {list(shape)}, which is not static")
    if math.prod(shape) * 8 > _MAX_TENSOR_BYTES:
        raise ModelRefused(
            f"tensor {index} '{name}' of shape {list(shape)} is larger than any microcontroller's memory"
        )
    quantization = _quantization(table.Quantization(), shape, f"tensor {index} '{name}'")
    data = _data(model, table, shape, dtype, name)
    stored = ""
    if data is not None and table.Type() == tflite.TensorType.INT4:
        dtype, stored = "int8", "int4"
    ranked = bool(shape) or bool(table.HasRank())
    is_open = any(dim < 0 for dim in _indices(table.ShapeSignatureAsNumpy()))
    return Tensor(index, name, shape, dtype, quantization, data, bool(table.IsVariable()), stored, ranked, is_open)


def _data(model: Any, table: Any, shape: tuple[int, ...], dtype: str, name: str) -> NDArray[Any] | None:
    buffer_index = table.Buffer()
    if not 0 <= buffer_index < model.BuffersLength():
        raise ModelRefused(f"tensor '{name}' refers to buffer {buffer_index}, which does not exist")
    buffer = model.Buffers(buffer_index)
    raw = _payload(buffer, name)
    if buffer_index == 0 or not raw:
        return None
    four_bits = table.Type() == tflite.TensorType.INT4
    if dtype not in DTYPES.values() and not four_bits:
        raise ModelRefused(f"constant '{name}' has an unsupported element {dtype}")
    elements = math.prod(shape)
    need = (elements + 1) // 2 if four_bits else elements * np.dtype(dtype).itemsize
    if len(raw) != need:
        raise ModelRefused(f"constant '{name}' of shape {list(shape)} needs {need} bytes, the file has {len(raw)}")
    if four_bits:
        return _widened(raw, elements).reshape(shape)
    return np.frombuffer(raw, dtype=np.dtype(dtype).newbyteorder("<")).reshape(shape).astype(dtype)


def _payload(buffer: Any, name: str) -> bytes:
    """The bytes of a buffer: inside of the flatbuffer, or at an offset behind it in the same file."""
    if buffer.DataLength():
        return bytes(buffer.DataAsNumpy().tobytes())
    begin, end = buffer.Offset(), buffer.Offset() + buffer.Size()
    if begin <= 1:  # the schema's mark for "not used"
        return b""
    whole = buffer._tab.Bytes  # noqa: SLF001
    if end > len(whole):
        raise ModelRefused(f"constant '{name}' stands at bytes {begin} to {end}, the file has {len(whole)}")
    return bytes(whole[begin:end])


def _widened(raw: bytes, elements: int) -> NDArray[np.int8]:
    """int4, two in a byte, the first one in its low half -> int8 [elements]."""
    packed = np.frombuffer(raw, np.int8)
    low, high = (packed << 4) >> 4, packed >> 4
    return np.stack([low, high], axis=1).ravel()[:elements]


def _quantization(table: Any, shape: tuple[int, ...], where: str) -> Quantization | None:
    if table is None or table.ScaleLength() == 0:
        return None
    scale = np.asarray(table.ScaleAsNumpy(), dtype=np.float32)
    zero_point = np.zeros(len(scale), np.int64)
    if table.ZeroPointLength():
        zero_point = np.asarray(table.ZeroPointAsNumpy(), dtype=np.int64)
    if len(zero_point) != len(scale):
        raise ModelRefused(f"{where} has {len(scale)} scales but {len(zero_point)} zero points")
    if not np.all(np.isfinite(scale)) or np.any(scale < 0) or np.any(np.abs(zero_point) > 1 << 30):
        raise ModelRefused(f"{where} has a scale or zero point that is not a usable number")
    if not np.any(scale):
        return None
    axis = int(table.QuantizedDimension())
    if len(scale) > 1 and len(shape) == 1:
        axis = 0  # some converters leave the weight's axis on the bias
    if len(scale) > 1 and (not 0 <= axis < len(shape) or shape[axis] != len(scale)):
        raise ModelRefused(f"{where} has {len(scale)} scales for axis {axis} of shape {list(shape)}")
    return Quantization(scale, zero_point.astype(np.int32), axis if len(scale) > 1 else 0)


def _operator(model: Any, table: Any, index: int, tensors: tuple[Tensor, ...]) -> Operator:
    kind = _kind(model, table.OpcodeIndex(), index)
    try:
        inputs = tuple(None if i < 0 else _at(tensors, i, "an input") for i in _indices(table.InputsAsNumpy()))
        outputs = tuple(_at(tensors, i, "an output") for i in _indices(table.OutputsAsNumpy()))
    except ModelRefused as refusal:
        raise refusal.at(kind, index, "") from None
    return Operator(index, kind, inputs, outputs, table)


def _kind(model: Any, code_index: int, index: int) -> str:
    if not 0 <= code_index < model.OperatorCodesLength():
        raise ModelRefused(f"operator {index} refers to operator code {code_index}, which does not exist")
    code = model.OperatorCodes(code_index)
    number = _builtin_code(code)
    if number == tflite.BuiltinOperator.CUSTOM:
        custom = (code.CustomCode() or b"").decode("utf-8", errors="replace")
        return f"{CUSTOM}{custom}"
    return str(_OPERATOR_NAMES.get(number, f"BUILTIN_{number}"))


def _builtin_code(code: Any) -> int:
    """The larger of the narrow and the wide field, as LiteRT takes it.

    The package ``tflite`` gives the narrow one where the number would fit it, which some writers leave 0.
    """
    table = code._tab  # noqa: SLF001
    place = table.Offset(_WIDE_CODE)
    wide = table.Get(number_types.Int32Flags, place + table.Pos) if place else 0
    return max(int(code.DeprecatedBuiltinCode()), int(wide))


def _check_order(operators: tuple[Operator, ...], inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> None:
    """Every tensor is computed once, before it is read."""
    ready = {tensor.index for tensor in inputs}
    for operator in operators:
        for tensor in operator.inputs:
            if tensor is None or tensor.data is not None or tensor.is_variable or tensor.index in ready:
                continue
            raise ModelRefused(
                f"tensor '{tensor.name}' is read before anything computes it",
                operator=operator.kind,
                index=operator.index,
            )
        for tensor in operator.outputs:
            if tensor.index in ready or tensor.data is not None or tensor.is_variable:
                raise ModelRefused(
                    f"tensor '{tensor.name}' is computed twice", operator=operator.kind, index=operator.index
                )
            ready.add(tensor.index)
    for tensor in outputs:
        if tensor.index not in ready and tensor.data is None:
            raise ModelRefused(f"output '{tensor.name}' is never computed")
