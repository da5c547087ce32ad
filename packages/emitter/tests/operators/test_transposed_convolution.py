# SPDX-License-Identifier: Apache-2.0
"""The phases of a transposed convolution against its definition: every input pixel is spread over a window."""

from __future__ import annotations

import numpy as np
from stm32_emitter.operators.base import KernelRequest, TensorSpec
from stm32_emitter.operators.transposed import Phase, as_convolution, phases
from stm32_emitter.target import Target

SEED = 41


def _request(x, weights, stride, before, size) -> KernelRequest:
    output = TensorSpec((len(x), *size, len(weights)), "int8")
    specs = (TensorSpec(x.shape, "int8"), TensorSpec(weights.shape, "int8", weights))
    attributes = {"strides": list(stride), "dilation": [1, 1], "padding": [*before, 0, 0], "groups": 1}
    return KernelRequest("TRANSPOSE_CONV", specs, output, attributes, Target("host"))


def _spread(x, weights, stride, before, size):
    """The definition; what falls outside is lost."""
    y = np.zeros((len(x), *size, len(weights)), np.int64)
    for n, iy, ix in np.ndindex(*x.shape[:3]):
        for ky, kx in np.ndindex(*weights.shape[1:3]):
            row, column = iy * stride[0] + ky - before[0], ix * stride[1] + kx - before[1]
            if 0 <= row < size[0] and 0 <= column < size[1]:
                y[n, row, column] += weights[:, ky, kx] @ x[n, iy, ix]
    return y


def _convolved(x, phase: Phase):
    """The phase as the convolution that it describes; taps outside count as 0."""
    s = phase.sizes
    result = np.zeros((len(x), s.out_height, s.out_width, s.out_channels), np.int64)
    for n, oy, ox, ky, kx in np.ndindex(*result.shape[:3], *s.kernel):
        row, column = oy - s.padding[0] + ky, ox - s.padding[1] + kx
        if 0 <= row < s.height and 0 <= column < s.width:
            result[n, oy, ox] += phase.weights[:, ky, kx] @ x[n, row, column]
    return result


def test_phases_put_every_output_together() -> None:
    rng = np.random.default_rng(SEED)
    for _ in range(60):
        stride, kernel, image = (tuple(int(v) for v in rng.integers(1, 5, 2)) for _ in range(3))
        before = tuple(int(rng.integers(0, k)) for k in kernel)
        full = [(i - 1) * s + k - b for i, s, k, b in zip(image, stride, kernel, before, strict=True)]
        size = tuple(max(1, f - int(rng.integers(0, 3))) for f in full)
        x = rng.integers(-9, 10, (2, *image, 3))
        weights = rng.integers(-9, 10, (2, *kernel, 3))
        request = _request(x, weights, stride, before, size)
        y = np.full((len(x), size[0] * size[1], len(weights)), 10**6)
        for phase in phases(request):
            rows, columns = np.mgrid[: phase.sizes.out_height, : phase.sizes.out_width]
            y[:, phase.place(rows, columns).ravel()] = _convolved(x, phase).reshape(len(x), -1, len(weights))
        expected = _spread(x, weights, stride, before, size)
        assert np.array_equal(y.reshape(expected.shape), expected), (stride, kernel, image, before, size)


def test_a_stride_of_one_is_one_convolution() -> None:
    weights = np.arange(2 * 3 * 2).reshape(2, 3, 2, 1)
    request = _request(np.zeros((1, 4, 4, 1)), weights, (1, 1), (1, 0), (4, 5))
    same = as_convolution(request)
    assert same is not None
    assert np.array_equal(same.constant(1), weights[:, ::-1, ::-1])
    assert same.integers("padding") == [1, 1, 1, 1]
    assert as_convolution(_request(np.zeros((1, 4, 4, 1)), weights, (1, 2), (0, 0), (6, 8))) is None
