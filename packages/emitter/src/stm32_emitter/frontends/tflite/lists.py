# SPDX-License-Identifier: Apache-2.0
"""Lists of a loop's results: a pass writes one row of a tensor, by SLICE and CONCATENATION of all others.

When a loop is unrolled, such operators only say which rows stand where. They are carried out where a list is read by
something else, as one CONCATENATION of the rows of all passes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import tflite

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.tflite.reader import Operator, Tensor


@dataclass(frozen=True)
class Rows:
    """``count`` rows of the first axis of a tensor from ``first`` on."""

    tensor: Tensor
    first: int
    count: int

    @property
    def whole(self) -> bool:
        """Whether it is all of the tensor."""
        return self.count == self.tensor.shape[0]


Fresh = Callable[[Tensor], Tensor]
"""Gives a tensor an index of its own."""


class Lists:
    """Which rows tensors consist of that nothing has computed yet; by their indices."""

    def __init__(self) -> None:
        self._rows: dict[int, tuple[Rows, ...]] = {}
        self._makers: dict[str, Operator] = {}

    def __contains__(self, tensor: Tensor) -> bool:
        return tensor.index in self._rows

    def follow(self, operator: Operator, fresh: Fresh) -> Tensor | None:
        """The result of a SLICE or CONCATENATION of rows, which is not computed; None for anything else.

        Args:
            operator: with the tensors that stand for its inputs.
            fresh: gives the result an index of its own.
        """
        rows = {"SLICE": self._sliced, "CONCATENATION": self._joined}.get(operator.kind, _nothing)(operator)
        if rows is None:
            return None
        self._makers[operator.kind] = operator
        shape = (sum(part.count for part in rows), *operator.input(0).shape[1:])
        result = replace(fresh(operator.outputs[0]), shape=shape, ranked=True)
        self._rows[result.index] = rows
        return result

    def computed(self, tensor: Tensor, fresh: Fresh) -> list[Operator]:
        """The operators that compute the rows of a tensor, with it as the last output; their indices say nothing."""
        rows = self._rows.pop(tensor.index)
        if not rows:
            raise ModelRefused(f"'{tensor.name}' has no elements")
        if len(rows) == 1 and not (rows[0].whole and "CONCATENATION" in self._makers):
            return [self._cut(rows[0], tensor)]
        operators, parts = [], []
        for part in rows:
            if not part.whole:
                output = replace(fresh(tensor), shape=(part.count, *tensor.shape[1:]))
                operators.append(self._cut(part, output))
            parts.append(part.tensor if part.whole else operators[-1].outputs[0])
        return [*operators, replace(self._makers["CONCATENATION"], inputs=tuple(parts), outputs=(tensor,))]

    def _cut(self, part: Rows, output: Tensor) -> Operator:
        maker, rank = self._makers["SLICE"], len(part.tensor.shape)
        begin, size = [part.first, *[0] * (rank - 1)], [part.count, *[-1] * (rank - 1)]
        numbers = [replace(maker.input(1 + i), data=np.array(value, np.int32)) for i, value in enumerate((begin, size))]
        return replace(maker, inputs=(part.tensor, *numbers), outputs=(output,))

    def _of(self, tensor: Tensor) -> tuple[Rows, ...]:
        return self._rows[tensor.index] if tensor in self else (Rows(tensor, 0, tensor.shape[0]),)

    def _sliced(self, operator: Operator) -> tuple[Rows, ...] | None:
        """Rows of a list, of a constant, or no rows."""
        x, begin, size = (operator.input(i) for i in range(3))
        if begin.data is None or size.data is None or not x.shape or begin.data.size != len(x.shape):
            return None
        first, *others = begin.data.ravel().tolist()
        count, *sizes = size.data.ravel().tolist()
        count = x.shape[0] - first if count < 0 else count
        whole = not any(others) and all(n in (-1, dim) for n, dim in zip(sizes, x.shape[1:], strict=True))
        known = x in self or x.data is not None or count == 0
        if not whole or not known or not 0 <= first <= first + count <= x.shape[0]:
            return None
        return _part(self._of(x), first, count)

    def _joined(self, operator: Operator) -> tuple[Rows, ...] | None:
        """Rows behind each other, some of which are those of a list."""
        given = [tensor for tensor in operator.inputs if tensor is not None]
        options = operator.options(tflite.ConcatenationOptions)
        plain = options.FusedActivationFunction() == tflite.ActivationFunctionType.NONE and options.Axis() == 0
        if not plain or not any(tensor in self for tensor in given) or not all(tensor.shape for tensor in given):
            return None
        return tuple(part for tensor in given for part in self._of(tensor))


def _nothing(_: Operator) -> None:
    return None


def _part(rows: Sequence[Rows], first: int, count: int) -> tuple[Rows, ...]:
    """``count`` of the rows from ``first`` on."""
    found, start = [], 0
    for part in rows:
        low, high = max(first, start), min(first + count, start + part.count)
        if low < high:
            found.append(Rows(part.tensor, part.first + low - start, high - low))
        start += part.count
    return tuple(found)
