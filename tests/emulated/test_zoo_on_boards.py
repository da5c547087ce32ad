# SPDX-License-Identifier: Apache-2.0
"""The models of the zoo on the emulated boards: one Validation firmware with all of them, over the serial protocol."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import stm32_runtime_c
from ai_runner import AiRunner
from ai_runner.compare import compare_outputs
from stm32_board_support import Emulator, load_board
from stm32_board_support.emulator import run_to_end
from stm32_emitter import compile_model
from stm32_emitter.codegen.model import c_identifier

from tests.conformance.test_zoo_host import FLOAT, HYBRID, INT8, SINGLE, STREAMING, UINT8
from tests.conftest import ROOT
from tests.shared import build_once

HOST_ONLY = ("infineon_squeezenet11_384_int8",)
"""828 M multiply-accumulates: too long for every test run; scripts/zoo_table.py runs it."""
NAMES = tuple(name for name in (*INT8, *STREAMING, *SINGLE, *UINT8, *HYBRID, *FLOAT) if name not in HOST_ONLY)
BOARDS = ("qemu-mps2-an386", "qemu-mps2-an500")
BUDGET, BYTES = 10_000_000, 40_000
"""Multiply-accumulates per model and board, and bytes over its serial line; at least one sample runs in any case.
The host runs all samples of the same emitted files (test_zoo_host.py)."""

pytestmark = [pytest.mark.zoo, pytest.mark.emulator]


@pytest.fixture(scope="session")
def compiled(zoo, shelf):
    """({name: content of its JSON file}, the folder with a folder for each)."""

    def compile_all():
        for name in NAMES:
            compile_model(zoo / "models" / f"{name}.tflite").write(shelf / "zoo" / "models" / name)
        return shelf / "zoo" / "models"

    folder = build_once(shelf / "zoo", compile_all)
    return {name: json.loads(_description(folder / name).read_text("utf-8")) for name in NAMES}, folder


def _description(folder):
    """The model's JSON file, which has its C name: a model file's name may hold what C does not allow."""
    return folder / f"{c_identifier(folder.name)}.json"


@pytest.fixture(scope="module", params=BOARDS)
def runner(request, compiled, nanopb, cross_compiler, emulator, shelf):  # noqa: ARG001 - must be there
    """A connection to a board with every model in its firmware."""
    models, folder = [compiled[1] / name for name in NAMES], shelf / f"zoo-{request.param}"
    elf = build_once(folder, lambda: _build(request.param, models, folder, nanopb))
    client = AiRunner()
    with Emulator(load_board(request.param), elf) as machine, client.connect(machine.description, timeout=60):
        yield client


def _build(board, models, build, nanopb, app="valid"):
    settings = {
        "BOARD": board, "APP": app, "MODEL_DIRS": ";".join(map(str, models)), "PYTHON": sys.executable,
        "RUNTIME_DIR": stm32_runtime_c.cmake_dir(), "NANOPB_DIR": nanopb,
    }  # fmt: skip
    argv = ["cmake", "-G", "Ninja", "-S", str(ROOT / "firmware"), "-B", str(build)]
    for step in (argv + [f"-D{key}={value}" for key, value in settings.items()], ["cmake", "--build", str(build)]):
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return build / "Project.elf"


@pytest.mark.parametrize("name", NAMES)
def test_a_model_on_a_board_equals_the_reference(name, runner, compiled, zoo):
    with np.load(zoo / "data" / f"{name}.npz") as stored:
        data = {key: stored[key] for key in stored.files}
    model = compiled[0][name]
    each = sum(array.nbytes for array in data.values()) // len(data["in0"])
    samples = max(1, min(len(data["in0"]), BUDGET // max(model["macs"], 1), BYTES // each))
    inputs = [data[f"in{i}"][:samples] for i in range(len(model["inputs"]))]
    outputs, _ = runner.invoke(inputs, name=model["name"], signature=f"{model['signature']:08x}")
    for position, output in enumerate(outputs):
        expected = data[f"out{position}"][:samples]
        report = compare_outputs(expected, np.asarray(output).reshape(expected.shape))
        assert report.passed, report
        assert report.bytes_compared == expected.nbytes


def test_a_state_starts_anew_when_it_is_asked_to(runner, zoo):
    with np.load(zoo / "data" / "microwakeword_vad_stream.npz") as stored:
        samples, series, fresh = (stored[key] for key in ("in0", "out0", "out0_fresh"))

    def outputs(values, reset):
        return runner.invoke([values], name="microwakeword_vad_stream", reset=reset)[0][0].reshape(len(values), 1, 1)

    half = len(samples) // 2
    assert np.array_equal(outputs(samples[:half], "series"), series[:half])
    assert np.array_equal(outputs(samples[half:], "never"), series[half:])
    assert np.array_equal(outputs(samples, "sample"), fresh)
    assert not np.array_equal(series, fresh)


def test_three_models_and_a_second_instance_take_turns(compiled, nanopb, cross_compiler, emulator, tmp_path):  # noqa: ARG001
    """Each alone, then interleaved: equal outputs, and equal on both boards; the two instances get other inputs."""
    models = [compiled[1] / f"mlperf_tiny_{name}_int8" for name in ("kws_ref", "ad01", "strww")]
    app, said = str(ROOT / "tests" / "firmware" / "apps" / "interleave"), {}
    for board in BOARDS:
        elf = _build(board, models, tmp_path / board, nanopb, app)
        status, said[board] = run_to_end(load_board(board), elf, timeout=300)
        assert status == 0, said[board]
    lines = said[BOARDS[0]].splitlines()
    assert len(lines) == 5
    assert lines[-1] == "same"
    assert lines[0] != lines[3]
    assert said[BOARDS[0]] == said[BOARDS[1]]
