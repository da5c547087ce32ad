# SPDX-License-Identifier: Apache-2.0
"""Random choices that the case generators share: shapes, scales, constants and input values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from stm32_emitter.testing.tflite_writer import ModelWriter, Quant, TensorSpec

Array = np.ndarray[Any, Any]
T = TypeVar("T")

CHANNELS = (1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 16, 17, 20, 24, 31, 32, 40)
ACTIVATIONS = ("NONE", "NONE", "RELU", "RELU6", "RELU_N1_TO_1")
FLOAT_INPUT_SPREAD = 4.0


@dataclass
class Draw:
    """One case under construction.

    Attributes:
        rng: the case's own generator.
        dtype: the type of activations and, but for "int16", weights; one of ``DTYPES``.
        dyadic: make every scale a power of two, so that results often lie half-way between two integers.
        writer: the model being written.
        pruned: most weights have output channels, and some have input channels, of zeros only.
        weights: type of the weights where it is not the usual one: "int8" beside float32, or "int4".
    """

    rng: np.random.Generator
    dtype: str
    dyadic: bool = False
    writer: ModelWriter = field(default_factory=ModelWriter)
    pruned: bool = False
    weights: str = ""

    @property
    def hybrid(self) -> bool:
        """Whether weights are integers and activations are not."""
        return self.weights != "" and self.dtype == "float32"

    @property
    def quantized(self) -> bool:
        """Whether its tensors have scales."""
        return self.dtype in ("int8", "uint8", "int16")

    @property
    def middle(self) -> int:
        """What zero points of int8 are shifted by."""
        return 128 if self.dtype == "uint8" else 0

    @property
    def steps(self) -> float:
        """How many steps of the dtype one step of int8 has."""
        return 256.0 if self.dtype == "int16" else 1.0

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, each equally likely."""
        return options[int(self.rng.integers(len(options)))]

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return bool(self.rng.random() < probability)

    def integer(self, low: int, high: int) -> int:
        """Uniform integer of low..high, both included."""
        return int(self.rng.integers(low, high + 1))

    def log_uniform(self, low: float, high: float) -> float:
        """Real number of low..high with a uniform logarithm."""
        return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))

    def shape(self, ranks: tuple[int, int], elements: int, largest: int = 12) -> tuple[int, ...]:
        """Shape of a rank within ``ranks`` and at most ``elements`` elements."""
        dims = [1] * self.integer(*ranks)
        for position in self.rng.permutation(len(dims)):
            room = max(1, elements // int(np.prod(dims)))
            dims[position] = self.integer(1, min(largest, room))
        return tuple(dims)

    def quant(self, low: float = 2.0**-9, high: float = 1.0) -> Quant | None:
        """Per-tensor quantization with a random scale of low..high and any zero point; None for other types.

        The scale is that of int8; for int16 it is 256 times finer, and the zero point 0, as the kernels demand.
        """
        if not self.quantized:
            return None
        zero_point = self.pick((self.integer(-128, 127), self.integer(-40, 40), -128, 127, 0))
        return self.activations(self.log_uniform(low, high), zero_point)

    def activations(self, scale: float, zero_point: int) -> Quant:
        """``affine`` of this scale and zero point of int8, for the case's dtype."""
        if self.dtype == "int16":
            return self.affine(scale / self.steps, 0)
        return self.affine(scale, zero_point + self.middle)

    def affine(self, scale: float | Sequence[float], zero_point: int, axis: int = 0) -> Quant:
        """Quantization with this scale or these scales, rounded to powers of two in a dyadic case."""
        scales = scale if isinstance(scale, Sequence) else [scale]
        if self.dyadic:
            scales = [2.0 ** round(math.log2(value)) for value in scales]
        return Quant(list(scales), zero_point, axis)

    def fixed(self, scale: float, zero_point: int) -> Quant | None:
        """The given quantization of int8, or its like of another dtype that kernels prescribe; None for float32."""
        if self.dtype == "int16":
            return Quant(1 / 32768, 0)
        return Quant(scale, zero_point + self.middle) if self.quantized else None

    def activation(self, name: str, shape: Sequence[int], quant: Quant | None, dtype: str | None = None) -> int:
        """Add a tensor without data; returns its index."""
        return self.writer.tensor(name, shape, dtype or self.dtype, quant=quant)

    def constant(self, name: str, shape: Sequence[int], quant: Quant | None) -> int:
        """Add a constant of the case's dtype with random values; returns its index."""
        return self.writer.constant(name, values(self.rng, tuple(shape), self.dtype, "uniform"), quant=quant)

    def int_constant(self, name: str, data: int | Sequence[int] | Sequence[Sequence[int]], dtype: str = "int32") -> int:
        """Add an integer constant such as axes or paddings; returns its index."""
        return self.writer.constant(name, np.asarray(data, dtype))


def values(rng: np.random.Generator, shape: tuple[int, ...], dtype: str, kind: str) -> Array:
    """Values for one tensor.

    Args:
        rng: generator.
        shape: the tensor's shape.
        dtype: int8, uint8, int16, int32, int64, bool or float32.
        kind: "uniform", "extremes" (least and greatest value), "ramp" (consecutive values from a random start) or
            "constant" (one extreme everywhere).
    """
    if dtype == "float32":
        return _float_values(rng, shape, kind)
    if dtype == "bool":
        return rng.random(shape) < (rng.choice([0.0, 1.0]) if kind == "constant" else 0.7)
    info = np.iinfo("int32" if dtype == "int64" else dtype)
    count = int(np.prod(shape))
    if kind == "uniform":
        data = rng.integers(info.min, info.max + 1, count)
    elif kind == "extremes":
        data = rng.choice(np.asarray([info.min, info.max]), count)
    elif kind == "ramp":
        data = np.arange(count) + rng.integers(0, 256)
        data = data + info.min if dtype == "int64" else data % (info.max - info.min + 1) + info.min
    else:
        data = np.full(count, rng.choice(np.asarray([info.min, info.max])))
    return data.astype(dtype).reshape(shape)


def _float_values(rng: np.random.Generator, shape: tuple[int, ...], kind: str) -> Array:
    spread = FLOAT_INPUT_SPREAD
    count = int(np.prod(shape))
    if kind == "uniform":
        data = rng.uniform(-spread, spread, count)
    elif kind == "extremes":
        data = rng.choice(np.asarray([-8 * spread, 8 * spread]), count)
    elif kind == "ramp":
        data = np.linspace(-2 * spread, 2 * spread, count)
    else:
        data = np.full(count, rng.normal())
    return data.astype(np.float32).reshape(shape)


KINDS = ("uniform", "uniform", "extremes", "ramp", "constant")


def input_sets(rng: np.random.Generator, specs: Sequence[TensorSpec]) -> tuple[tuple[Array, ...], ...]:
    """Input values for a case: one set per entry of ``KINDS``, each with one array per input."""
    return tuple(tuple(values(rng, spec.shape, spec.dtype, kind) for spec in specs) for kind in KINDS)
