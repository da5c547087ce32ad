# SPDX-License-Identifier: Apache-2.0
"""Functions of single elements of int16: interpolated in a table of 513 entries, or rescaled.

Arithmetic, established against the reference interpreter for all 65536 values. EXP, LOG, GELU and RSQRT: the function
is sampled at every 128th value in float32; an entry is the rounded sample, less half of the error that interpolation
makes in the middle of the step that begins there (``interpolated``), and ``ai_k_table_s16`` interpolates in integers.
RELU, RELU6, LEAKY_RELU and ABS: requantize(x - zero point) with two roundings, by one factor below zero and one above,
plus the output's zero point, clamped.

Samples are float32 as the machine's C library gives them to the reference: tanh and erfc by ``tanh_32.py`` and
``erfc_32.py``, exp and log correctly rounded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import tirx

from stm32_emitter.operators.base import Attribute, Fused, KernelRequest, constant
from stm32_emitter.operators.fixed_point import round_half_away
from stm32_emitter.operators.gemmlowp import Ints, ints, requantize
from stm32_emitter.operators.scope import Quantized
from stm32_emitter.operators.table import Source, constant_kernel
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address, expression

Floats = NDArray[np.float32]
Scaling = tuple[int, int]
"""(multiplier, shift)"""
_STEPS = 512
_LOW, _HIGH = -(1 << 15), (1 << 15) - 1


def interpolated(function: Callable[[Floats], Floats], source: Source, result: Quantized) -> NDArray[np.int16]:
    """The table of a function of real numbers, [513] for the values -32768, -32640, ..., 32768.

    Args:
        function: on float32, as the reference computes it in float32.
        source: of int16.
        result: of int16.
    """
    one = np.float32
    scale = one(result.scale)
    first, last = (source.scale * one(value - source.zero_point) for value in (_LOW, _HIGH))
    least, most = (scale * one(value - result.zero_point) for value in (_LOW, _HIGH))
    step, inverse = one(last - first) / one(_STEPS), one(65536) / one(most - least)
    number = np.arange(_STEPS, dtype=np.float32)
    at = (first + number * step).astype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        here, middle, there, end = (
            (function(points) * inverse).astype(np.float32)
            for points in (at, at + step / one(2), first + (number + one(1)) * step, np.array([last], np.float32))
        )
        sample = _rounded(here)
        error = _rounded((there + sample) / one(2)) - _rounded(middle)
        entries = np.concatenate([sample - _rounded(error / one(2)), _rounded(end)])
    return np.asarray(np.clip(np.nan_to_num(entries), _LOW, _HIGH), np.int16)


def _rounded(values: Floats) -> Floats:
    return round_half_away(values.astype(np.float64)).astype(np.float32)


def fused_table(kind: str, source: Source, shape: tuple[int, ...], table: NDArray[np.int16]) -> Fused:
    """The operator that looks up ``table`` [513]; inputs are x and the table."""
    return Fused(kind, (source.value, constant(table)), shape, "int16")


def table_kernel_16(name: str, request: KernelRequest) -> Kernel:
    """x int16 -> y int16 of the same shape."""
    x, table = request.inputs[0], request.constant(1)
    if x.value is not None:
        return constant_kernel(name, _looked_up(ints(x.value), ints(table)))
    with KernelBuilder(name) as k:
        source = k.input("x", (x.elements,), "int16")
        entries = k.constant("table", table)
        y = k.output("y", (x.elements,), "int16")
        k.call("ai_k_table_s16", address(source), address(entries), address(y, write=True), x.elements)
    return k.kernel()


def _looked_up(values: Ints, table: Ints) -> NDArray[np.int16]:
    """What ``ai_k_table_s16`` does."""
    index = 256 + (values >> 7)
    slope = (table[index + 1] - table[index]).astype(np.int16).astype(np.int64)
    return np.asarray(table[index] + ((slope * (values & 127) + 64) >> 7)).astype(np.int16)


def fused_rescaling(
    kind: str, source: Source, result: Quantized, shape: tuple[int, ...], below: Scaling, above: Scaling,
    bounds: tuple[int, int] = (_LOW, _HIGH), *, magnitude: bool = False,
) -> Fused:  # fmt: skip
    """The operator clamp(requantize(v) + zero point), v = x - zero point, or its magnitude; the input is x.

    Args:
        kind: of the operator.
        source: x, of int16.
        result: of int16.
        shape: of the result.
        below: how a negative v is scaled.
        above: how any other v is scaled.
        bounds: of the result.
        magnitude: whether v is |x - zero point|.
    """
    attributes: dict[str, Attribute] = {
        "below": list(below), "above": list(above), "low": bounds[0], "high": bounds[1], "magnitude": int(magnitude),
        "input_zero_point": source.zero_point, "output_zero_point": result.zero_point,
    }  # fmt: skip
    return Fused(kind, (source.value,), shape, "int16", attributes)


def rescaling_kernel(name: str, request: KernelRequest) -> Kernel:
    """x int16 -> y int16 of the same shape."""
    x, low, high = request.inputs[0], request.integer("low"), request.integer("high")
    offset = request.integer("output_zero_point")
    if x.value is not None:
        values = np.clip(_rescaled(request, ints(x.value)) + offset, low, high)
        return constant_kernel(name, np.asarray(values, np.int16))
    with KernelBuilder(name) as k:
        source = k.input("x", (x.elements,), "int16")
        y = k.output("y", (x.elements,), "int16")
        with k.loop("i", x.elements) as i:
            total = _rescaled(request, source[i].astype("int32")) + offset
            k.store(y, [i], expression("ai_k_clamp", total, low, high).astype("int16"))
    return k.kernel()


def _rescaled(request: KernelRequest, values: Any) -> Any:
    """The scaled values, of an int32 expression or of an array."""
    below, above = request.integers("below"), request.integers("above")
    centred = values - request.integer("input_zero_point")
    if isinstance(values, np.ndarray):
        centred = np.abs(centred) if request.integer("magnitude") else centred
        return np.where(centred < 0, requantize(centred, *below), requantize(centred, *above))
    if request.integer("magnitude"):
        return expression("ai_k_requantize", tirx.max(centred, -centred), *above)
    positive = expression("ai_k_requantize", centred, *above)
    if below == above:
        return positive
    return tirx.if_then_else(centred >= 0, positive, expression("ai_k_requantize", centred, *below))
