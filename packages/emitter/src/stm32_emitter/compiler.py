# SPDX-License-Identifier: Apache-2.0
"""The whole way from a model to C."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import tvm

from stm32_emitter import __version__
from stm32_emitter.codegen.directory import write_directory
from stm32_emitter.codegen.files import model_files
from stm32_emitter.codegen.info import info_record, signature_of
from stm32_emitter.codegen.model import Model, Options, c_identifier
from stm32_emitter.codegen.report import report_text
from stm32_emitter.errors import OptionError, Refusals
from stm32_emitter.extract import extract_program
from stm32_emitter.frontends import Source, import_model
from stm32_emitter.operators.schedule import OPTIMIZE, Choices
from stm32_emitter.operators.scope import constant_value
from stm32_emitter.passes.bindings import bindings
from stm32_emitter.passes.constant_channels import fold_constant_channels
from stm32_emitter.passes.fold import fold_constants
from stm32_emitter.passes.fuse import fuse_operators
from stm32_emitter.passes.lower import lower_operators, offered_schedules, refuse_kernels, refuse_leftovers
from stm32_emitter.passes.outputs import separate_outputs
from stm32_emitter.passes.signed_bytes import signed_bytes
from stm32_emitter.passes.states import settle_states
from stm32_emitter.planning.budget import within_peak
from stm32_emitter.planning.constraints import separations
from stm32_emitter.planning.order import ordered
from stm32_emitter.planning.plan import Plan, overlaps, plan_memory
from stm32_emitter.program import Node, Program, TensorInfo
from stm32_emitter.target import Target, target_named
from stm32_emitter.tuning import Tuned, best_schedules

Progress = Callable[[str, float], None]
"""Called with what is being done and the share that is done, 0 to 1."""


@dataclass(frozen=True)
class CompiledModel:
    """A compiled model: its files, and what is known of it.

    Attributes:
        name: its C name.
        files: file name -> content.
        info: the content of ``<name>.json``.
    """

    name: str
    files: dict[str, bytes]
    info: dict[str, Any]
    program: Program

    @property
    def inputs(self) -> list[TensorInfo]:
        """Inputs in order."""
        return [entry.tensor for entry in self.program.inputs]

    @property
    def outputs(self) -> list[TensorInfo]:
        """Outputs in order."""
        return [entry.tensor for entry in self.program.outputs]

    @property
    def nodes(self) -> list[Node]:
        """Kernel calls in order."""
        return list(self.program.nodes)

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations of one inference."""
        return self.program.macs

    @property
    def planned_bytes(self) -> int:
        """Bytes of the pool behind the instance context."""
        return int(self.info["planned_bytes"])

    @property
    def params_size(self) -> int:
        """Bytes of the constants in flash."""
        return self.program.params_size

    @property
    def signature(self) -> int:
        """CRC-32 of constants and plan."""
        return int(self.info["signature"])

    @cached_property
    def report_text(self) -> str:
        """The report for people."""
        return report_text(self.info)

    def write(self, directory: str | os.PathLike[str], *, force: bool = False) -> Path:
        """Writes all files as the content of ``directory``, whole or not at all.

        Raises:
            FileExistsError: the directory exists and is not empty (``force`` replaces it).
            OSError: it cannot be written.
        """
        return write_directory(self.files, directory, force=force)


def compile_model(
    model: Source,
    *,
    target: str = "cortex-m4",
    name: str | None = None,
    optimize: str = "balanced",
    constant_channels: bool = True,
    include_activations: bool = True,
    include_inputs: bool = True,
    include_outputs: bool = True,
    tuned: Tuned | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    progress: Progress | None = None,
) -> CompiledModel:
    """Compiles a model to C.

    Args:
        model: a .tflite, .onnx or .pt2 file (path or bytes), a torch.export.ExportedProgram, a Keras model (path; needs
            TensorFlow), or a Relax IRModule with a function ``main`` over static shapes.
        target: the core, see :data:`stm32_emitter.target.TARGETS`.
        name: its C name; made of [a-z0-9_]. Default: from the file name, else ``"model"``.
        optimize: what to optimise for, one of :data:`stm32_emitter.operators.schedule.OPTIMIZE`: ``"speed"`` takes the
            kernels with the fewest expected cycles, ``"balanced"`` too, ``"size"`` those with the least code (for it,
            compile the C with -Os and AI_K_SMALL), ``"ram"`` what gives the smallest pool.
        constant_channels: take out channels that are constant or that nobody reads; results stay the same.
        include_activations: emit ``<name>_activations``, so that ``ai_create`` needs no pool.
        include_inputs: inputs lie in the pool; else the caller sets ``dltensor.data`` before each ``ai_run``.
        include_outputs: the same for outputs.
        tuned: schedules that measured best, by layer key, or a tuning file; they change the speed, never a result.
        shapes: of inputs of an .onnx or .pt2 model, by name; dimensions that the model leaves free are 1 without it.
        progress: told what is being done.

    Raises:
        MissingPackage: a package that this kind of model needs (onnx, torch, tensorflow) is not installed.
        ModelRefused: the model cannot be compiled.
        OperatorError: an operator that was registered from outside is wrong.
        OptionError: an option has a value that does not exist or is not implemented.
        OSError: the file cannot be read.
    """
    options = Options(target, optimize, constant_channels, include_activations, include_inputs, include_outputs)
    core = _checked(options)
    choices = Choices(optimize, best_schedules(tuned, optimize))
    tell = progress or (lambda _what, _share: None)
    module, fused = _recognised(model, shapes, core, tell)
    fused = _simplified(fused, constant_channels=constant_channels)
    tell("making kernels", 0.4)
    planned = _remembered(options)
    program = _scheduled(fused, core, choices, planned)
    tell("planning memory", 0.7)
    c_name = c_identifier(name if name is not None else _default_name(model))
    result = _emit(Model(c_name, program, planned(program), options, __version__, _datetime()), _params(module))
    tell("done", 1.0)
    return result


