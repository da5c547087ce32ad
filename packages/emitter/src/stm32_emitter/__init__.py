# SPDX-License-Identifier: Apache-2.0
"""Compiles neural networks to plain C for STM32 microcontrollers, through Apache TVM."""

__version__ = "0.1.0"

from stm32_emitter import _without_torch  # noqa: F401 - before anything that imports TVM
from stm32_emitter.code_emitter import CodeEmitter
from stm32_emitter.compiler import CompiledModel, compile_model
from stm32_emitter.errors import (
    EmitterError,
    MissingPackage,
    ModelRefused,
    OperatorError,
    OptionError,
    UnsupportedFormatError,
)

__all__ = [
    "CodeEmitter",
    "CompiledModel",
    "EmitterError",
    "MissingPackage",
    "ModelRefused",
    "OperatorError",
    "OptionError",
    "UnsupportedFormatError",
    "compile_model",
]
