# SPDX-License-Identifier: Apache-2.0
"""RESIZE_BILINEAR of int8, int16 and uint8.

Arithmetic of int8 and int16, established against the reference interpreter, all in integers of 1/1024:
step = (1024 * in + out / 2) / out, or (1024 * (in - 1) + (out - 1) / 2) / (out - 1) with align_corners and out > 1;
position t = v * step, plus step / 2 - 512 with half_pixel_centers; neighbours lo = max(t / 1024, 0) and
hi = min((t + 1023) / 1024, in - 1), weights 1024 - f and f with f = t - 1024 * lo; the sum of four products is divided
by 2**20, rounded half away from zero. Division truncates. Scale and zero point do not take part: input and output have
the same.

uint8 is float32: step = in / out, or (in - 1) / (out - 1) with align_corners and out > 1; t = v * step, or
(v + 0.5) * step - 0.5 with half_pixel_centers; neighbours max(floor(t), 0) and min(ceil(t), in - 1), weights 1 - f and
f with f = t - lower neighbour; byte * row weight * column weight is summed for upper left, lower left, upper right,
lower right, 0.5 is added and it is cut to an integer; each product and sum is rounded.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.operators.base import Attribute, Fused, KernelRequest, OperatorDefinition
from stm32_emitter.operators.scope import Scope, shape_of
from stm32_emitter.tir.builder import Kernel, KernelBuilder, address

_ONE = 1024


class ResizeBilinear(OperatorDefinition):
    """Row by row; neighbours and weights come from tables made at compile time."""

    kind: ClassVar[str] = "RESIZE_BILINEAR"
    roots: ClassVar[tuple[str, ...]] = ("quantize",)

    def match(self, scope: Scope, root: relax.Call) -> Fused | None:
        """quantize(image.resize2d(dequantize(x), size)), method linear, NHWC."""
        result = scope.quantized(root)
        if result is None or result.dtype not in _TYPES or (result.low, result.high) != (None, None):
            return None
        call = scope.call(result.value, "image.resize2d")
        x = None if call is None else scope.dequantized(call.args[0])
        if call is None or x is None or x.dtype != result.dtype:
            return None
        mode = str(call.attrs.coordinate_transformation_mode)
        if str(call.attrs.method) != "linear" or str(call.attrs.layout) != "NHWC" or mode not in _MODES:
            return None
        if (float(x.scale[0]), int(x.zero_point[0])) != (result.scale, result.zero_point):
            raise ModelRefused("its input and output have different scales or zero points")
        attributes: dict[str, Attribute] = {"mode": mode, "unsigned": int(scope.unsigned(root))}
        return Fused(self.kind, (x.value,), shape_of(root), x.dtype, attributes)

    def kernel(self, request: KernelRequest) -> Kernel:
        """x [N,H,W,C] -> y [N,OH,OW,C], both int8 or both int16."""
        if request.integer("unsigned"):
            return _unsigned_kernel(request)
        source, result, mode = request.inputs[0], request.output, str(request.attributes["mode"])
        batch, height, width, channels = source.shape
        _, out_height, out_width, _ = result.shape
        row, image = width * channels, height * width * channels
        with KernelBuilder("resize_bilinear", 4 * result.elements) as k:
            x = k.input("x", (source.elements,), source.dtype)
            rows = k.constant("rows", _table(height, out_height, mode))
            columns = k.constant("columns", _table(width, out_width, mode))
            y = k.output("y", (result.elements,), source.dtype)
            with k.loop("n", batch) as n, k.loop("v", out_height) as v:
                low, high, fraction = (rows[v * 3 + i].astype("int32") for i in range(3))
                k.call(
                    _TYPES[source.dtype], address(x, n * image + low * row), address(x, n * image + high * row),
                    address(y, (n * out_height + v) * (out_width * channels), write=True), address(columns),
                    out_width, channels, fraction,
                )  # fmt: skip
        return k.kernel()


_TYPES = {"int8": "ai_k_resize_bilinear_s8", "int16": "ai_k_resize_bilinear_s16"}
"""Element types and their functions."""


def _unsigned_kernel(request: KernelRequest) -> Kernel:
    """x uint8 kept as int8 [N,H,W,C] -> y [N,OH,OW,C]."""
    source, result, mode = request.inputs[0], request.output, str(request.attributes["mode"])
    batch, height, width, channels = source.shape
    _, out_height, out_width, _ = result.shape
    row, image = width * channels, height * width * channels
    near, parts = float_neighbours(height, out_height, mode)
    pixels, weights = float_neighbours(width, out_width, mode)
    with KernelBuilder("resize_bilinear", 4 * result.elements) as k:
        x = k.input("x", (source.elements,), "int8")
        rows, shares = k.constant("rows", near.ravel()), k.constant("shares", parts.ravel())
        columns, factors = k.constant("columns", pixels.ravel()), k.constant("weights", weights.ravel())
        y = k.output("y", (result.elements,), "int8")
        with k.loop("n", batch) as n, k.loop("v", out_height) as v:
            low, high = (rows[v * 2 + i].astype("int32") for i in range(2))
            k.call(
                "ai_k_resize_bilinear_u8", address(x, n * image + low * row), address(x, n * image + high * row),
                address(y, (n * out_height + v) * (out_width * channels), write=True), address(columns),
                address(factors), out_width, channels, shares[v * 2], shares[v * 2 + 1],
            )  # fmt: skip
    return k.kernel()


_MODES = ("asymmetric", "half_pixel", "align_corners")


def neighbours(size: int, out: int, mode: str) -> list[tuple[int, int, int]]:
    """(low, high, weight of high in 1/1024) for each output index along one axis.

    Raises:
        ModelRefused: the reference would read beyond the input (its step is rounded up, which shows when one axis
            is enlarged more than about a thousandfold).
    """
    step = (_ONE * size + out // 2) // out
    if mode == "align_corners" and out > 1:
        step = (_ONE * (size - 1) + (out - 1) // 2) // (out - 1)
    offset = step // 2 - _ONE // 2 if mode == "half_pixel" else 0
    return [_neighbours(v * step + offset, size) for v in range(out)]


def _neighbours(position: int, size: int) -> tuple[int, int, int]:
    low = max(position, 0) // _ONE
    high = min(max(position + _ONE - 1, 0) // _ONE, size - 1)
    if low >= size:
        raise ModelRefused("it enlarges so much that the reference reads beyond its input")
    # One element with the whole weight: the two weights always add up to 1024, also outside the image.
    return (low, high, 0) if low == high else (low, high, position - _ONE * low)


def float_neighbours(size: int, out: int, mode: str) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    """(lower and upper neighbour [out, 2], their weights [out, 2]) along one axis, in float32 as for uint8."""
    one = np.float32
    step = one(size) / one(out)
    if mode == "align_corners" and out > 1:
        step = one(size - 1) / one(out - 1)
    positions = np.arange(out, dtype=np.float32)
    at = (positions + one(0.5)) * step - one(0.5) if mode == "half_pixel" else positions * step
    low = np.maximum(np.floor(at), 0).astype(np.int64)
    high = np.minimum(np.ceil(at), size - 1).astype(np.int64)
    if max(low.max(), high.max()) >= min(size, np.iinfo(np.int16).max):
        raise ModelRefused(f"an axis of {size} elements cannot be resized to {out}")
    part = at - low.astype(np.float32)
    return np.stack([low, high], axis=1).astype(np.int16), np.stack([one(1) - part, part], axis=1)


def _table(size: int, out: int, mode: str) -> np.ndarray:
    flat = np.array(neighbours(size, out, mode)).ravel()
    if flat.max() > np.iinfo(np.int16).max:
        raise ModelRefused(f"an axis of {size} elements is too long to resize")
    return flat.astype(np.int16)
