# SPDX-License-Identifier: Apache-2.0
"""How somebody else's operator computes: a function in C, tensor expressions, or a PrimFunc; each becomes a kernel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import te, tirx

from stm32_emitter.errors import OperatorError
from stm32_emitter.extension.c_text import check_definition, check_name, prototype_of
from stm32_emitter.extension.call import Call, Tensor
from stm32_emitter.passes.schedule import scheduled
from stm32_emitter.planning.footprints import FOOTPRINTS, Footprint
from stm32_emitter.planning.footprints import Call as FootprintCall
from stm32_emitter.tir.builder import KIND, MACS, SCRATCH, SOURCE, Kernel, KernelBuilder, address

_DECLARED: set[str] = set()
"""Functions from outside that have a footprint."""


@dataclass(frozen=True)
class Input:
    """A pointer to input ``position``: ``const T *``."""

    position: int


@dataclass(frozen=True)
class Output:
    """A pointer to result ``position``: ``T *``."""

    position: int


@dataclass(frozen=True)
class Constant:
    """A pointer to a table that lies in flash with the weights: ``const T *``."""

    name: str
    value: NDArray[Any] = field(compare=False)


@dataclass(frozen=True)
class Scratch:
    """A pointer to working memory that the planner places in the pool: ``T *``; what is in it before is undefined."""

    name: str
    elements: int
    dtype: str = "int8"


Argument = Input | Output | Constant | Scratch | int | float


@dataclass(frozen=True)
class CKernel:
    """A function in C.

    Attributes:
        function: its name; ``void`` is what it returns. In the emitted files the model's name stands in front.
        arguments: in its order: pointers, ``int`` (``int32_t``) and ``float`` numbers.
        source: the path of the .c file that defines it, or the text itself. Everything else in it has to be static.
        footprint: which bytes it touches, and when; see :mod:`stm32_emitter.planning.footprints`, where pointers are
            positions in ``arguments``. None: no result may lie where an input or scratch does, which is always right.
    """

    function: str
    arguments: Sequence[Argument]
    source: str | Path
    footprint: Callable[[FootprintCall], Footprint] | None = None

    def text(self) -> tuple[str, str]:
        """(name of the file without its end, C text).

        Raises:
            OperatorError: the file cannot be read.
        """
        if not isinstance(self.source, Path):
            return self.function, self.source
        try:
            return self.source.stem, self.source.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise OperatorError(f"the C source of '{self.function}' cannot be read: {error}") from error


@dataclass(frozen=True)
class TeKernel:
    """Tensor expressions of TVM: ``compute`` gets a placeholder for each input and gives the result or a list."""

    compute: Callable[..., te.Tensor | Sequence[te.Tensor]]


def built(call: Call, made: Any, macs: int) -> tuple[Kernel, str]:
    """The kernel of a call, and a few words on it.

    Args:
        call: with its results.
        made: what the operator's ``kernel`` gave.
        macs: multiply-accumulate operations.

    Raises:
        OperatorError: it is no kernel, or none for these inputs and results.
    """
    if isinstance(made, CKernel):
        kernel = _of_c(call, made, macs)
        return kernel, f"C function {made.function} of {made.text()[0]}.c"
    if isinstance(made, TeKernel):
        return _of_function(call, _function_of(call, made), macs), "tensor expression"
    if isinstance(made, tirx.PrimFunc):
        return _of_function(call, made, macs), "PrimFunc"
    if isinstance(made, Kernel):
        _check_buffers(call, list(made.function.params), (len(made.constants), int(made.function.attrs[SCRATCH])))
        return made, "PrimFunc"
    raise OperatorError(
        f"operator '{call.operator}': kernel() gives a {type(made).__name__}",
        "It has to be a CKernel, a TeKernel, a PrimFunc or a Kernel of KernelBuilder.",
    )


# C


def _of_c(call: Call, made: CKernel, macs: int) -> Kernel:
    _check_arguments(call, made)
    file, text = made.text()
    prototype = prototype_of(made.function, [_c_argument(call, argument) for argument in made.arguments])
    check_definition(call.operator, made.function, prototype, text, file)
    with KernelBuilder(call.operator.lower(), macs) as k:
        pointers = _parameters(k, call, made)
        k.call(made.function, *(_argument(pointers, argument) for argument in made.arguments))
    kernel = k.kernel()
    _declare_footprint(call, made)
    source = {"function": made.function, "prototype": prototype, "file": file, "text": text}
    return Kernel(kernel.function.with_attr(SOURCE, source), kernel.constants)


def _parameters(k: KernelBuilder, call: Call, made: CKernel) -> dict[Any, tirx.Buffer]:
    """Buffers of everything that has one, declared in the order that kernels have."""
    found: dict[Any, tirx.Buffer] = {}
    for position, tensor in enumerate(call.inputs):
        if tensor.value is None:
            found[Input(position)] = k.input(f"x{position}", (tensor.elements,), tensor.dtype)
    for position, tensor in enumerate(call.inputs):
        if tensor.value is not None:
            found[Input(position)] = k.constant(f"constant{position}", np.atleast_1d(tensor.value).ravel())
    for table in (argument for argument in made.arguments if isinstance(argument, Constant)):
        found[table] = k.constant(table.name, np.atleast_1d(table.value).ravel())
    for position, tensor in enumerate(call.outputs):
        found[Output(position)] = k.output(f"y{position}", (tensor.elements,), tensor.dtype)
    for space in (argument for argument in made.arguments if isinstance(argument, Scratch)):
        found[space] = k.scratch(space.name, space.elements, space.dtype)
    return found


def _argument(pointers: dict[Any, tirx.Buffer], argument: Argument) -> Any:
    if isinstance(argument, float):
        return tirx.const(argument, "float32")
    if isinstance(argument, int):
        return int(argument)
    return address(pointers[argument], write=isinstance(argument, Output | Scratch))


def _c_argument(call: Call, argument: Argument) -> tuple[str, bool] | str:
    """(element type, whether it is written) of a pointer; the C type of a number."""
    if isinstance(argument, bool | int | float):
        return "float" if isinstance(argument, float) else "int32_t"
    return _tensor_of(call, argument).dtype, isinstance(argument, Output | Scratch)


def _tensor_of(call: Call, argument: Any) -> Tensor:
    """What a pointer points at."""
    if isinstance(argument, Input):
        return call.inputs[argument.position]
    if isinstance(argument, Output):
        return call.outputs[argument.position]
    if isinstance(argument, Constant):
        return Tensor((int(argument.value.size),), str(argument.value.dtype), value=argument.value)
    return Tensor((argument.elements,), argument.dtype)


def _check_arguments(call: Call, made: CKernel) -> None:
    where = f"operator '{call.operator}': the arguments of '{made.function}'"
    check_name(call.operator, made.function)
    for argument in made.arguments:
        if not isinstance(argument, Argument):
            raise OperatorError(f"{where} hold a {type(argument).__name__}", "See stm32_emitter.extension.CKernel.")
        for kind, tensors in ((Input, call.inputs), (Output, call.outputs)):
            if isinstance(argument, kind) and not 0 <= argument.position < len(tensors):
                raise OperatorError(f"{where} hold {argument}, but there are {len(tensors)}")
        number = int(argument) if isinstance(argument, int) else 0
        if not -(1 << 31) <= number < 1 << 31:
            raise OperatorError(f"{where} hold {number}, which int32_t does not")
    for position in range(len(call.outputs)):
        if Output(position) not in made.arguments:
            raise OperatorError(f"{where} leave result {position} out, which nobody would compute")
    names = [argument.name for argument in made.arguments if isinstance(argument, Constant | Scratch)]
    if len(set(names)) < len(names):
        raise OperatorError(f"{where} name a table or scratch twice")


def _declare_footprint(call: Call, made: CKernel) -> None:
    """Tells the planner, or makes it forget what an operator of this name said before."""
    if made.function in FOOTPRINTS and made.function not in _DECLARED:
        raise OperatorError(f"operator '{call.operator}': '{made.function}' is a function of the runtime")
    if made.footprint is None:
        FOOTPRINTS.pop(made.function, None)
        _DECLARED.discard(made.function)
        return
    _check_footprint(call, made, made.footprint)
    FOOTPRINTS[made.function] = made.footprint
    _DECLARED.add(made.function)


def _check_footprint(call: Call, made: CKernel, entry: Callable[[FootprintCall], Footprint]) -> None:
    """A footprint speaks of every input and result, writes what the kernel writes, and stays inside of the tensors."""
    where = f"operator '{call.operator}': the footprint of '{made.function}'"
    numbers = [int(a) if isinstance(a, int) else None for a in made.arguments]
    try:
        touches = entry(FootprintCall(numbers, {})).touches
    except Exception as error:
        raise OperatorError(f"{where} failed with {type(error).__name__}: {error}") from error
    written = {i for i, a in enumerate(made.arguments) if isinstance(a, Output | Scratch)}
    told = {touch.pointer for touch in touches if touch.writes}
    if told != written:
        raise OperatorError(f"{where} writes through arguments {sorted(told)}, the kernel through {sorted(written)}")
    read = {i for i, a in enumerate(made.arguments) if isinstance(a, Input) and call.inputs[a.position].value is None}
    silent = read - {touch.pointer for touch in touches if not touch.writes}
    if silent:
        raise OperatorError(f"{where} says nothing of reading arguments {sorted(silent)}")
    for touch in touches:
        tensor = _tensor_of(call, made.arguments[touch.pointer])
        end = touch.start + touch.length + sum((count - 1) * step for count, step, _ in touch.loops)
        size = tensor.elements * np.dtype(tensor.dtype).itemsize
        if int(np.max(end)) > size or int(np.min(touch.start)) < 0:
            raise OperatorError(
                f"{where} touches {int(np.max(end))} bytes of argument {touch.pointer}, which has {size}"
            )


# TVM


def _function_of(call: Call, made: TeKernel) -> tirx.PrimFunc:
    """A PrimFunc over the inputs in their order, then the results."""
    placeholders = [te.placeholder(t.shape, t.dtype, name=f"x{i}") for i, t in enumerate(call.inputs)]
    try:
        found = made.compute(*placeholders)
        results = [found] if isinstance(found, te.Tensor) else list(found)
        return te.create_prim_func([*placeholders, *results])
    except Exception as error:
        reason = (str(error).strip().splitlines() or [""])[-1]
        raise OperatorError(
            f"operator '{call.operator}': its tensor expression failed with {type(error).__name__}: {reason}"
        ) from error


def _of_function(call: Call, function: tirx.PrimFunc, macs: int) -> Kernel:
    """A PrimFunc over inputs and results -> a kernel, whose constants stand behind the other inputs."""
    parameters = list(function.params)
    _check_buffers(call, parameters, None)
    inputs, results = parameters[: len(call.inputs)], parameters[len(call.inputs) :]
    fixed = [tensor.value is not None for tensor in call.inputs]
    order = [p for p, f in zip(inputs, fixed, strict=True) if not f]
    order += [p for p, f in zip(inputs, fixed, strict=True) if f]
    ordered = tirx.PrimFunc([*order, *results], function.body, function.ret_type, attrs=function.attrs)
    plain = scheduled(ordered) if bool((function.attrs or {}).get("tirx.noalias", False)) else ordered
    constants = tuple(np.ascontiguousarray(t.value) for t in call.inputs if t.value is not None)
    return Kernel(plain.with_attr(KIND, call.operator.lower()).with_attr(MACS, macs).with_attr(SCRATCH, 0), constants)


def _check_buffers(call: Call, parameters: Sequence[Any], built_with: tuple[int, int] | None) -> None:
    """The parameters have to be the inputs and results.

    ``built_with``: constants and scratch of a Kernel, whose constants stand in the place of constant inputs, behind the
    other ones; None for a PrimFunc over all inputs.
    """
    where = f"operator '{call.operator}': its kernel"
    running = [(i, t) for i, t in enumerate(call.inputs) if built_with is None or t.value is None]
    tables, scratch = built_with or (0, 0)
    if len(parameters) != len(running) + tables + len(call.outputs) + scratch:
        raise OperatorError(
            f"{where} takes {len(parameters)} tensors, but has {len(call.inputs)} inputs "
            f"and {len(call.outputs)} results"
        )
    pairs = [(f"input {i}", t, parameter) for (i, t), parameter in zip(running, parameters, strict=False)]
    results = parameters[len(running) + tables :]
    pairs += [(f"result {i}", t, p) for i, (t, p) in enumerate(zip(call.outputs, results, strict=False))]
    for what, tensor, parameter in pairs:
        shape, dtype = tuple(int(dim) for dim in parameter.shape), str(parameter.dtype)
        flat = len(shape) == 1 and shape[0] == tensor.elements
        if dtype != tensor.dtype or not (flat or shape == tensor.shape):
            raise OperatorError(f"{where} has {dtype}{list(shape)} for {what}, which is {tensor}")
