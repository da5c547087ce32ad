# SPDX-License-Identifier: Apache-2.0
"""What hybrid layers share: weights of int8, activations of float32.

A hybrid layer is two operators. QUANTIZE_ROWS turns the input into int8 with one scale and zero point for each row,
found from its values; the layer itself adds up integers and gives float32. So the input of float32 is gone when the
result is written.

Arithmetic, that of the reference interpreter to the last bit on x86 (its vector code; ``ai_k_hybrid.h``): products and
sums of float32 are rounded one by one. Without a zero point, scale = greatest magnitude / 127 and
q = round(x * (127 / greatest magnitude)); with one, scale = (high - low) / 255 with low <= 0 <= high, the difference
rounded to float32 and the quotient to float32 for the products, the zero point from the end of the range with the
smaller error in double precision, and q = round(x * (1 / scale)) + zero point. Where x / scale is 0.5 - 2**-25, which
the interpreter rounds upward in some places of a row and downward in others, it is rounded upward.
A sum is multiplied by weight scale * input scale and the bias is added; CONV_2D with a scale for each channel
multiplies by one scale after the other.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from tvm import tirx

from stm32_emitter.operators.base import KernelRequest, MadeOperator
from stm32_emitter.operators.float_group import is_relu
from stm32_emitter.operators.packing import pack_rows
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

OFFSET, SCALES, RELU, STEPWISE = 1, 2, 4, 8
"""As AI_K_HYBRID_* of ai_k_hybrid.h."""
NUMBERS = 2
"""Of a row: scale, zero point."""


class QuantizeRows(MadeOperator):
    """Input: x float32; attributes: ``rows`` of which it consists, ``offset`` 1 for a zero point.

    Results: int8 of the same shape, and float32 [rows, 2].
    """

    kind: ClassVar[str] = "QUANTIZE_ROWS"

    def kernel(self, request: KernelRequest) -> Kernel:
        """Rows in order."""
        x, rows = request.inputs[0], request.integer("rows")
        depth = x.elements // rows
        with KernelBuilder("quantize_rows") as k:
            source = k.input("x", (x.elements,), "float32") if x.value is None else k.constant("x", x.value.ravel())
            y = k.output("y", (x.elements,), "int8")
            numbers = k.output("scaling", (rows * NUMBERS,), "float32")
            with k.loop("n", rows) as n:
                k.call(
                    "ai_k_quantize_row_f32", address(source, n * depth), address(y, n * depth, write=True),
                    address(numbers, n * NUMBERS, write=True), depth, request.integer("offset"),
                )  # fmt: skip
        return k.kernel()


def layer_kind(request: KernelRequest, scales: NDArray[np.float32]) -> int:
    """The sum of AI_K_HYBRID_* that a layer with attributes ``offset`` and ``stepwise`` needs."""
    kind = OFFSET * request.integer("offset") + STEPWISE * request.integer("stepwise")
    return kind + (SCALES if scales.size > 1 else 0) + (RELU if is_relu(request) else 0)


class Rows:
    """Constants of a matrix and the calls that multiply it; inputs of the request behind x and its numbers are weights
    (of which rows are made by ``groups``), scales of them or one, bias.
    """  # noqa: D205

    def __init__(self, k: KernelBuilder, request: KernelRequest, groups: int = 1) -> None:
        weights, scales, bias = (request.constant(i) for i in (2, 3, 4))
        matrix = weights.reshape(len(weights), -1)
        self._k, self.kind = k, layer_kind(request, scales)
        self.outputs, self.depth = len(matrix) // groups, matrix.shape[1]
        packed = [pack_rows(part) for part in np.split(matrix, groups)]
        self._bytes = packed[0].size
        self._weights = k.constant("weights", np.concatenate(packed))
        sums = matrix.astype(np.int64).sum(axis=1) if self.kind & OFFSET else np.zeros(1)
        self._sums = k.constant("sums", sums.astype(np.int32))
        self._scales, self._bias = k.constant("scales", scales), k.constant("bias", bias)

    def multiply(self, x: Any, numbers: Any, y: tirx.Buffer, start: Any, group: Any = 0) -> None:
        """y[start ...] = the outputs of a group for the vector at x."""
        first = group * self.outputs
        self._k.call(
            "ai_k_dense_hybrid_s8", x, numbers, address(self._weights, group * self._bytes),
            address(self._sums, first if self.kind & OFFSET else 0),
            address(self._scales, first if self.kind & SCALES else 0), address(self._bias, first),
            address(y, start, write=True), self.depth, self.outputs, self.kind,
        )  # fmt: skip
