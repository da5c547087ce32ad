# SPDX-License-Identifier: Apache-2.0
"""Numbers of a layer that its kernel reads at run time, so that layers of one class share one function."""

from __future__ import annotations

from typing import Any

import numpy as np

from stm32_emitter.tir.builder import KernelBuilder


class Numbers:
    """Elements of a constant array, of 16 bits each where they fit; give an int32 expression by name.

    Args:
        k: the kernel; the array is its next constant, ``layer``.
        fields: name -> value.

    Attributes:
        buffer: the array, for functions that read it themselves.
    """

    def __init__(self, k: KernelBuilder, fields: dict[str, int]) -> None:
        values = np.array(list(fields.values()), np.int32)
        short = values.astype(np.int16)
        self._places = {name: i for i, name in enumerate(fields)}
        self.buffer = k.constant("layer", short if np.array_equal(values, short) else values)

    def __getitem__(self, name: str) -> Any:
        return self.buffer[self._places[name]].astype("int32")
