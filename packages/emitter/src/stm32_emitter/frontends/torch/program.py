# SPDX-License-Identifier: Apache-2.0
"""A .pt2 file -> the program that torch.export made, reduced to the operators of its core set."""

from __future__ import annotations

import importlib
import io
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stm32_emitter.errors import MissingPackage, ModelRefused

_HOW = (
    "Save one with: torch.export.save(torch.export.export(model.eval(), (example_input,)), 'model.pt2'). "
    "State dicts, TorchScript and pickled modules cannot be read."
)


def is_program(model: object) -> bool:
    """Whether ``model`` is a torch.export.ExportedProgram; torch is not imported for the question."""
    export = sys.modules.get("torch.export")
    return export is not None and isinstance(model, export.ExportedProgram)


def torch_package() -> Any:
    """The module `torch`, with the quantize operators of its quantizers registered.

    Raises:
        MissingPackage: it is not installed.
    """
    try:
        torch = importlib.import_module("torch")
        importlib.import_module("torch.export")
        importlib.import_module("torch.ao.quantization.fx._decomposed")
    except ImportError as error:
        hint = "pip install 'stm32-ai-emitter[torch]'"
        raise MissingPackage("a .pt2 model needs the package torch", hint) from error
    return torch


@contextmanager
def quiet() -> Iterator[None]:
    """Warnings of torch about its own insides, and tracebacks that it logs, are not for users of ours."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def load_program(data: bytes) -> Any:
    """Reads a file.

    Args:
        data: the bytes of a .pt2 file.

    Returns:
        torch.export.ExportedProgram.

    Raises:
        MissingPackage: torch is not installed.
        ModelRefused: it is no such file, or one of another version of torch.
    """
    if data[:2] != b"PK":
        raise ModelRefused("this is no program of torch.export", hint=_HOW)
    torch = torch_package()
    try:
        with quiet():
            return torch.export.load(io.BytesIO(data))
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelRefused(f"torch cannot read this program: {reason[:200]}", hint=_HOW) from error


def core_program(program: Any) -> Any:
    """The same program in the core set of operators.

    Raises:
        ModelRefused: it changes its own parameters or inputs, or cannot be reduced.
    """
    kinds = torch_package().export.graph_signature.OutputKind
    try:
        with quiet():
            core = program.run_decompositions()
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelRefused(f"torch cannot decompose this program: {reason[:200]}") from error
    changed = [spec for spec in core.graph_signature.output_specs if spec.kind is not kinds.USER_OUTPUT]
    if changed:
        what = changed[0].target or changed[0].arg.name
        raise ModelRefused(
            f"the program changes '{what}' when it runs, which C code from constants cannot",
            hint="Export the model for inference (model.eval()); give what it keeps as an input and an output.",
        )
    return core
