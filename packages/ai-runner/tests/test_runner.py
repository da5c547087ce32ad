# SPDX-License-Identifier: Apache-2.0
"""AiRunner against a simulated device behind a real socket, in both modes."""

import time

import numpy as np
import pytest
from ai_runner import AiRunner, AiRunnerCallback, InvalidParamError, Mode, NotConnectedError, SignatureMismatchError
from ai_runner.protocol import stm32_ai_pb2 as pb
from simulated_device import Model, Tensor, digits_model

SEED = 20261122


@pytest.fixture(params=[True, False], ids=["checked", "compatible"])
def checked(request):
    return request.param


@pytest.fixture
def image():
    return np.random.default_rng(SEED).integers(-8, 8, (1, 8, 8, 1), dtype=np.int8)


def expected(model, *inputs):
    return model.compute(list(inputs))


def connected(device, checked):
    runner = AiRunner().connect(device.desc, checked=checked, timeout=5)
    assert runner.is_checked is checked
    return runner


def test_mission_example(serve, image):
    device = serve()
    runner = AiRunner()
    runner.connect(device.desc)
    outputs, _ = runner.invoke(image)
    assert np.array_equal(outputs[0], expected(digits_model(), image)[0])
    assert runner.is_checked
    runner.disconnect()
    end = time.monotonic() + 5
    while device.is_checked and time.monotonic() < end:
        time.sleep(0.01)
    assert not device.is_checked


def test_describes_models(serve, checked, capsys):
    device = serve(digits_model(), digits_model("second"))
    with connected(device, checked) as runner:
        assert runner.names == ["digits", "second"]
        tensor = runner.get_inputs()[0]
        assert (tensor.name, tensor.shape, tensor.dtype) == ("image/in:0", (1, 8, 8, 1), np.int8)
        assert (tensor.scale, tensor.zero_point) == (0.5, -128)
        info = runner.get_info("second")
        assert info["signature"] == "1badcafe"
        assert info["activations"] == 1024
        assert info["protocol"] == {"version": "3.1", "checked": checked, "capability": 0x10001}
        runner.summary()
        assert "model        : second" in capsys.readouterr().out


def test_session_runs_its_model(serve, checked, image):
    other = digits_model("negative")
    other.compute = lambda inputs: [-digits_model().compute(inputs)[0]]
    with connected(serve(digits_model(), other), checked) as runner:
        outputs, profile = runner.session("negative").invoke(image)
        assert np.array_equal(outputs[0], -expected(digits_model(), image)[0])
        assert profile["info"]["name"] == "negative"


@pytest.mark.parametrize("shape", [(4, 8, 8, 1), (4, 1, 8, 8, 1)], ids=["batch axis", "sample axis"])
def test_batches(serve, checked, shape):
    images = np.random.default_rng(SEED).integers(-8, 8, shape, dtype=np.int8)
    device = serve()
    with connected(device, checked) as runner:
        outputs, profile = runner.invoke({"image/in:0": images})
    samples = [expected(digits_model(), x.reshape(1, 8, 8, 1))[0] for x in images]
    assert outputs[0].shape == ((4, 10) if len(shape) == 4 else (4, 1, 10))
    assert np.array_equal(outputs[0].reshape(4, 1, 10), np.stack(samples))
    assert len(profile["c_durations"]) == 4
    assert [opt for _, opt in device.run_params] == [1, 0, 0, 0]


def test_per_layer(serve, checked, image, capsys):
    device = serve()
    with connected(device, checked) as runner:
        _, profile = runner.invoke(image, mode=Mode.PER_LAYER)
        runner.print_profiling(profile)
    assert [node["name"] for node in profile["c_nodes"]] == ["SUM", "CONCAT"]
    assert profile["c_nodes"][0]["data"] == [[]]
    assert profile["c_nodes"][0]["counters"]["values"] == [[0x1_0000_0010]]
    assert profile["debug"]["stack_usage"] == 100
    assert profile["c_durations"] == [3.0]
    assert device.run_params == [(pb.RUN_IO_ONLY | pb.RUN_PER_LAYER, 1)]
    assert "CONCAT" in capsys.readouterr().out


def test_per_layer_with_data_and_callbacks(serve, checked, image):
    calls = []

    class Listener(AiRunnerCallback):
        def on_sample_begin(self, index):
            calls.append(("begin", index))

        def on_sample_end(self, index, outputs, logs):
            calls.append(("end", index, outputs[0].shape, logs["dur"]))

        def on_node_begin(self, index, logs):
            calls.append(("node", index, logs["name"]))

        def on_node_end(self, index, outputs, logs):
            calls.append(("done", index, outputs[0].dtype, logs["shape"]))

    with connected(serve(), checked) as runner:
        _, profile = runner.invoke(image, mode=Mode.PER_LAYER_WITH_DATA, callback=Listener())
    assert calls == [
        ("begin", 0),
        ("node", 0, "SUM"),
        ("done", 0, np.dtype("int16"), [(1, 8)]),
        ("node", 1, "CONCAT"),
        ("done", 1, np.dtype("int8"), [(1, 10)]),
        ("end", 0, (1, 10), 1.5),
    ]
    data = profile["c_nodes"][0]["data"][0][0]
    assert np.array_equal(data, image.astype(np.int16).sum(axis=2).reshape(1, 8))


