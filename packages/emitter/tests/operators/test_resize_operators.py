# SPDX-License-Identifier: Apache-2.0
"""Index and weight tables of RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR."""

from __future__ import annotations

import numpy as np
import pytest
from stm32_emitter import ModelRefused, compile_model
from stm32_emitter.operators.resize_bilinear import neighbours
from stm32_emitter.operators.resize_nearest_neighbor import nearest_indices

MODES = ("asymmetric", "half_pixel", "align_corners")


@pytest.mark.parametrize(
    ("size", "out", "mode", "expected"),
    [
        (2, 4, "asymmetric", [0, 0, 1, 1]),
        (4, 2, "half_pixel", [1, 3]),
        (3, 5, "align_corners", [0, 1, 1, 2, 2]),
        (5, 3, "asymmetric", [0, 1, 3]),
        (5, 1, "align_corners", [0]),
    ],
)
def test_nearest_indices(size, out, mode, expected) -> None:
    assert nearest_indices(size, out, mode) == expected


@pytest.mark.parametrize("mode", MODES)
def test_indices_stay_inside_and_never_go_back(mode) -> None:
    for size in range(1, 20):
        for out in range(1, 40):
            indices = nearest_indices(size, out, mode)
            assert indices == sorted(indices)
            assert 0 <= indices[0] <= indices[-1] < size
            for low, high, weight in neighbours(size, out, mode):
                assert 0 <= low <= high <= min(low + 1, size - 1)
                assert 0 <= weight < 1024


def test_bilinear_weights_of_a_doubling() -> None:
    assert neighbours(2, 4, "asymmetric") == [(0, 0, 0), (0, 1, 512), (1, 1, 0), (1, 1, 0)]
    assert neighbours(2, 4, "half_pixel") == [(0, 0, 0), (0, 1, 256), (0, 1, 768), (1, 1, 0)]
    assert neighbours(2, 3, "align_corners") == [(0, 0, 0), (0, 1, 512), (1, 1, 0)]


def test_reads_beyond_the_input_are_refused() -> None:
    with pytest.raises(ModelRefused, match="beyond"):
        neighbours(1025, 1025 * 2001, "asymmetric")


@pytest.mark.parametrize("kind", ["RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"])
def test_resize_is_recognised(kind, recognised, one_operator) -> None:
    size = (np.array([4, 6], np.int32), "int32")
    model = one_operator(
        kind, [((1, 2, 3, 2), "int8", 0.5, 1), size], ((1, 4, 6, 2), "int8", 0.5, 1), half_pixel_centers=True
    )
    (call,) = recognised(model)
    assert (call.kind, str(call.attributes["mode"])) == (kind, "half_pixel")


def test_bilinear_that_would_rescale_is_refused(one_operator) -> None:
    size = (np.array([4, 6], np.int32), "int32")
    model = one_operator("RESIZE_BILINEAR", [((1, 2, 3, 2), "int8", 0.5, 1), size], ((1, 4, 6, 2), "int8", 0.25, 1))
    with pytest.raises(ModelRefused, match="different scales"):
        compile_model(model)
