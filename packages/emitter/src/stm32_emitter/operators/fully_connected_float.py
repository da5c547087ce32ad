# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED in float32; with four vectors or more a 1x1 convolution over a row of pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from tvm import relax

from stm32_emitter.operators.base import Fused, KernelRequest, OperatorDefinition, constant
from stm32_emitter.operators.convolution_float import GROUP, block_cycles, interleaved
from stm32_emitter.operators.float_group import clamp_output, float_group, is_relu
from stm32_emitter.operators.schedule import Schedule
from stm32_emitter.operators.scope import Scope, dtype_of, shape_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address


class FullyConnectedFloat(OperatorDefinition):
    """Four outputs at a time, four rows of the input at a time where there are so many."""

    kind: ClassVar[str] = "FULLY_CONNECTED_F32"
    roots: ClassVar[tuple[str, ...]] = ("matmul", "add", "nn.relu", "clip")

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """act(matmul(x, constant [K,N]) + bias) with x [...,K]; inputs are x, weights [N,K], bias [N]."""
        group = float_group(scope, root, "matmul", biased=True)
        if group is None or dtype_of(group.call.args[0]) != "float32":
            return None
        x, value = group.call.args[0], scope.constant(group.call.args[1])
        if value is None or value.dtype != np.float32 or value.ndim != 2 or len(shape_of(x)) < 2:
            return None
        bias = np.zeros(value.shape[1], np.float32) if group.bias is None else group.bias
        inputs = (x, constant(value.T), constant(bias))
        return Fused(self.kind, inputs, shape_of(root), "float32", group.bounds)

    def schedules(self, request: KernelRequest) -> Sequence[Schedule]:
        """One: the blocks of the float convolution."""
        rows, depth = request.constant(1).shape
        cycles = block_cycles(depth, rows, request.output.elements // rows)
        constants = request.constant(1).nbytes + request.constant(2).nbytes
        text = "float32, 4 outputs x 1 or 4 rows in registers, weights interleaved by 4 outputs"
        return (Schedule("f32-4x4", lambda: self.kernel(request), text, cycles, constants=constants),)

    def kernel(self, request: KernelRequest) -> Kernel:
        """x float32 [B,K] -> y float32 [B,N]."""
        rows, depth = request.constant(1).shape
        batch = request.output.elements // rows
        with KernelBuilder("fully_connected", batch * rows * depth) as k:
            x = k.input("x", (batch * depth,), "float32")
            w, b = k.constant("weights", interleaved(request.constant(1))), k.constant("bias", request.constant(2))
            if batch < GROUP:
                y = k.output("y", (batch * rows,), "float32")
                with k.loop("n", batch) as n:
                    k.call(
                        "ai_k_dense_f32", address(x, n * depth), address(w), address(b),
                        address(y, n * rows, write=True), depth, rows, int(is_relu(request)),
                    )  # fmt: skip
            else:
                words = (1, batch, depth, depth, 1, 1, 1, 1, 1, rows, rows, int(is_relu(request)))
                layer = k.constant("layer", np.array(words, np.int32))
                y = k.output("y", (batch * rows,), "float32")
                k.call(
                    "ai_k_conv_f32", address(x), address(w), address(b), address(y, write=True), address(layer),
                    0, 0, batch,
                )  # fmt: skip
            clamp_output(k, request, y)
        return k.kernel()
