# SPDX-License-Identifier: Apache-2.0
"""Every kind of bad input: whole message, exit code, nothing left behind."""

import itertools
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from stm32_emitter.testing.tflite_writer import ModelWriter, Quant


def test_file_that_does_not_exist(stm32) -> None:
    done = stm32("compile", "nothing.tflite")
    assert done.code == 2
    assert "Path 'nothing.tflite' does not exist." in done.err


@pytest.mark.parametrize("content", [b"", b"not a model at all", b"\x00" * 64, bytes(range(256))])
def test_file_that_is_no_model(stm32, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.tflite").write_bytes(content)
    done = stm32("compile", "x.tflite", "-o", "out")
    assert done.code == 3, done.err
    assert done.err.splitlines()[-2 if "hint:" in done.err else -1].startswith("error: ")
    assert "Traceback" not in done.err
    assert not (tmp_path / "out").exists()
    assert done.out == ""


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.95, 0.999])
def test_truncated_model(stm32, tmp_path: Path, digits: Path, keep: float) -> None:
    content = digits.read_bytes()
    (tmp_path / "cut.tflite").write_bytes(content[: int(len(content) * keep)])
    done = stm32("compile", "cut.tflite", "-o", "out")
    assert done.code == 3, done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "out").exists()


def test_unsupported_operator_names_index_and_reason(stm32, tmp_path: Path) -> None:
    w = ModelWriter()
    x, y = (w.tensor(name, (1, 4), dtype, quant=Quant(0.5, 0)) for name, dtype in (("x", "int8"), ("y", "int16")))
    w.operator("RELU", [x], [y])
    (tmp_path / "x.tflite").write_bytes(w.finish([x], [y]))
    done = stm32("compile", "x.tflite", "-o", "out")
    assert done.code == 3, done.err
    said = next(line for line in done.err.splitlines() if line.startswith("error: "))
    assert said.startswith("error: operator 0 (RELU) 'y': ")
    assert not (tmp_path / "out").exists()


def test_all_problems_of_a_model_come_in_one_list(stm32, tmp_path: Path) -> None:
    w = ModelWriter()
    chain = [w.tensor(f"t{i}", (1, 4), dtype, quant=Quant(0.5, 0)) for i, dtype in enumerate(("int8", "int16", "int8"))]
    for source, target in itertools.pairwise(chain):  # no kernel computes RELU from one type to the other
        w.operator("RELU", [source], [target])
    (tmp_path / "x.tflite").write_bytes(w.finish(chain[:1], chain[-1:]))
    done = stm32("compile", "x.tflite", "-o", "out")
    assert done.code == 3, done.err
    said = done.err.splitlines()
    start = said.index("error: the model cannot be compiled, for 2 reasons:")
    assert said[start + 1].startswith("  operator 0 (RELU) 't1': ")
    assert said[start + 2].startswith("  operator 1 (RELU) 't2': ")
    assert said[start + 3].startswith("hint: ")
    assert not (tmp_path / "out").exists()


def test_existing_folder_is_kept_and_force_replaces_it(stm32, tmp_path: Path, digits: Path) -> None:
    assert stm32("compile", digits, "-o", "out", "-n", "first").code == 0
    before = sorted(path.name for path in (tmp_path / "out").iterdir())
    done = stm32("compile", digits, "-o", "out", "-n", "second")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: the output folder out exists; it was not touched\nhint: choose another with -o, or use --force\n"
    )
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == before
    assert stm32("compile", digits, "-o", "out", "-n", "second", "--force").code == 0
    assert (tmp_path / "out" / "second.c").is_file()
    assert not (tmp_path / "out" / "first.c").exists()


