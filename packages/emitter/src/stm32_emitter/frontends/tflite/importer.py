# SPDX-License-Identifier: Apache-2.0
"""TFLite -> Relax, operator by operator, with all that exact integer arithmetic needs.

The Relax that comes out is canonical: a quantized operator is ``quantize(activation(op(dequantize(inputs))))``, data
movement works on the quantized bytes themselves, and every binding that stands for an operator's output is named
``op<index>``. What Relax cannot hold (names, quantization of inputs and outputs) is in the function attribute
:data:`stm32_emitter.model_info.ATTRIBUTE`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import tvm
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.errors import ModelRefused, OperatorError, Refuse, raise_refusal
from stm32_emitter.frontends.tflite.converters import CONVERTERS, SUPPORT
from stm32_emitter.frontends.tflite.folding import fold
from stm32_emitter.frontends.tflite.loops import unrolled
from stm32_emitter.frontends.tflite.reader import DTYPES, Operator, Tensor, TFLiteModel, read_model
from stm32_emitter.frontends.tflite.state import StateVariable, find_states, tensor_key
from stm32_emitter.frontends.tflite.support import check_support
from stm32_emitter.frontends.tflite.unknown import unknown_operator
from stm32_emitter.model_info import IOInfo, ModelInfo, SourceOperator, StateInfo, attach
from stm32_emitter.operators.base import Fused, unknown_value
from stm32_emitter.operators.scope import shape_of

_FLOAT = "float32"


class Converter:
    """What is known while a model is converted; tensors by their index, because names repeat in real models.

    Attributes:
        model_record: the model.
        bb: the builder of ``main``.
        expressions: what computes a tensor.
        states: the value of each state at this place.
        known: tensors that were computed at import.
        failures: of operators from outside.
    """

    def __init__(self, model: TFLiteModel, builder: relax.BlockBuilder) -> None:
        self.model_record = model
        self.bb = builder
        self.expressions: dict[int, relax.Expr] = {}
        self.states: dict[str, relax.Expr] = {}
        self.known: dict[int, NDArray[Any]] = {}
        self.failures: list[OperatorError] = []

    def raw(self, tensor: Tensor) -> relax.Expr:
        """The tensor's own elements: what computes it, or a constant."""
        if tensor.index in self.expressions:
            return self.expressions[tensor.index]
        if tensor.is_variable and tensor_key(tensor) in self.states:
            return self.states[tensor_key(tensor)]
        data = self.known.get(tensor.index, tensor.data)
        if data is None:
            raise ModelRefused(f"tensor '{tensor.name}' has no value")
        return relax.const(data, tensor.dtype)

    def real(self, tensor: Tensor) -> relax.Expr:
        """The tensor as real numbers: dequantized if it is quantized."""
        if tensor.quantization is None or tensor.dtype == _FLOAT:
            return self.raw(tensor)
        return self.dequantized(self.raw(tensor), tensor)

    def dequantized(self, expr: relax.Expr, tensor: Tensor, axis: int | None = None) -> relax.Expr:
        """``dequantize(expr)`` with the parameters of ``tensor``; ``axis`` replaces its channel axis.

        Relax has no dequantize of int64: there it is ``astype(expr, float32) * scale`` (see ``Scope.dequantized``).
        """
        scale, zero_point, own_axis = quantization_constants(tensor)
        if tensor.dtype == "int64":
            if tensor.quantization is not None and np.any(tensor.quantization.zero_point):
                raise ModelRefused(f"tensor '{tensor.name}' (int64) has a zero point other than 0")
            return relax.op.multiply(self.bb.normalize(relax.op.astype(expr, _FLOAT)), scale)
        return relax.op.dequantize(expr, scale, zero_point, axis=own_axis if axis is None else axis)

    def result(self, expr: relax.Expr, output: Tensor) -> relax.Expr:
        """``expr`` in the element type of ``output``: quantized where the model says so."""
        if output.quantization is None or output.dtype == _FLOAT:
            return expr
        if not output.quantization.per_tensor:
            raise ModelRefused(f"output '{output.name}' is quantized per channel; activations have one scale")
        scale, zero_point, _ = quantization_constants(output)
        return relax.op.quantize(expr, scale, zero_point, axis=0, out_dtype=output.dtype)

    def convert(self, operator: Operator) -> list[relax.Expr]:
        """One operator; its outputs in order, or nothing where the converter has seen to them."""
        own = CONVERTERS.get(operator.kind)
        if own is None:
            raise unknown_operator(operator)
        if operator.kind in SUPPORT:
            check_support(operator, SUPPORT[operator.kind])
        expr = own(self, operator)
        return list(expr) if isinstance(expr, list | tuple) else [expr]


