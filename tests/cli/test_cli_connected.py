# SPDX-License-Identifier: Apache-2.0
"""`stm32 validate` and `monitor` on firmware that runs already, reached over its serial line."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from stm32_board_support import Emulator, load_board
from stm32_cli.project.firmware import Build, build_firmware
from stm32_cli.project.models import find_models

BOARD = "qemu-mps2-an386"
pytestmark = pytest.mark.emulator


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory, digits: Path, nanopb: Path, emulator: str) -> Path:  # noqa: ARG001
    """Folders valid/ and perf/ with the digit classifier, for a board that has one serial line."""
    from stm32_emitter import compile_model

    folder = tmp_path_factory.mktemp("connected")
    models = find_models(Path(compile_model(digits).write(folder / "model")))
    board = load_board(BOARD)
    build_firmware(Build(board, "valid", models, folder / "valid"))
    build_firmware(Build(board, "perf", models, folder / "perf", settings=(("BATCH", "OFF"),)))
    return folder


@pytest.fixture
def validation(images: Path) -> Iterator[str]:
    """The serial line of a running Validation firmware."""
    with Emulator(load_board(BOARD), images / "valid" / "Project.elf") as running:
        yield running.description


def test_model_on_the_board_is_recognised(stm32, digits: Path, validation: str) -> None:
    done = stm32("validate", digits, "-d", validation, "--samples", "2")
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1] == "passed: 0 of 20 output bytes differ"


def test_another_model_on_the_board_is_an_error(stm32, zoo: Path, validation: str) -> None:
    other = zoo / "models" / "tflm_hello_world_int8.tflite"
    done = stm32("validate", other, "-d", validation, "--samples", "2")
    assert done.code == 1
    assert done.out == ""
    error, hint = done.err.splitlines()[-2:]
    assert error.startswith("error: model 'digits_int8' on the device has signature ")
    assert hint == (
        "hint: flash a build of this model; if it was compiled with other options, name its folder with --model-dir"
    )


def test_network_that_is_not_there(stm32, digits: Path, validation: str) -> None:
    done = stm32("validate", digits, "-d", validation, "--network", "kws")
    assert done.code == 2
    assert "the firmware holds no model 'kws'" in done.err


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"other": np.zeros(3)}, "in0"),
        ({"in0": np.zeros((1, 8, 8, 2), np.int8)}, "shape"),
        ({"in0": np.zeros((1, 8, 8, 1), np.float32)}, "float32"),
    ],
)
def test_wrong_npz(stm32, tmp_path: Path, digits: Path, validation: str, arrays, words: str) -> None:
    np.savez(tmp_path / "x.npz", **arrays)
    done = stm32("validate", digits, "-d", validation, "--npz", "x.npz")
    assert done.code == 2, done.err
    assert words in done.err
    assert "Traceback" not in done.err


def test_not_an_npz(stm32, tmp_path: Path, digits: Path, validation: str) -> None:
    (tmp_path / "x.npz").write_text("nonsense")
    done = stm32("validate", digits, "-d", validation, "--npz", "x.npz")
    assert done.code == 2, done.err
    assert "x.npz" in done.err


def test_accuracy_script(validation: str) -> None:
    script = Path(__file__).resolve().parents[2] / "scripts" / "mnist_test.py"
    argv = [sys.executable, str(script), "-d", validation, "-b", "20"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    right, _, total, *_ = done.stdout.split()
    assert int(total) == 20
    assert int(right) >= 18


def test_wrong_firmware(stm32, digits: Path, images: Path) -> None:
    """SystemPerformance talks on its own and does not answer the protocol."""
    with Emulator(load_board(BOARD), images / "perf" / "Project.elf") as running:
        done = stm32("validate", digits, "-d", running.description)
    assert done.code == 6, done.err
    assert "Traceback" not in done.err


def test_monitor_shows_what_the_board_writes(stm32, images: Path) -> None:
    with Emulator(load_board(BOARD), images / "perf" / "Project.elf") as running:
        done = stm32("monitor", "-d", running.description, "--seconds", "5")
    assert done.code == 0, done.err
    assert "Model digits_int8" in done.out


def test_nobody_listens(stm32, digits: Path) -> None:
    done = stm32("validate", digits, "-d", "socket:127.0.0.1:1", "--npz", digits.with_name("digits_test.npz"))
    assert done.code == 6
    assert "Traceback" not in done.err


def test_make_fronts(tmp_path: Path, images: Path) -> None:
    """`make perf` and `make flash` in a copy of the Makefile's folder structure, without its set-up."""
    root = Path(__file__).resolve().parents[2]
    env = {key: value for key, value in os.environ.items() if not key.startswith("STM32_")}
    front = [sys.executable, str(root / "scripts" / "front.py")]
    argv = [*front, "perf", "--model-path", str(images / "model"), "--board", BOARD]
    done = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "build" / BOARD / "Project.elf").is_file()
    argv = [*front, "flash", "--board", BOARD]
    done = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "start it with: stm32 run" in done.stderr


def test_float_inputs_are_quantized_only_when_asked(stm32, tmp_path: Path, digits: Path, validation: str) -> None:
    with np.load(digits.with_name("digits_test.npz")) as stored:
        codes, outputs = stored["in0"][:3], stored["out0"][:3]
    real = ((codes.astype(np.float32) + 128) / 255).astype(np.float32)
    np.savez(tmp_path / "x.npz", in0=real, out0=outputs)
    refused = stm32("validate", digits, "-d", validation, "--npz", "x.npz")
    assert refused.code == 2
    assert "float32" in refused.err


def test_float_inputs_quantized(stm32, tmp_path: Path, digits: Path, validation: str) -> None:
    with np.load(digits.with_name("digits_test.npz")) as stored:
        codes, outputs = stored["in0"][:3], stored["out0"][:3]
    np.savez(tmp_path / "x.npz", in0=((codes.astype(np.float32) + 128) / 255).astype(np.float32), out0=outputs)
    done = stm32("validate", digits, "-d", validation, "--npz", "x.npz", "--quantize")
    assert done.code == 0, done.err
