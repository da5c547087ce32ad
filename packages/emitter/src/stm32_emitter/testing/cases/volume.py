# SPDX-License-Identifier: Apache-2.0
"""Cases of CONV_3D, CONV_3D_TRANSPOSE and LOCAL_RESPONSE_NORMALIZATION, all of float32."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .draw import ACTIVATIONS

if TYPE_CHECKING:
    from stm32_emitter.testing.tflite_options import Option

    from .draw import Draw

Wiring = tuple[list[int], list[int]]


def _window(draw: Draw) -> tuple[list[int], list[int], list[int]]:
    """Taps, strides and dilations."""
    taps = [draw.integer(1, 3) for _ in range(3)]
    strides = [draw.integer(1, 3) for _ in range(3)]
    return taps, strides, [1 if stride > 1 else draw.integer(1, 2) for stride in strides]


def _options(draw: Draw, strides: list[int], dilation: list[int], padding: str) -> dict[str, Option]:
    named: dict[str, Option] = {f"stride_{axis}": step for axis, step in zip("dhw", strides, strict=True)}
    named |= {f"dilation_{axis}_factor": step for axis, step in zip("dhw", dilation, strict=True)}
    return {**named, "padding": padding, "fused_activation_function": draw.pick(ACTIVATIONS)}


def _weights(draw: Draw, shape: tuple[int, ...], channels: int) -> list[int]:
    """Weights, and a bias now and then."""
    made = [draw.writer.constant("weights", draw.rng.normal(size=shape).astype(np.float32))]
    if draw.chance(0.6):
        made.append(draw.writer.constant("bias", draw.rng.normal(size=channels).astype(np.float32)))
    return made


def conv_3d(draw: Draw) -> Wiring:
    """CONV_3D with strides, dilations and both paddings."""
    taps, strides, dilation = _window(draw)
    cin, cout, padding = draw.integer(1, 4), draw.integer(1, 5), draw.pick(("SAME", "VALID"))
    wide = [(tap - 1) * spread + 1 for tap, spread in zip(taps, dilation, strict=True)]
    fine = [draw.integer(span, span + 3) for span in wide]
    lost = [span - 1 if padding == "VALID" else 0 for span in wide]
    coarse = [-(-(size - less) // step) for size, less, step in zip(fine, lost, strides, strict=True)]
    x = draw.activation("input", (1, *fine, cin), None)
    y = draw.activation("output", (1, *coarse, cout), None)
    constants = _weights(draw, (*taps, cin, cout), cout)
    draw.writer.operator("CONV_3D", [x, *constants], [y], version=1, **_options(draw, strides, dilation, padding))
    return [x], [y]


def conv_3d_transpose(draw: Draw) -> Wiring:
    """CONV_3D_TRANSPOSE, the same the other way."""
    taps, strides, dilation = _window(draw)
    cin, cout, padding = draw.integer(1, 4), draw.integer(1, 5), draw.pick(("SAME", "VALID"))
    coarse = [draw.integer(1, 3) for _ in range(3)]
    wide = [(tap - 1) * spread + 1 for tap, spread in zip(taps, dilation, strict=True)]
    fine = [size * step for size, step in zip(coarse, strides, strict=True)]
    if padding == "VALID":
        fine = [(size - 1) * step + span for size, step, span in zip(coarse, strides, wide, strict=True)]
    x = draw.activation("input", (1, *coarse, cin), None)
    y = draw.activation("output", (1, *fine, cout), None)
    shape = draw.int_constant("shape", [1, *fine, cout])
    weights, *bias = _weights(draw, (*taps, cout, cin), cout)
    options = _options(draw, strides, dilation, padding)
    draw.writer.operator("CONV_3D_TRANSPOSE", [shape, weights, x, *bias], [y], version=1, **options)
    return [x], [y]


def local_response(draw: Draw) -> Wiring:
    """LOCAL_RESPONSE_NORMALIZATION of few and many channels."""
    shape = draw.shape((4, 4), 300)
    x, y = draw.activation("input", shape, None), draw.activation("output", shape, None)
    numbers: dict[str, Option] = {"bias": draw.log_uniform(0.5, 4.0), "alpha": draw.log_uniform(1e-3, 1.0)}
    numbers |= {"beta": draw.pick((0.5, 0.75)), "radius": draw.integer(0, 6)}
    draw.writer.operator("LOCAL_RESPONSE_NORMALIZATION", [x], [y], version=1, **numbers)
    return [x], [y]


GENERATORS = {
    "CONV_3D": conv_3d,
    "CONV_3D_TRANSPOSE": conv_3d_transpose,
    "LOCAL_RESPONSE_NORMALIZATION": local_response,
}