def test_constant_input_and_times_only(serve, checked, image):
    device = serve()
    with connected(device, checked) as runner:
        outputs, _ = runner.invoke(np.full_like(image, 3), mode=Mode.CONST_VALUE)
        assert np.array_equal(outputs[0], np.full((1, 10), 24, np.int8))
        outputs, profile = runner.invoke(image, mode=Mode.PERF_ONLY)
        assert outputs == []
        assert profile["c_durations"] == [1.5]
    assert device.run_params[1][0] == pb.RUN_IO_ONLY | pb.RUN_PERF | pb.RUN_CONST_VALUE


def test_large_tensors(serve, checked):
    rows = Tensor("in", (1, 27648), "uint8")
    model = Model("big", [rows], [Tensor("out", (1, 27648), "uint8")], lambda x: [255 - x[0]])
    value = np.random.default_rng(SEED).integers(0, 256, (1, 27648), dtype=np.uint8)
    with connected(serve(model), checked) as runner:
        outputs, _ = runner.invoke(value)
    assert np.array_equal(outputs[0], 255 - value)


@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8", "int16", "int32", "bool"])
@pytest.mark.parametrize("rank", range(7))
def test_every_dtype_and_rank(serve, dtype, rank):
    shape = (2, 1, 3, 2, 1, 2)[:rank]
    first, second = Tensor("a", shape, dtype), Tensor("b", (3,), "int16")
    model = Model("copy", [first, second], [second, first], lambda x: [x[1], x[0]])
    generator = np.random.default_rng(SEED + rank)
    value = (generator.random(shape) * 100 - 20).astype(dtype)
    other = np.array([-300, 0, 32767], np.int16)
    with connected(serve(model), rank % 2 == 0) as runner:
        outputs, _ = runner.invoke([value, other])
        assert runner.get_inputs()[0].shape == shape
    assert outputs[0].dtype == np.int16
    assert outputs[1].dtype == np.dtype(dtype)
    assert outputs[1].shape == shape
    assert np.array_equal(outputs[0], other)
    assert np.array_equal(outputs[1], value)


def test_message_lengths_around_the_packets(serve, checked):
    """Data of every length around multiples of 32 and 512, so that messages fill packets and frames exactly."""
    with_lengths = [1, *range(18, 52), *range(480, 520)]
    models = [
        Model(f"m{n}", [Tensor("x", (n,), "uint8")], [Tensor("y", (n,), "uint8")], lambda x: [x[0] ^ 0xFF])
        for n in with_lengths
    ]
    with connected(serve(*models), checked) as runner:
        for count, name in zip(with_lengths, runner.names, strict=True):
            value = np.arange(count, dtype=np.uint8)
            assert np.array_equal(runner.invoke(value, name=name)[0][0], value ^ 0xFF)


def test_log_messages_are_acknowledged(serve, checked, image, caplog):
    with connected(serve(log="hello from the board"), checked) as runner, caplog.at_level("INFO"):
        runner.invoke(image)
    assert "hello from the board" in caplog.text


def test_arguments_are_checked(serve, image):
    with connected(serve(capability=pb.CAP_CHECKED), True) as runner:
        for inputs, text in [
            (image.astype(np.float32), "float32"),
            (image[..., 0], "shape"),
            ([image, image], "2 inputs"),
            ({"nope": image}, "named"),
            (image[:0], "shape"),
        ]:
            with pytest.raises(InvalidParamError, match=text):
                runner.invoke(inputs)
        with pytest.raises(InvalidParamError, match="no model 'other'"):
            runner.invoke(image, name="other")
        with pytest.raises(InvalidParamError, match="single nodes"):
            runner.invoke(image, mode=Mode.PER_LAYER)
        runner.invoke(image)


def test_signature(serve, image):
    device = serve()
    with AiRunner().connect(device.desc, signature="0x1BADCAFE") as runner:
        runner.invoke(image, signature="1badcafe")
        with pytest.raises(SignatureMismatchError, match="E805: model 'digits' on the device has signature 1badcafe"):
            runner.invoke(image, signature="00000001")
    with pytest.raises(SignatureMismatchError):
        AiRunner().connect(device.desc, signature="12345678")


def test_not_connected(image):
    runner = AiRunner()
    assert repr(runner) == "<AiRunner not connected>"
    with pytest.raises(NotConnectedError, match="E810"):
        runner.invoke(image)
    runner.disconnect()