def quantization_constants(tensor: Tensor) -> tuple[relax.Constant, relax.Constant, int]:
    """(scale, zero point, axis) of a quantized tensor as Relax constants: scalars, or vectors per channel."""
    quantization = tensor.quantization
    if quantization is None:
        raise ModelRefused(f"tensor '{tensor.name}' ({tensor.dtype}) has no scale")
    zero_dtype = tensor.dtype if tensor.dtype in ("int8", "uint8", "int16") else "int32"
    if np.any(quantization.zero_point != quantization.zero_point.astype(zero_dtype)):
        raise ModelRefused(f"tensor '{tensor.name}' has a zero point outside {zero_dtype}")
    if quantization.per_tensor:
        return (
            relax.const(float(quantization.scale[0]), _FLOAT),
            relax.const(int(quantization.zero_point[0]), "int32"),
            0,
        )
    if np.any(quantization.zero_point != 0) and tensor.dtype != "uint8":
        raise ModelRefused(f"tensor '{tensor.name}' is quantized per channel with zero points other than 0")
    return (
        relax.const(quantization.scale, _FLOAT),
        relax.const(quantization.zero_point, "int32"),
        quantization.axis,
    )


def import_tflite(data: bytes, refuse: Refuse = raise_refusal) -> tvm.IRModule:
    """Imports a model.

    Args:
        data: the bytes of a .tflite file.
        refuse: told of each operator that is not supported; if it returns, the import goes on with an unknown value.

    Returns:
        A module with one function ``main`` (see the text at the top of this file).

    Raises:
        ModelRefused: a damaged file, an operator that is not supported, shapes that depend on data.
        OperatorError: an operator from outside fails.
    """
    model = unrolled(read_model(data))
    states = find_states(model)
    builder = relax.BlockBuilder()
    converter = Converter(model, builder)
    given = [_parameter(tensor, i) for i, tensor in enumerate(model.inputs)]
    converter.expressions.update({t.index: p for t, p in zip(model.inputs, given, strict=True)})
    kept = [state for state in states if state.assigned]
    before = [relax.Var(f"state{i}", _type_of(state.initial)) for i, state in enumerate(kept)]
    converter.states.update({state.key: relax.const(state.initial) for state in states})
    converter.states.update({state.key: p for state, p in zip(kept, before, strict=True)})
    with builder.function("main", [*given, *before]):
        with builder.dataflow():
            _convert_all(converter, refuse)
            results = [converter.raw(tensor) for tensor in model.outputs]
            results += [converter.states[state.key] for state in kept]
            result = builder.emit_output(results[0] if len(results) == 1 else relax.Tuple(results))
        builder.emit_func_output(result)
    if converter.failures:
        raise converter.failures[0]
    return attach(builder.get(), _info(model, kept))


def _type_of(value: NDArray[Any]) -> relax.TensorType:
    return relax.TensorType(value.shape, str(value.dtype))


def _parameter(tensor: Tensor, position: int) -> relax.Var:
    return relax.Var(f"input{position}", relax.TensorType(tensor.shape, tensor.dtype))


def _convert_all(converter: Converter, refuse: Refuse) -> None:
    told: set[str] = set()
    for operator in converter.model_record.operators:
        refusal = _refusal_of(converter, operator)
        if refusal is not None:
            if str(refusal) not in told:  # each pass of a loop has the same problems
                told.add(str(refusal))
                refuse(refusal)
            _bind_unknown(converter, operator)


def _refusal_of(converter: Converter, operator: Operator) -> ModelRefused | None:
    """Converts an operator; why that is not possible, or None."""
    name = operator.outputs[0].name if operator.outputs else ""
    try:
        _convert_one(converter, operator)
    except ModelRefused as refusal:
        return refusal.at(operator.kind, operator.place, name)
    except OperatorError as error:
        converter.failures.append(error)
        _bind_unknown(converter, operator)
    except Exception as error:  # noqa: BLE001 - whatever TVM raises of a model is said of the operator
        reason = f"cannot be imported: {_first_line(error)}"
        return ModelRefused(reason, operator=operator.kind, index=operator.place, name=name)
    return None


