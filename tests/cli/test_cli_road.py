# SPDX-License-Identifier: Apache-2.0
"""The commands on real firmware: build reports, run, validate on the emulator and the host, the original's words."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.emulator
@pytest.mark.usefixtures("emulator", "cross_compiler")
def test_build_and_run(stm32, fixture_model: Path) -> None:
    done = stm32("build", fixture_model, "--app", "perf", "--json")
    assert done.code == 0, done.err
    report = json.loads(done.out)
    assert report["models"] == ["tiny"]
    assert report["sizes"]["activations"] > 0
    assert report["code"] == sum(report["sizes"][key] for key in ("model_code", "runtime_code", "library_code"))
    assert {region["name"] for region in report["regions"]} == {"ssram1", "ssram2", "psram"}
    ran = stm32("run", "--timeout", "60")
    assert ran.code == 0, ran.err
    assert "Model tiny" in ran.out


@pytest.mark.usefixtures("cross_compiler")
def test_firmware_without_a_model_builds(stm32) -> None:
    done = stm32("build", "--app", "perf")
    assert done.code == 0, done.err
    assert done.out.splitlines()[0] == "no model on qemu-mps2-an386"


@pytest.mark.emulator
@pytest.mark.usefixtures("emulator", "nanopb")
def test_validate_digits_layer_by_layer(stm32, tmp_path: Path, digits: Path) -> None:
    done = stm32("validate", digits, "--per-layer", "--samples", "3", "--json", "report.json")
    assert done.code == 0, done.err + done.out
    assert done.out.splitlines()[-1] == "passed: 0 of 30 output bytes differ"
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["passed"] is True
    assert report["bytes_compared"] == 30
    assert len(report["layers"]) >= 7
    assert all(layer["bytes_differing"] == 0 and layer["bytes_compared"] > 0 for layer in report["layers"])
    assert report["counter"]["unit"] == "instructions"


@pytest.mark.usefixtures("nanopb")
def test_difference_is_exit_code_7(stm32, tmp_path: Path, digits: Path) -> None:
    with np.load(digits.with_name("digits_test.npz")) as stored:
        inputs, outputs = stored["in0"][:5], stored["out0"][:5].copy()
    outputs[3, 0, 4] ^= 1
    np.savez(tmp_path / "x.npz", in0=inputs, out0=outputs)
    done = stm32("validate", digits, "-d", "host", "--npz", "x.npz")
    assert done.code == 7
    assert done.out.splitlines()[-1] == "FAILED: 1 of 50 output bytes differ"
    assert done.err.splitlines()[-2:] == [
        "error: 1 of 50 output bytes differ from the original",
        "hint: --per-layer names the first layer that differs",
    ]


def test_oracle_is_missing(stm32, tmp_path: Path, digits: Path) -> None:
    """A module of that name that cannot be imported stands in for an environment without the extra."""
    (tmp_path / "ai_edge_litert").mkdir()
    (tmp_path / "ai_edge_litert" / "__init__.py").write_text("raise ImportError('not here')")
    done = stm32("validate", digits, "-d", "host", PYTHONPATH=str(tmp_path))
    assert done.code == 5
    assert done.err == (
        "error: the interpreter of the original model (ai-edge-litert) is not installed\n"
        "hint: pip install 'stm32-ai[validate]', or give the expected outputs with --npz FILE (in0, ..., out0, ...)\n"
    )


def test_boards_as_json(stm32) -> None:
    found = {board["name"]: board for board in json.loads(stm32("boards", "--json").out)}
    assert found["qemu-mps2-an385"]["core"] == "cortex-m3"
    assert found["qemu-mps2-an386"]["core"] == "cortex-m4"
    assert found["qemu-mps2-an500"]["core"] == "cortex-m7"


def test_doctor_tells_what_is_missing(stm32, tmp_path: Path) -> None:
    done = stm32("doctor", PATH=str(tmp_path), NANOPB_DIR="/nowhere", ARM_PATH="")
    assert done.code == 5
    assert "qemu-system-arm is missing, needed for emulated boards: apt-get install qemu-system-arm" in done.err
    error = next(line for line in done.err.splitlines() if line.startswith("error: "))
    assert error == "error: missing: arm-none-eabi-gcc, newlib, nanopb, qemu-system-arm"


def _front(script: str, *arguments: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, str(ROOT / "scripts" / script), *map(str, arguments)]
    env = os.environ | environment
    return subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.usefixtures("nanopb")
def test_words_of_the_original(tmp_path: Path, digits: Path) -> None:
    done = _front("compile.py", digits, "-o", "model", cwd=tmp_path, TVM_PATH="/opt/tvm")
    assert done.returncode == 0, done.stderr
    assert "note: TVM_PATH is ignored" in done.stderr
    assert (tmp_path / "model" / "digits_int8.c").is_file()
    done = _front("tflite_test.py", "-m", digits, "-d", "host", "-b", "4", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "passed: 0 of 40 output bytes differ"


def test_make_front_needs_a_model(tmp_path: Path) -> None:
    done = _front("front.py", "perf", "--board", "qemu-mps2-an386", cwd=tmp_path)
    assert done.returncode == 2
    assert "MODEL_PATH" in done.stderr