def test_force_does_not_replace_something_else(stm32, tmp_path: Path, digits: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years of work")
    done = stm32("compile", digits, "-o", "out", "--force")
    assert done.code == 2
    assert (tmp_path / "out" / "thesis.tex").read_text() == "years of work"


@pytest.mark.parametrize("goal", ["speed", "size", "ram"])
def test_goal_of_the_optimisation_is_honoured(stm32, digits: Path, goal: str) -> None:
    done = stm32("compile", digits, "-o", "out", "--optimize", goal, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["options"]["optimize"] == goal


def test_unknown_goal_is_refused_before_anything_is_written(stm32, tmp_path: Path, digits: Path) -> None:
    done = stm32("compile", digits, "-o", "out", "--optimize", "beauty")
    assert done.code == 2
    assert "beauty" in done.err
    assert not (tmp_path / "out").exists()


def test_folder_without_a_model(stm32, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = stm32("build", "empty")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: empty holds no compiled model\nhint: make one with: stm32 compile MODEL.tflite -o empty\n"
    )


@pytest.mark.usefixtures("cross_compiler", "nanopb")
def test_too_large_names_memory_need_have_and_largest(stm32, tmp_path: Path, fixture_model: Path) -> None:
    large = tmp_path / "large"
    shutil.copytree(fixture_model, large)
    for name in ("tiny_data.c", "tiny_data.h"):
        text = (large / name).read_text().replace("tiny_w0[3]", "tiny_w0[5000000]")
        (large / name).write_text(text)
    done = stm32("build", large, "-b", "qemu-mps2-an386", "--layout", "internal", "-d", "b")
    assert done.code == 4, done.err
    lines = done.err.splitlines()
    assert lines[1] == "error: the firmware does not fit qemu-mps2-an386:"
    assert lines[2].startswith("  ssram1: needs 5,0")
    assert "has 4,194,304" in lines[2]
    assert lines[3].split() == ["5,000,000", "tiny_w0", "(.nn_weights_0)"]
    assert lines[-1].startswith("hint: compile with --optimize ram or size")
    assert not (tmp_path / "b" / "Project.elf").exists()


def test_missing_compiler(stm32, tmp_path: Path, fixture_model: Path) -> None:
    done = stm32("build", fixture_model, "--app", "perf", "-d", "b", ARM_PATH="/nowhere")
    assert done.code == 5
    assert done.err == "error: ARM_PATH is '/nowhere', which holds no arm-none-eabi-gcc; correct it or unset it\n"
    assert not (tmp_path / "b").exists()


@pytest.mark.usefixtures("cross_compiler")
def test_missing_nanopb(stm32, fixture_model: Path) -> None:
    done = stm32("build", fixture_model, "-d", "b", NANOPB_DIR="/nowhere")
    assert done.code == 5
    assert "NANOPB_DIR=/nowhere does not hold them" in done.err


@pytest.mark.usefixtures("cross_compiler")
def test_emulated_board_is_not_flashed(stm32, fixture_model: Path) -> None:
    assert stm32("build", fixture_model, "--app", "perf", "-d", "b").code == 0
    done = stm32("flash", "-d", "b")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: board qemu-mps2-an386 is emulated: there is nothing to flash\nhint: start it with: stm32 run\n"
    )


def test_nothing_built(stm32) -> None:
    done = stm32("flash")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: nothing is built in build/\nhint: build it with: ")


def test_busy_port(stm32, digits: Path) -> None:
    serial = pytest.importorskip("serial")
    ours, theirs = pty.openpty()
    port = os.ttyname(theirs)
    with serial.Serial(port, exclusive=True):
        done = stm32("validate", digits, "-d", f"serial:{port}", "--npz", digits.with_name("digits_test.npz"))
    os.close(ours)
    os.close(theirs)
    assert done.code == 6
    assert "error: " in done.err
    assert port in done.err
    assert "Traceback" not in done.err


def test_silent_device(stm32, digits: Path) -> None:
    ours, theirs = pty.openpty()
    begin = time.monotonic()
    done = stm32("validate", digits, "-d", f"serial:{os.ttyname(theirs)}", "--npz", digits.with_name("digits_test.npz"))
    os.close(ours)
    os.close(theirs)
    assert done.code == 6
    assert time.monotonic() - begin < 60
    assert "Traceback" not in done.err


def test_interrupt_leaves_nothing(tmp_path: Path, digits: Path) -> None:
    argv = [sys.executable, "-m", "stm32_cli", "compile", str(digits), "-o", "out"]
    process = subprocess.Popen(argv, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    limit = time.monotonic() + 60
    while "tvm" not in Path(f"/proc/{process.pid}/maps").read_text() and time.monotonic() < limit:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert said.splitlines()[-1] == "interrupted"
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_full_disk(stm32, tmp_path: Path, digits: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(small)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("this machine does not let tests mount a file system")
    try:
        done = stm32("compile", digits, "-o", "small/out")
        assert done.code == 1, done.err
        assert "No space left on device" in done.err
        assert "Traceback" not in done.err
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)
