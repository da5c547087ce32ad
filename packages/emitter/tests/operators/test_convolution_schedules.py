# SPDX-License-Identifier: Apache-2.0
"""What the schedules of CONV_2D and FULLY_CONNECTED say of themselves is what their kernels take."""

import numpy as np
import pytest
from stm32_emitter.operators import BY_KIND
from stm32_emitter.operators.base import KernelRequest, TensorSpec
from stm32_emitter.operators.conv_2d_blocks import function_of_patches
from stm32_emitter.operators.convolution import geometry
from stm32_emitter.operators.schedule import ANY_LAYER, Choices, choose, layer_key
from stm32_emitter.target import target_named
from stm32_emitter.tir.builder import SCRATCH
from stm32_emitter.tir.lowering import lower

_ZERO_POINTS = {"input_zero_point": 3, "output_zero_point": -128, "low": -128, "high": 127}


def _request(kind, shape, weights, output, **attributes):
    random = np.random.default_rng(20261125)
    values = random.integers(-127, 128, weights).astype(np.int8)
    rows = weights[0]
    constants = [values, np.zeros(rows, np.int32), np.full(rows, (1 << 30) + 1, np.int32), np.full(rows, -8, np.int8)]
    inputs = (TensorSpec(shape, "int8"), *(TensorSpec(c.shape, str(c.dtype), c) for c in constants))
    target = target_named("cortex-m4")
    return KernelRequest(kind, inputs, TensorSpec(output, "int8"), {**_ZERO_POINTS, **attributes}, target)


def _convolution(height, width, channels, outputs, window):
    padding = [window // 2] * 4
    return _request(
        "CONV_2D", (1, height, width, channels), (outputs, window, window, channels), (1, height, width, outputs),
        strides=[1, 1], dilation=[1, 1], padding=padding, groups=1,
    )  # fmt: skip


WINOGRAD = ["winograd-f43", *(f"winograd-f43-column{bands}" for bands in ("", "-2", "-4"))]
LAYERS = {
    "3x3": (_convolution(8, 8, 32, 32, 3), [*WINOGRAD, "d8-4x2", "general"]),
    "pointwise": (_convolution(5, 5, 64, 6, 1), ["d8-2x4", "d8-4x2", "general"]),
    "first": (_convolution(7, 6, 3, 8, 3), ["d8-2x4", "d8-4x2", "general"]),
    "dense": (_request("FULLY_CONNECTED", (1, 130), (160, 130), (1, 160)), ["d8-8x16", "d8-8x8", "d8-8x4", "general"]),
    "short": (_request("FULLY_CONNECTED", (1, 24), (9, 24), (1, 9)), ["general"]),
}


@pytest.mark.parametrize("layer", LAYERS)
def test_scratch_and_constants_are_those_of_the_kernel(layer):
    request, names = LAYERS[layer]
    schedules = BY_KIND[request.kind].schedules(request)
    assert set(names) <= {s.name for s in schedules}
    for schedule in schedules:
        kernel = schedule.build()
        scratch = int(kernel.function.attrs[SCRATCH])
        taken = sum(parameter.bytes for parameter in lower(kernel.function, "layer").parameters[-scratch:] if scratch)
        assert schedule.scratch == taken, schedule.name
        # Sizes of the layer, such as those of a patch, are not counted.
        assert 0 <= sum(c.nbytes for c in kernel.constants) - schedule.constants <= 40, schedule.name
        assert schedule.cycles > 0


@pytest.mark.parametrize(
    ("channels", "padding", "changes", "gather"),
    [
        (3, 1, {}, "clipped"),
        (16, 1, {}, "clipped"),
        (64, 1, {}, "clipped"),
        (17, 1, {}, "scattered"),
        (17, 0, {}, "clipped"),
        (16, 2, {"dilation": [1, 2]}, "scattered"),
        (16, 1, {"dilation": [2, 1]}, "clipped"),
        (16, 1, {"groups": 2}, "scattered"),
    ],
)
def test_only_patches_that_need_it_take_the_scattered_gather(channels, padding, changes, gather):
    attributes = {"strides": [1, 1], "dilation": [1, 1], "padding": [1, padding, 1, padding], "groups": 1} | changes
    taps = channels // attributes["groups"]
    width = 9 + 2 * padding - 2 * attributes["dilation"][1]
    height = 11 - 2 * attributes["dilation"][0]
    request = _request("CONV_2D", (1, 9, 9, channels), (8, 3, 3, taps), (1, height, width, 8), **attributes)
    assert function_of_patches(geometry(request)) == f"ai_k_columns_{gather}_s8"


@pytest.mark.parametrize(
    ("room", "name"), [(100_000, "winograd-f43-column"), (7_600, "winograd-f43"), (1_200, "d8-4x2")]
)
def test_balanced_takes_the_fastest_that_fits(room, name):
    request = _convolution(8, 8, 32, 32, 3)
    choices = Choices(scratch={layer_key(request): room})
    assert choose(BY_KIND["CONV_2D"].schedules(request), request, choices).name == name


def test_a_schedule_can_be_forced_where_it_is_offered():
    request, _ = LAYERS["3x3"]
    schedules = BY_KIND["CONV_2D"].schedules(request)
    assert choose(schedules, request, Choices(tuned={ANY_LAYER: "general"})).name == "general"
    assert choose(schedules, request, Choices(tuned={ANY_LAYER: "none"})).name != "general"
