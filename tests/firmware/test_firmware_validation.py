# SPDX-License-Identifier: Apache-2.0
"""The Validation firmware, driven by ai_runner: on the emulated boards and on the host, in both modes."""

import numpy as np
import pytest
from ai_runner import AiRunner, AiRunnerError
from ai_runner.runner import Mode

BOARDS = ["qemu-mps2-an386", "qemu-mps2-an500", "host"]
pytestmark = pytest.mark.emulator
SEED = 20261122


@pytest.fixture(params=[(board, checked) for board in BOARDS for checked in (False, True)], ids=str)
def runner(request, builder, running):
    board, checked = request.param
    elf = builder.image(board=board, models=("tiny", "odd"))
    with running(board, elf) as description, AiRunner() as client:
        client.connect(description, checked=checked)
        assert client.is_checked is checked
        yield client


def tiny_samples(count):
    rng = np.random.default_rng(SEED)
    image = rng.integers(-128, 128, (count, 1, 2, 2, 3), dtype=np.int8)
    bias = rng.integers(-50, 50, (count, 3)).astype(np.float32)
    product = image.astype(np.int16) * np.array([2, 3, -4], np.int16)
    total = product.reshape(count, -1).sum(axis=1, dtype=np.int32) + bias.sum(axis=1).astype(np.int32)
    return [image, bias], product, total


def odd_sample(turns=0):
    block = np.arange(250, 242, -1, dtype=np.uint8).reshape(1, 2, 1, 2, 2)
    flags = np.array([True, False, True])
    outputs = [block.reshape(4, 2) * np.float32(0.5), np.int64(block.sum(dtype=np.int64) + turns), ~flags]
    return [block, np.array(turns, dtype=np.int64), flags], outputs


def batch_of_one(inputs):
    return [value[None] for value in inputs]


def test_models_are_described(runner):
    assert runner.names == ["tiny", "odd"]
    info = runner.get_info("odd")
    assert (info["signature"], info["n_nodes"], info["macc"]) == ("00c0ffee", 3, 8)
    assert info["compile_datetime"] == "2026-01-02T03:04:05Z"
    shapes = [(t.shape, t.dtype) for t in runner.get_inputs("odd")]
    assert shapes == [((1, 2, 1, 2, 2), np.uint8), ((), np.int64), ((3,), np.bool_)]
    assert (runner.get_inputs("odd")[0].scale, runner.get_inputs("odd")[0].zero_point) == (0.25, 128)
    long, border, _ = runner.get_outputs("odd")
    assert long.name == "a_name_of_a_tensor_that_is_longer_than_a_message_may_hold_by_far/é/x"[:63]
    assert border.name == "sixty_two_bytes_of_name_and_then_a_character_that_takes_two_by"
    assert runner.get_info("tiny")["device"]["core_hz"] in (25_000_000, 1_000_000_000)


def test_outputs_are_exact_and_models_take_turns(runner):
    inputs, product, total = tiny_samples(5)
    for turn in range(2):
        outputs, profile = runner.invoke(inputs, name="tiny")
        np.testing.assert_array_equal(outputs[0].reshape(product.shape), product)
        np.testing.assert_array_equal(outputs[1].reshape(-1), total)
        assert len(profile["c_durations"]) == 5
        odd_inputs, expected = odd_sample(turn)
        odd_outputs, _ = runner.invoke(batch_of_one(odd_inputs), name="odd")
        for got, want in zip(odd_outputs, expected, strict=True):
            np.testing.assert_array_equal(np.asarray(got).reshape(np.shape(want)), want)


def test_layers_are_sent_with_their_data(runner):
    inputs, product, total = tiny_samples(1)
    outputs, profile = runner.invoke(inputs, name="tiny", mode=Mode.PER_LAYER_WITH_DATA)
    np.testing.assert_array_equal(outputs[0].reshape(product.shape), product)
    first, second = profile["c_nodes"]
    assert (first["name"], second["name"]) == ("0:MUL", "2:SUM")
    np.testing.assert_array_equal(first["data"][0][0].reshape(product.shape), product)
    assert int(second["data"][0][0]) == total[0]
    assert (
        sum(node["counters"]["values"][0][0] for node in profile["c_nodes"])
        == profile["debug"]["counters"]["values"][0][0]
    )


def test_layers_without_data(runner):
    inputs, product, _ = tiny_samples(1)
    outputs, profile = runner.invoke(inputs, name="tiny", mode=Mode.PER_LAYER)
    np.testing.assert_array_equal(outputs[0].reshape(product.shape), product)
    assert [node["name"] for node in profile["c_nodes"]] == ["0:MUL", "2:SUM"]


def test_wrong_name_is_an_error_and_the_next_request_works(runner):
    inputs, product, _ = tiny_samples(1)
    with pytest.raises(AiRunnerError):
        runner.invoke(inputs, name="nonesuch")
    outputs, _ = runner.invoke(inputs, name="tiny")
    np.testing.assert_array_equal(outputs[0].reshape(product.shape), product)


@pytest.mark.parametrize("board", BOARDS[:2])
def test_stack_is_measured_by_painting(builder, running, board):
    elf = builder.image(board=board, models=("tiny", "odd"))
    inputs, _ = odd_sample()
    small, _, _ = tiny_samples(1)
    with running(board, elf) as description, AiRunner() as client:
        client.connect(description)
        _, deep = client.invoke(batch_of_one(inputs), name="odd")
        _, shallow = client.invoke(small, name="tiny")
        _, layers = client.invoke(batch_of_one(inputs), name="odd", mode=Mode.PER_LAYER)
    assert 1024 < deep["debug"]["stack_usage"] < 1024 + 200
    assert 0 < shallow["debug"]["stack_usage"] < 200
    assert 1024 < layers["debug"]["stack_usage"] < 1024 + 300


def test_counter_counts_instructions_and_does_not_wrap(builder, running):
    """Neither at 24 bits of ticks, where SysTick would, nor in the lower half of the 64-bit counter that is sent."""
    elf = builder.image(models=("tiny", "odd"))
    with running("qemu-mps2-an386", elf) as description, AiRunner() as client:
        client.connect(description)

        def count(turns):
            _, profile = client.invoke(batch_of_one(odd_sample(turns)[0]), name="odd", timeout=120)
            return profile["debug"]["counters"]["values"][0][0]

        few, more, many = count(0), count(1_000_000), count(400_000_000)
    per_turn = round((more - few) / 1_000_000)
    assert per_turn in (2, 3, 4)
    assert many - few == pytest.approx(400_000_000 * per_turn, rel=1e-6)
    assert many > (1 << 24) * 40
