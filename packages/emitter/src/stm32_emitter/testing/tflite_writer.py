# SPDX-License-Identifier: Apache-2.0
"""Write .tflite files without TensorFlow.

``ModelWriter`` collects tensors and operators and serialises them with the ``tflite`` package's generated builder
functions. The bytes depend on nothing but the calls made, so a written model can be compared with a committed file.

Example:
    writer = ModelWriter()
    x = writer.tensor("x", (1, 4), "int8", quant=Quant(0.5, 3))
    y = writer.tensor("y", (1, 4), "int8", quant=Quant(1 / 256, -128))
    writer.operator("SOFTMAX", [x], [y], beta=1.0)
    model = writer.finish(inputs=[x], outputs=[y])
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import flatbuffers
import numpy as np
import tflite
from flatbuffers import flexbuffers

from .tflite_flatbuffer import (
    BUFFER_ALIGNMENT,
    CUSTOM,
    aligned,
    buffers,
    byte_vector,
    floats,
    ints,
    model_table,
    subgraph,
)
from .tflite_options import OPERATORS, Option, builtin_code, write_options

_TYPES = {
    "float32": tflite.TensorType.FLOAT32,
    "float16": tflite.TensorType.FLOAT16,
    "int8": tflite.TensorType.INT8,
    "int4": tflite.TensorType.INT4,
    "uint8": tflite.TensorType.UINT8,
    "int16": tflite.TensorType.INT16,
    "int32": tflite.TensorType.INT32,
    "int64": tflite.TensorType.INT64,
    "bool": tflite.TensorType.BOOL,
    "resource": tflite.TensorType.RESOURCE,
}


@dataclass(frozen=True)
class Quant:
    """Affine quantization of a tensor: real = scale * (q - zero_point).

    Attributes:
        scale: one positive scale, or one per channel; stored as float32.
        zero_point: one zero point, or one per channel; a single one stands for every channel.
        axis: quantized_dimension, the dimension that holds the channels.
    """

    scale: float | Sequence[float]
    zero_point: int | Sequence[int] = 0
    axis: int = 0

    @property
    def scales(self) -> tuple[float, ...]:
        """Scales as a tuple of float32 values, length 1 or the number of channels."""
        values = self.scale if isinstance(self.scale, Sequence) else (self.scale,)
        return tuple(float(np.float32(value)) for value in values)

    @property
    def zero_points(self) -> tuple[int, ...]:
        """Zero points, as many as scales."""
        if isinstance(self.zero_point, Sequence):
            return tuple(int(value) for value in self.zero_point)
        return (int(self.zero_point),) * len(self.scales)


@dataclass(frozen=True)
class TensorSpec:
    """A tensor as it stands in the file; ``data`` is None for one that is computed or given."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    quant: Quant | None
    data: bytes | None
    signature: tuple[int, ...] | None
    is_variable: bool = False
    ranked: bool = True


@dataclass(frozen=True)
class OperatorSpec:
    """An operator as it stands in the file; an index of -1 in ``inputs`` is an omitted optional input.

    ``op`` of a custom operator is ``"CUSTOM <code>"``; ``custom`` are its custom_options.
    """

    op: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, Option]
    version: int
    intermediates: tuple[int, ...] = ()
    custom: bytes = b""


