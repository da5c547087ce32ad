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

from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Finish:
    """What turns sums into results: one scale of the weights or one for each output, and the bias."""

    kind: int
    scales: tirx.Buffer
    bias: tirx.Buffer


def finish_of(k: KernelBuilder, request: KernelRequest) -> Finish:
    """The constants of a layer whose inputs 3 and 4 are scales and bias."""
    scales, bias = request.constant(3), request.constant(4)
    return Finish(layer_kind(request, scales), k.constant("scales", scales), k.constant("bias", bias))


class Rows:
    """Constants of matrices [outputs, depth] of one shape and the calls that multiply them.

    Args:
        k: the kernel.
        finish: of all outputs.
        matrices: int8, those of one pixel or batch behind each other.
        shared: the matrices share their outputs' scales and bias; else each has its own.
    """

    def __init__(
        self, k: KernelBuilder, finish: Finish, matrices: Sequence[NDArray[np.int8]], *, shared: bool = False
    ) -> None:
        self._k, self._finish, self._own = k, finish, 0 if shared else 1
        self.outputs, self.depth = matrices[0].shape
        packed = [pack_rows(part) for part in matrices]
        self._bytes = packed[0].size
        self._weights = k.constant("weights", np.concatenate(packed))
        sums = [matrix.astype(np.int64).sum(axis=1) for matrix in matrices] if finish.kind & OFFSET else [np.zeros(1)]
        self._sums = k.constant("sums", np.concatenate(sums).astype(np.int32))

    def multiply(self, x: Any, numbers: Any, y: tirx.Buffer, start: Any, group: Any = 0, sums: Any = None) -> None:
        """y[start ...] = the outputs of matrix ``group`` for the vector at x, with its sums or those of another one."""
        first, kind = group * self.outputs * self._own, self._finish.kind
        summed = group if sums is None else sums
        self._k.call(
            "ai_k_dense_hybrid_s8", x, numbers, address(self._weights, group * self._bytes),
            address(self._sums, summed * self.outputs if kind & OFFSET else 0),
            address(self._finish.scales, first if kind & SCALES else 0), address(self._finish.bias, first),
            address(y, start, write=True), self.depth, self.outputs, kind,
        )  # fmt: skip


def packed_matrices(matrices: Sequence[NDArray[np.int8]]) -> tuple[NDArray[np.int8], NDArray[np.int32]]:
    """(matrices [outputs, depth] as the kernels read them, sums of their rows), all behind each other."""
    sums = [matrix.astype(np.int64).sum(axis=1) for matrix in matrices]
    return np.concatenate([pack_rows(matrix) for matrix in matrices]), np.concatenate(sums).astype(np.int32)
