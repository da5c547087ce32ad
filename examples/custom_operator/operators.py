# SPDX-License-Identifier: Apache-2.0
"""A plug-in with two operators: SoftThreshold by a function in C, Energy by a tensor expression of TVM."""

from __future__ import annotations

from pathlib import Path

from stm32_emitter.extension import (
    Call,
    CKernel,
    Input,
    ModelRefused,
    Operator,
    Output,
    TeKernel,
    Tensor,
    elementwise,
    register_operator,
)
from tvm import te

SOURCE = Path(__file__).with_name("soft_threshold.c")


def soft_threshold_result(call: Call) -> Tensor:
    """Shape and element type of the input."""
    (x,) = call.inputs
    if x.dtype != "float32":
        raise ModelRefused(f"its input is {x.dtype}; SoftThreshold computes with float32")
    if not isinstance(call.options.get("threshold"), float):
        raise ModelRefused("its option 'threshold' is missing or no number")
    return Tensor(x.shape, x.dtype)


def soft_threshold_kernel(call: Call) -> CKernel:
    """A call of soft_threshold_f32; element after element, so that the result may lie on the input."""
    arguments = [Input(0), Output(0), call.inputs[0].elements, call.options["threshold"]]
    return CKernel("soft_threshold_f32", arguments, SOURCE, lambda c: elementwise([0], 1, c[2], size=4))


def energy_result(call: Call) -> Tensor:
    """[batch, bands, samples] -> [batch, bands]."""
    (x,) = call.inputs
    if len(x.shape) != 3 or x.dtype != "float32":
        raise ModelRefused(f"its input is {x}; Energy takes float32[batch, bands, samples]")
    return Tensor(x.shape[:2], x.dtype)


def energy(x: te.Tensor) -> te.Tensor:
    """The mean square of each band."""
    batch, bands, samples = x.shape
    k = te.reduce_axis((0, samples), "k")
    total = te.compute((batch, bands), lambda n, b: te.sum(x[n, b, k] * x[n, b, k], axis=k), name="total")
    return te.compute((batch, bands), lambda n, b: total[n, b] / samples.astype("float32"), name="energy")


register_operator(Operator("SOFT_THRESHOLD", soft_threshold_result, soft_threshold_kernel, tflite="SoftThreshold"))
register_operator(
    Operator(
        "ENERGY",
        energy_result,
        lambda _call: TeKernel(energy),
        tflite="Energy",
        macs=lambda call: call.inputs[0].elements,
    )
)