@dataclass
class ModelWriter:
    """Builder of a model with one graph, subgraphs for its control operators, and one that initialises variables.

    Attributes:
        description: free text of the model.
        tensors: the tensors in index order.
        operators: the operators in execution order.
        variables: (name, initial value, quantization) of what is kept from one run to the next.
        subgraphs: (graph, inputs, outputs) of what control operators run.
    """

    description: str = ""
    tensors: list[TensorSpec] = field(default_factory=list)
    operators: list[OperatorSpec] = field(default_factory=list)
    variables: list[tuple[str, np.ndarray[Any, Any], Quant | None]] = field(default_factory=list)
    subgraphs: list[tuple[ModelWriter, Sequence[int], Sequence[int]]] = field(default_factory=list)

    def tensor(
        self,
        name: str,
        shape: Sequence[int],
        dtype: str,
        *,
        quant: Quant | None = None,
        data: np.ndarray[Any, Any] | None = None,
        signature: Sequence[int] | None = None,
        is_variable: bool = False,
        ranked: bool = True,
    ) -> int:
        """Add a tensor.

        Args:
            name: any text; need not be unique for TFLite.
            shape: dimensions; () is a scalar.
            dtype: float32, float16, int8, int4, uint8, int16, int32, int64 or bool.
            quant: quantization, or None.
            data: the constant's values, of ``shape`` and ``dtype`` (int8 of -8 .. 7 for int4); None for an activation.
            signature: shape_signature, -1 for an unknown dimension.
            is_variable: a recurrent operator keeps a state in it from one run to the next.
            ranked: a shape of () is that of a scalar; else it is left open.

        Returns:
            The tensor's index.

        Raises:
            ValueError: unknown dtype, or data of another shape or dtype.
        """
        dims = tuple(int(dim) for dim in shape)
        if dtype not in _TYPES:
            raise ValueError(f"tensor {name!r}: dtype {dtype!r} is none of {', '.join(_TYPES)}")
        if data is not None and (data.shape != dims or data.dtype != np.dtype("int8" if dtype == "int4" else dtype)):
            raise ValueError(f"tensor {name!r} is {dtype}{dims}, its data are {data.dtype}{data.shape}")
        raw = None if data is None else _payload(data, dtype)
        mask = None if signature is None else tuple(int(dim) for dim in signature)
        self.tensors.append(TensorSpec(name, dims, dtype, quant, raw, mask, is_variable, ranked))
        return len(self.tensors) - 1

    def constant(
        self, name: str, data: np.ndarray[Any, Any], *, quant: Quant | None = None, dtype: str | None = None
    ) -> int:
        """Add a constant tensor with the shape of ``data`` and its dtype, or int4; returns its index."""
        return self.tensor(name, data.shape, dtype or data.dtype.name, quant=quant, data=data)

    def operator(
        self, op: str, inputs: Sequence[int], outputs: Sequence[int], *, version: int | None = None, **options: Option
    ) -> None:
        """Append an operator.

        Args:
            op: builtin operator name, such as ``CONV_2D``.
            inputs: tensor indices; -1 for an omitted optional input.
            outputs: tensor indices.
            version: operator version; by default the lowest that knows int8.
            options: fields of the schema's options table in snake case, e.g. ``stride_w=2``, ``padding="SAME"``.

        Raises:
            ValueError: unknown operator, or an index that is no tensor.
        """
        builtin_code(op)
        if op not in OPERATORS:
            raise ValueError(f"{op} cannot be written; known operators: {', '.join(sorted(OPERATORS))}")
        self._check(op, (*inputs, *outputs))
        chosen = OPERATORS[op][1] if version is None else version
        self.operators.append(OperatorSpec(op, tuple(inputs), tuple(outputs), dict(options), chosen))

    def custom(
        self, code: str, inputs: Sequence[int], outputs: Sequence[int], options: Mapping[str, Any] | bytes = b""
    ) -> None:
        """Append a custom operator.

        Args:
            code: its custom_code.
            inputs: tensor indices.
            outputs: tensor indices.
            options: its custom_options: bytes, or a map that is written as a flexbuffer.

        Raises:
            ValueError: an index that is no tensor.
        """
        op = f"{CUSTOM}{code}"
        self._check(op, (*inputs, *outputs))
        raw = options if isinstance(options, bytes) else bytes(flexbuffers.Dumps(dict(options)))
        self.operators.append(OperatorSpec(op, tuple(inputs), tuple(outputs), {}, 1, custom=raw))

    def _check(self, op: str, indices: Sequence[int]) -> None:
        for index in indices:
            if not -1 <= index < len(self.tensors):
                raise ValueError(f"{op}: there is no tensor {index}")

    def intermediates(self, tensors: Sequence[int]) -> None:
        """Gives the last operator the tensors whose quantization it needs inside."""
        self.operators[-1] = replace(self.operators[-1], intermediates=tuple(tensors))

    def variable(self, name: str, initial: np.ndarray[Any, Any], *, quant: Quant | None = None) -> int:
        """Add a variable that keeps its value between runs; returns the tensor to give to READ_VARIABLE and
        ASSIGN_VARIABLE. ``initial`` is its value before the first run, assigned by the subgraph of a CALL_ONCE.
        """  # noqa: D205
        self.variables.append((name, initial, quant))
        handle = self.tensor(name, (), "resource")
        self.operator("VAR_HANDLE", [], [handle], shared_name=name)
        return handle

    def subgraph(self, graph: ModelWriter, inputs: Sequence[int], outputs: Sequence[int]) -> int:
        """Add a graph that WHILE or IF runs, with these tensors of its own; returns the index for their options."""
        self.subgraphs.append((graph, inputs, outputs))
        return len(self.subgraphs)

    def finish(self, inputs: Sequence[int], outputs: Sequence[int], *, outside: bool = False) -> bytes:
        """Serialise the model with these tensors as the subgraph's inputs and outputs.

        Args:
            inputs: tensor indices.
            outputs: tensor indices.
            outside: constants stand behind the flatbuffer, as in files that are larger than a flatbuffer can be.
        """
        if not outside:
            return self._finish(inputs, outputs, 0)[0]
        base = aligned(len(self._finish(inputs, outputs, BUFFER_ALIGNMENT)[0]))  # offsets do not change its length
        model, payloads = self._finish(inputs, outputs, base)
        return model.ljust(base, b"\0") + b"".join(p.ljust(aligned(len(p)), b"\0") for p in payloads)

    def _finish(self, inputs: Sequence[int], outputs: Sequence[int], base: int) -> tuple[bytes, list[bytes]]:
        """The flatbuffer, and the constants, which stand from ``base`` on unless that is 0."""
        graphs = [(self, inputs, outputs), *self.subgraphs]
        operators = self.operators
        if self.variables:
            operators = [OperatorSpec("CALL_ONCE", (), (), {"init_subgraph_index": len(graphs)}, 1), *operators]
            graphs.append((self._initializer(), (), ()))
        builder = flatbuffers.Builder(1024)
        codes = _operator_codes([*operators, *(spec for graph, _, _ in graphs[1:] for spec in graph.operators)])
        payloads: list[bytes] = [b""]  # buffer 0 is empty by convention and serves every tensor without data
        offsets = []
        for graph, ins, outs in graphs:
            tensors = _tensors(builder, graph.tensors, payloads)
            specs = operators if graph is self else graph.operators
            offsets.append(subgraph(builder, tensors, [_operator(builder, s, codes) for s in specs], ins, outs))
        model = model_table(builder, self.description, list(codes), offsets, buffers(builder, payloads, base))
        builder.Finish(model, file_identifier=b"TFL3")
        return bytes(builder.Output()), payloads

    def _initializer(self) -> ModelWriter:
        """The subgraph that gives the variables their first values."""
        graph = ModelWriter()
        for name, initial, quant in self.variables:
            handle = graph.tensor(name, (), "resource")
            graph.operator("VAR_HANDLE", [], [handle], shared_name=name)
            graph.operator("ASSIGN_VARIABLE", [handle, graph.constant(f"{name}/initial", initial, quant=quant)], [])
        return graph


