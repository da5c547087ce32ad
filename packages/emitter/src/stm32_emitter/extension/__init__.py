# SPDX-License-Identifier: Apache-2.0
"""Operators from outside of this package: a custom operator of TFLite or ONNX, or a function of a Relax module.

An operator says what its results are and how they are computed, by a C function, by TVM's tensor expressions or by a
PrimFunc::

    from stm32_emitter.extension import CKernel, Input, Operator, Output, register_operator

    def kernel(call):
        source = Path(__file__).with_name("soft_threshold.c")
        return CKernel("soft_threshold_f32", [Input(0), Output(0), call.inputs[0].elements], source)

    register_operator(Operator("SOFT_THRESHOLD", results=lambda call: call.inputs[0], kernel=kernel,
                               tflite="SoftThreshold", onnx="com.example.SoftThreshold"))

``docs/extending.md`` has the whole of it. Registration holds for the process.
"""

from stm32_emitter.errors import ModelRefused, OperatorError
from stm32_emitter.extension.call import Call, Tensor
from stm32_emitter.extension.importers import relax_call
from stm32_emitter.extension.kernels import CKernel, Constant, Input, Output, Scratch, TeKernel
from stm32_emitter.extension.operator import Operator
from stm32_emitter.extension.plugins import (
    ENTRY_POINTS,
    installed_plugins,
    load_entry_point,
    load_file,
    load_installed,
)
from stm32_emitter.extension.registration import register_operator, unregister_operator
from stm32_emitter.operators.base import Fused, KernelRequest, OperatorDefinition
from stm32_emitter.operators.scope import Scope
from stm32_emitter.planning.footprints import elementwise, reads, repeat, sequence, together, writes
from stm32_emitter.tir.builder import Kernel, KernelBuilder

__all__ = [
    "ENTRY_POINTS",
    "CKernel",
    "Call",
    "Constant",
    "Fused",
    "Input",
    "Kernel",
    "KernelBuilder",
    "KernelRequest",
    "ModelRefused",
    "Operator",
    "OperatorDefinition",
    "OperatorError",
    "Output",
    "Scope",
    "Scratch",
    "TeKernel",
    "Tensor",
    "elementwise",
    "installed_plugins",
    "load_entry_point",
    "load_file",
    "load_installed",
    "reads",
    "register_operator",
    "relax_call",
    "repeat",
    "sequence",
    "together",
    "unregister_operator",
    "writes",
]