def _bind_unknown(converter: Converter, operator: Operator) -> None:
    given = [converter.expressions[t.index] for t in operator.inputs if t and t.index in converter.expressions]
    for tensor in operator.outputs:
        call = unknown_value(given, tensor.shape, tensor.dtype if tensor.dtype in DTYPES.values() else _FLOAT)
        converter.expressions[tensor.index] = converter.bb.emit(call, name_hint=f"op{operator.index}")


def _with_known(converter: Converter, operator: Operator) -> Operator:
    """The operator with what is known of its inputs besides the file: values computed at import, shapes left open."""
    return replace(operator, inputs=tuple(t and _known(converter, t) for t in operator.inputs))


def _known(converter: Converter, tensor: Tensor) -> Tensor:
    if tensor.index in converter.known:
        return replace(tensor, data=converter.known[tensor.index])
    if not tensor.ranked and tensor.index in converter.expressions:
        return replace(tensor, shape=shape_of(converter.expressions[tensor.index]))
    return tensor


def _convert_one(converter: Converter, operator: Operator) -> None:
    operator = _with_known(converter, operator)
    folded = fold(operator)
    if folded is not None:
        converter.known.update({t.index: value for t, value in zip(operator.outputs, folded, strict=True)})
        return
    _place_constant(converter, operator)
    expressions = converter.convert(operator)
    if not operator.outputs and operator.kind not in CONVERTERS:
        raise ModelRefused("an operator without output has no effect that can be compiled")
    for position, (expr, tensor) in enumerate(zip(expressions, operator.outputs, strict=bool(expressions))):
        suffix = f"_{position}" if position else ""
        var = converter.bb.emit(expr, name_hint=f"op{operator.index}{suffix}")
        _check_declared(var, tensor)
        converter.expressions[tensor.index] = var


_DATA = {"BATCH_MATMUL": 0, "CONV_2D": 0, "DEPTHWISE_CONV_2D": 0, "FULLY_CONNECTED": 0, "TRANSPOSE_CONV": 2}
"""Operators with weights, and position of the input that is none."""


def _place_constant(converter: Converter, operator: Operator) -> None:
    """Copies the data of an operator that has nothing but constants, as its kernel reads them from memory.

    A loop's first pass has such operators; elsewhere most are folded.
    """
    given = [tensor for tensor in operator.inputs if tensor is not None]
    place = _DATA.get(operator.kind, -1 if operator.inside is None else int(operator.kind == "SPLIT"))
    if not operator.outputs or not given or place < 0 or any(tensor.data is None for tensor in given):
        return
    tensor = operator.input(place)
    if tensor.index not in converter.expressions:
        copied = Fused("COPY", (converter.raw(tensor),), tensor.shape, tensor.dtype).call()
        converter.expressions[tensor.index] = converter.bb.emit(copied, name_hint=f"op{operator.index}_constant")


def _check_declared(var: relax.Var, tensor: Tensor) -> None:
    """What is computed must be what the file declares: a damaged file is found here."""
    shape = shape_of(var)
    if (tensor.ranked and shape != tensor.shape) or str(var.ty.dtype) != tensor.dtype:
        raise ModelRefused(
            f"the file declares {tensor.dtype}{list(tensor.shape)} for its output '{tensor.name}', "
            f"the operator computes {var.ty.dtype}{list(shape)}"
        )


def _first_line(error: Exception) -> str:
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[-1] if lines else ''}"[:300]


def _info(model: TFLiteModel, states: Sequence[StateVariable]) -> ModelInfo:
    sources = {}
    for operator in model.operators:
        for position, tensor in enumerate(operator.outputs):
            io = _io(tensor)
            name = f"op{operator.index}" + (f"_{position}" if position else "")
            sources[name] = SourceOperator(operator.index, operator.kind, tensor.name, io.scale, io.zero_point)
    kept = tuple(StateInfo(state.name, _pattern(state.initial)) for state in states)
    return ModelInfo(tuple(map(_io, model.inputs)), tuple(map(_io, model.outputs)), sources, states=kept)


def _pattern(value: NDArray[Any]) -> str:
    """The bytes of an array in hexadecimal; of one element where all are equal, of one byte where all bytes are."""
    data, element = np.ascontiguousarray(value).tobytes(), value.dtype.itemsize
    for size in (1, element):
        if data == data[:size] * (len(data) // size):
            return data[:size].hex()
    return data.hex()


def _io(tensor: Tensor) -> IOInfo:
    q = tensor.quantization
    if q is None:
        return IOInfo(tensor.name, (), ())
    return IOInfo(tensor.name, tuple(float(s) for s in q.scale), tuple(int(z) for z in q.zero_point))