def _payload(data: np.ndarray[Any, Any], dtype: str) -> bytes:
    """As the file has them; two values of int4 in a byte, the first one in its low half."""
    if dtype != "int4":
        return np.ascontiguousarray(data).astype(data.dtype.newbyteorder("<")).tobytes()
    flat = data.ravel()
    low, high = (np.pad(flat, (0, flat.size % 2)).reshape(-1, 2) & 15).T
    packed: np.ndarray[Any, Any] = (low | high << 4).astype(np.uint8)
    return packed.tobytes()


def _operator_codes(operators: Sequence[OperatorSpec]) -> dict[tuple[str, int], int]:
    codes: dict[tuple[str, int], int] = {}
    for spec in operators:
        codes.setdefault((spec.op, spec.version), len(codes))
    return codes


def _quantization(builder: Any, quant: Quant) -> int:
    scales = floats(builder, quant.scales)
    zero_points = ints(builder, quant.zero_points, "Int64")
    tflite.QuantizationParametersStart(builder)
    tflite.QuantizationParametersAddScale(builder, scales)
    tflite.QuantizationParametersAddZeroPoint(builder, zero_points)
    tflite.QuantizationParametersAddQuantizedDimension(builder, quant.axis)
    return int(tflite.QuantizationParametersEnd(builder))


def _tensors(builder: Any, specs: Sequence[TensorSpec], payloads: list[bytes]) -> list[int]:
    """Writes the tensors; their data go behind ``payloads``."""
    offsets = []
    for spec in specs:
        index = 0
        if spec.data is not None:
            index = len(payloads)
            payloads.append(spec.data)
        offsets.append(_tensor(builder, spec, index))
    return offsets


def _tensor(builder: Any, spec: TensorSpec, buffer: int) -> int:
    name = builder.CreateString(spec.name)
    shape = ints(builder, spec.shape)
    signature = None if spec.signature is None else ints(builder, spec.signature)
    quant = None if spec.quant is None else _quantization(builder, spec.quant)
    tflite.TensorStart(builder)
    tflite.TensorAddShape(builder, shape)
    tflite.TensorAddType(builder, _TYPES[spec.dtype])
    tflite.TensorAddBuffer(builder, buffer)
    tflite.TensorAddName(builder, name)
    if quant is not None:
        tflite.TensorAddQuantization(builder, quant)
    if signature is not None:
        tflite.TensorAddShapeSignature(builder, signature)
    tflite.TensorAddHasRank(builder, spec.ranked)
    if spec.is_variable:
        tflite.TensorAddIsVariable(builder, True)
    return int(tflite.TensorEnd(builder))


def _operator(builder: Any, spec: OperatorSpec, codes: dict[tuple[str, int], int]) -> int:
    is_custom = spec.op.startswith(CUSTOM)
    kind, options = (0, 0) if is_custom else write_options(builder, spec.op, spec.options)
    custom = byte_vector(builder, spec.custom) if spec.custom else None
    inputs = ints(builder, spec.inputs)
    outputs = ints(builder, spec.outputs)
    between = ints(builder, spec.intermediates) if spec.intermediates else None
    tflite.OperatorStart(builder)
    tflite.OperatorAddOpcodeIndex(builder, codes[(spec.op, spec.version)])
    tflite.OperatorAddInputs(builder, inputs)
    tflite.OperatorAddOutputs(builder, outputs)
    if between is not None:
        tflite.OperatorAddIntermediates(builder, between)
    if custom is not None:
        tflite.OperatorAddCustomOptions(builder, custom)
    if kind:
        tflite.OperatorAddBuiltinOptionsType(builder, kind)
        tflite.OperatorAddBuiltinOptions(builder, options)
    return int(tflite.OperatorEnd(builder))
