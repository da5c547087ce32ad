# SPDX-License-Identifier: Apache-2.0
"""Which frontend a model is for: a file by its name, bytes by their beginning."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, TypeAlias

import tvm

from stm32_emitter.errors import ModelRefused, OptionError, Refuse
from stm32_emitter.frontends.keras import converted, is_keras
from stm32_emitter.frontends.onnx import import_onnx
from stm32_emitter.frontends.onnx.reader import Shapes
from stm32_emitter.frontends.relax import import_relax, is_channels_first
from stm32_emitter.frontends.tflite import import_tflite
from stm32_emitter.frontends.torch import import_torch, is_program
from stm32_emitter.model_info import ATTRIBUTE
from stm32_emitter.passes.check import check_module
from stm32_emitter.passes.external import bind_operators

Source: TypeAlias = str | os.PathLike[str] | bytes | tvm.IRModule | Any
"""A path, the bytes of a file, a Relax module, or a torch.export.ExportedProgram."""

_PICKLES = (".pt", ".pth", ".ckpt", ".safetensors")


def import_model(model: Source, refuse: Refuse, shapes: Shapes | None = None) -> tvm.IRModule:
    """Imports a model by the frontend that it is for.

    Raises:
        MissingPackage: a package that this kind of model needs is not installed.
        ModelRefused: no valid model, or something in it is not supported.
        OperatorError: an operator that was registered from outside is wrong.
        OptionError: ``shapes`` does not fit the model, or is given for a kind that has no free dimensions.
        OSError: the file cannot be read.
    """
    if isinstance(model, tvm.IRModule):
        _check_fixed(shapes)
        return _import_module(model, refuse)
    if is_program(model):
        return import_torch(model, refuse, shapes)
    if not isinstance(model, bytes) and is_keras(Path(model)):
        _check_fixed(shapes)
        return import_tflite(converted(Path(model)), refuse)
    data = model if isinstance(model, bytes) else Path(model).read_bytes()
    kind = _kind(data) if isinstance(model, bytes) else Path(model).suffix.lower()
    if kind == ".onnx":
        return import_onnx(data, refuse, shapes)
    if kind == ".pt2":
        return import_torch(data, refuse, shapes)
    if kind in _PICKLES:
        raise ModelRefused(
            f"a {kind} file holds weights or pickled Python, not a program",
            hint="Export the model: torch.export.save(torch.export.export(model.eval(), (example,)), 'model.pt2').",
        )
    _check_fixed(shapes)
    return import_tflite(data, refuse)


def _import_module(mod: tvm.IRModule, refuse: Refuse) -> tvm.IRModule:
    """A module as it is, unless its images are channels first; ours carry what their origin knows."""
    checked = bind_operators(check_module(mod))
    attrs = checked["main"].attrs
    ours = attrs is not None and ATTRIBUTE in attrs
    return checked if ours or not is_channels_first(checked) else import_relax(checked, refuse)


def _check_fixed(shapes: Shapes | None) -> None:
    if shapes:
        raise OptionError("shapes can be given for .onnx and .pt2 models only")


def _kind(data: bytes) -> str:
    """TFLite's mark stands at byte 4, .pt2 is a ZIP archive, ONNX begins with field 1 of a protobuf message."""
    if data[4:8] == b"TFL3":
        return ".tflite"
    if data[:4] == b"PK\x03\x04":
        return ".pt2"
    return ".onnx" if data[:1] == b"\x08" else ".tflite"