def fuse_module(module: tvm.IRModule, *, constant_channels: bool = True) -> tvm.IRModule:
    """Relax as imported -> operators with fixed-point arithmetic."""
    fused = fuse_operators(separate_outputs(fold_constants(signed_bytes(module))))
    return _simplified(fused, constant_channels=constant_channels)


def _simplified(fused: tvm.IRModule, *, constant_channels: bool) -> tvm.IRModule:
    return settle_states(fold_constant_channels(fused) if constant_channels else fused)


def _recognised(
    model: Source, shapes: Mapping[str, tuple[int, ...]] | None, core: Target, tell: Progress
) -> tuple[tvm.IRModule, tvm.IRModule]:
    """The model as imported, and its fused operators."""
    tell("importing", 0.0)
    refusals = Refusals()
    module = import_model(model, refusals, shapes)
    tell("recognising operators", 0.2)
    return module, _fused(module, core, refusals)


def _fused(module: tvm.IRModule, core: Target, refusals: Refusals) -> tvm.IRModule:
    """Fused operators; whatever is wrong with the model is told at once."""
    fused = fuse_operators(separate_outputs(fold_constants(signed_bytes(module))), refusals)
    refuse_leftovers(fused, refusals)
    if refusals:
        refuse_kernels(fused, core, refusals)
        refusals.raise_all()
    return fused


def lower_module(
    module: tvm.IRModule, core: Target, choices: Choices | None = None, *, constant_channels: bool = True
) -> Program:
    """Relax -> program: every pass in order, schedules chosen without regard to memory."""
    return extract_program(
        lower_operators(fuse_module(module, constant_channels=constant_channels), core, choices or Choices())
    )


def _scheduled(fused: tvm.IRModule, core: Target, choices: Choices, planned: Callable[[Program], Plan]) -> Program:
    """The program; "balanced" takes working memory only where it does not raise the peak, "ram" never takes more."""

    def height(program: Program) -> int:
        return planned(program).bytes

    def lower(chosen: Choices) -> Program:
        found = extract_program(lower_operators(fused, core, chosen))
        better = ordered(found)
        # The plan may share memory in the one order and not in the other.
        return found if better is not found and height(better) > height(found) else better

    if choices.optimize in ("speed", "size"):
        return lower(choices)
    offers = offered_schedules(fused, core)
    usual = within_peak(lower, planned, offers, replace(choices, optimize="balanced"))
    if choices.optimize == "balanced":
        return usual
    # Little scratch alone does not make a small pool: a kernel with more may leave its input earlier.
    return min(usual, lower(replace(choices, scratch={})), key=height)


def _checked(options: Options) -> Target:
    if options.optimize not in OPTIMIZE:
        raise OptionError(f"optimize cannot be '{options.optimize}'; choose one of {', '.join(OPTIMIZE)}")
    return target_named(options.target)


def _default_name(model: object) -> str:
    return Path(model).stem if isinstance(model, str | os.PathLike) else "model"


def _params(module: tvm.IRModule) -> bytes:
    """``<m>.params``: the constants as imported, by the name of the binding that uses them."""
    params: dict[str, Any] = {}
    for binding in bindings(module["main"]):
        for position, argument in enumerate(getattr(binding.value, "args", [])):
            value = constant_value(argument)
            if value is not None and value.ndim:
                params[f"{binding.var.name}_{position}"] = tvm.runtime.tensor(value)
    return bytes(tvm.runtime.save_param_dict(params))


def _remembered(options: Options) -> Callable[[Program], Plan]:
    """:func:`_planned`, which makes the plan of a program once."""
    plans: dict[int, tuple[Program, Plan]] = {}  # the program is kept, so that its id stays its own

    def planned(program: Program) -> Plan:
        if id(program) not in plans:
            plans[id(program)] = program, _planned(program, options)
        return plans[id(program)][1]

    return planned


def _planned(program: Program, options: Options) -> Plan:
    external = set()
    if not options.include_inputs:
        external |= {entry.buffer for entry in program.inputs}
    if not options.include_outputs:
        external |= {entry.buffer for entry in program.outputs}
    safe = separations(program)
    plan = plan_memory(program.buffers, external, safe)
    if overlaps(program.buffers, plan, safe):
        raise AssertionError(f"the memory plan overlaps: {overlaps(program.buffers, plan, safe)}")
    return plan


def _emit(model: Model, params: bytes) -> CompiledModel:
    record = info_record(model, signature_of(model))
    return CompiledModel(model.name, model_files(model, record, params), record, model.program)


def _datetime() -> str:
    """ISO 8601 from SOURCE_DATE_EPOCH, else empty, so that equal inputs give equal files."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "").strip()
    if not epoch:
        return ""
    try:
        return dt.datetime.fromtimestamp(int(epoch), dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        raise OptionError(f"SOURCE_DATE_EPOCH is '{epoch}', which is no time in seconds since 1970") from None
