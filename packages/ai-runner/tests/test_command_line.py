# SPDX-License-Identifier: Apache-2.0
"""``python -m ai_runner``: output, exit codes, files."""

import json
import signal
import subprocess
import sys
import time

import ai_runner
import numpy as np
import pytest
from ai_runner.__main__ import main
from simulated_device import digits_model

SEED = 20261122


@pytest.fixture
def data(tmp_path):
    images = np.random.default_rng(SEED).integers(-8, 8, (6, 1, 8, 8, 1), dtype=np.int8)
    outputs = np.stack([digits_model().compute([x])[0] for x in images])
    path = tmp_path / "data.npz"
    np.savez(path, in0=images, out0=outputs)
    return path


def test_info(serve, capsys):
    desc = serve(digits_model(), digits_model("other")).desc
    assert main(["info", "-d", desc]) == 0
    assert capsys.readouterr().out.count("model        : ") == 2
    assert main(["info", "-d", desc, "--network", "other", "--json", "-"]) == 0
    (model,) = json.loads(capsys.readouterr().out)["models"]
    assert (model["name"], model["signature"]) == ("other", "1badcafe")


def test_validate_passes(serve, data, tmp_path, capsys):
    report = tmp_path / "report.json"
    code = main(["validate", "-d", serve().desc, "--npz", str(data), "--signature", "1BADCAFE", "--json", str(report)])
    out = capsys.readouterr().out
    assert code == 0
    assert "60 compared, 0 differ" in out
    assert "validation passed" in out
    written = json.loads(report.read_text())
    assert written["passed"] is True
    assert written["outputs"][0]["bytes_compared"] == 60
    assert len(written["profile"]["durations_ms"]) == 6


def test_validate_finds_a_difference(serve, data, tmp_path, capsys):
    with np.load(data) as arrays:
        images, outputs = arrays["in0"], arrays["out0"].copy()
    outputs[2, 0, 4] += 1
    np.savez(tmp_path / "wrong.npz", in0=images, out0=outputs)
    assert main(["validate", "-d", serve().desc, "--npz", str(tmp_path / "wrong.npz")]) == 7
    out = capsys.readouterr().out
    assert "60 compared, 1 differ" in out
    assert "-1: 1, +0: 59" in out


def test_validate_quantizes_on_request(serve, data, tmp_path, capsys):
    with np.load(data) as arrays:
        images, outputs = arrays["in0"], arrays["out0"]
    floats = tmp_path / "float.npz"
    np.savez(floats, in0=(images.astype(np.float32) + 128) * 0.5, out0=(outputs.astype(np.float32) - 3) * 0.25)
    desc = serve().desc
    assert main(["validate", "-d", desc, "--npz", str(floats)]) == 2
    assert "is float32" in capsys.readouterr().err
    assert main(["validate", "-d", desc, "--npz", str(floats), "--quantize"]) == 0


def test_invoke(serve, data, tmp_path, capsys):
    desc, saved = serve().desc, tmp_path / "saved.npz"
    assert main(["invoke", "-d", desc, "--npz", str(data), "--per-layer", "--save", str(saved), "--no-checked"]) == 0
    assert "CONCAT" in capsys.readouterr().out
    assert main(["validate", "-d", desc, "--npz", str(saved)]) == 0
    with np.load(data) as first, np.load(saved) as second:
        assert np.array_equal(first["out0"], second["out0"])
    capsys.readouterr()
    assert main(["invoke", "-d", desc, "--samples", "2", "--json", "-"]) == 0
    assert len(json.loads(capsys.readouterr().out)["profile"]["durations_ms"]) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["info", "-d", "nonsense"], 2, "E804"),
        (["info", "-d", "socket:127.0.0.1:1"], 6, "E801"),
        (["validate", "-d", "{desc}", "--npz", "missing.npz"], 2, "missing.npz: cannot be read"),
        (["validate", "-d", "{desc}", "--npz", "{data}", "--signature", "0"], 1, "E805"),
        (["validate", "-d", "{desc}", "--npz", "{data}", "--network", "x"], 2, "no model 'x'"),
        (["validate", "-d", "{desc}", "--npz", "{inputs}"], 2, "no expected outputs"),
        (["invoke", "-d", "{desc}", "--samples", "0"], 2, "at least 1"),
        (["invoke", "-d", "{desc}", "--save", "/no/such/folder/x.npz"], 1, "cannot be written"),
    ],
)
def test_errors(serve, data, tmp_path, capsys, arguments, code, text):
    inputs = tmp_path / "inputs.npz"
    np.savez(inputs, in0=np.zeros((1, 8, 8, 1), np.int8))
    desc = serve().desc
    assert main([a.format(desc=desc, data=data, inputs=inputs) for a in arguments]) == code
    captured = capsys.readouterr()
    assert text in captured.err
    assert "Traceback" not in captured.err


@pytest.mark.parametrize("arguments", [[], ["dance"], ["validate"], ["info", "--baud", "fast"]])
def test_usage(arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
def test_interrupt(serve):
    device = serve()
    device.mute, before = True, device._last_rx
    argv = [sys.executable, "-m", "ai_runner", "info", "-d", device.desc, "--timeout", "30"]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as process:
        end = time.monotonic() + 20
        while device._last_rx == before and time.monotonic() < end:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, messages = process.communicate(timeout=20)
    assert process.returncode == 130
    assert messages == "interrupted\n"


def test_as_a_program():
    result = subprocess.run(
        [sys.executable, "-m", "ai_runner", "--version"], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout.strip()) == (0, ai_runner.__version__)
