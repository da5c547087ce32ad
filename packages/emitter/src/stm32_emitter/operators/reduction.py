# SPDX-License-Identifier: Apache-2.0
"""Reductions over any axes as one small loop nest: each result in turn, its elements in order."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from stm32_emitter.tir.builder import KernelBuilder

Group = tuple[int, bool]
"""(elements, whether they are reduced) of neighbouring axes."""


def grouped(shape: tuple[int, ...], axes: list[int]) -> list[Group]:
    """Neighbouring axes that are both reduced or both kept, as one; axes of one element are left out."""
    groups: list[Group] = []
    for axis, size in enumerate(shape):
        reduced = axis in axes
        if size == 1:
            continue
        if groups and groups[-1][1] == reduced:
            groups[-1] = (groups[-1][0] * size, reduced)
        else:
            groups.append((size, reduced))
    return groups


def one_by_one(
    k: KernelBuilder, groups: list[Group], start: Callable[[Any], None], add: Callable[[Any], None],
    finish: Callable[[Any], None],
) -> None:  # fmt: skip
    """The loops over all results and, within, over their elements.

    Args:
        k: the kernel.
        groups: of the input's axes.
        start: emits what comes before a result's elements; gets the position of the first.
        add: emits what is done with an element; gets its position.
        finish: emits what is done with a result; gets its position.
    """
    strides = [math.prod(size for size, _ in groups[i + 1 :]) for i in range(len(groups))]
    kept = [(size, stride) for (size, reduced), stride in zip(groups, strides, strict=True) if not reduced]
    summed = [(size, stride) for (size, reduced), stride in zip(groups, strides, strict=True) if reduced]

    def results(depth: int, at: Any, first: Any) -> None:
        if depth < len(kept):
            size, stride = kept[depth]
            with k.loop(f"i{depth}", size) as i:
                results(depth + 1, at * size + i, first + i * stride)
            return
        start(first)
        elements(0, first)
        finish(at)

    def elements(depth: int, at: Any) -> None:
        if depth == len(summed):
            add(at)
            return
        size, stride = summed[depth]
        with k.loop(f"r{depth}", size) as r:
            elements(depth + 1, at + r * stride)

    results(0, 0, 0)
