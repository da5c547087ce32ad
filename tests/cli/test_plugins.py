# SPDX-License-Identifier: Apache-2.0
"""Operators of a package outside of this project: found by its entry point, or by --plugin."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stm32_emitter.testing.tflite_writer import ModelWriter, Quant

SOURCE = """\
static int8_t limited(int32_t value)
{
    return (int8_t)(value > 127 ? 127 : (value < -128 ? -128 : value));
}

void fold_s8(const int8_t *x, int8_t *y, int32_t count, int32_t zero)
{
    for (int32_t i = 0; i < count; ++i) {
        y[i] = limited(x[i] < zero ? 2 * zero - x[i] : x[i]);
    }
}
"""
OPERATORS = """\
    from pathlib import Path

    from stm32_emitter.extension import CKernel, Input, Operator, Output, Tensor

    def result(call):
        return Tensor(call.inputs[0].shape, call.inputs[0].dtype)

    def kernel(call):
        x = call.inputs[0]
        arguments = [Input(0), Output(0), x.elements, x.zero_point[0]]
        return CKernel("fold_s8", arguments, Path(__file__).with_name("fold.c"))

    FOLD = Operator("FOLD", result, kernel, tflite="Fold")
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """|x| as a custom operator of int8, behind it a TANH."""
    writer = ModelWriter()
    quant = Quant(0.05, -20)
    x, y = (writer.tensor(name, (1, 4, 6), "int8", quant=quant) for name in ("x", "y"))
    z = writer.tensor("z", (1, 4, 6), "int8", quant=Quant(1 / 128))
    writer.custom("Fold", [x], [y])
    writer.operator("TANH", [y], [z])
    file = tmp_path / "fold.tflite"
    file.write_bytes(writer.finish([x], [z]))
    return file


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package as pip installs it, in a folder of its own."""
    site = tmp_path / "site"
    for name, files in {
        "fold_ops": {"__init__.py": "", "operators.py": textwrap.dedent(OPERATORS), "fold.c": SOURCE},
        "fold_ops-1.0.dist-info": {
            "METADATA": "Metadata-Version: 2.1\nName: fold-ops\nVersion: 1.0\n",
            "entry_points.txt": "[stm32_emitter.operators]\nfold = fold_ops.operators:FOLD\n",
        },
    }.items():
        (site / name).mkdir(parents=True)
        for file, text in files.items():
            (site / name / file).write_text(text, encoding="utf-8")
    return site


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """Inputs, and what numpy and the definition of an int8 TANH say of them."""
    x = np.random.default_rng(2).integers(-128, 128, (6, 1, 4, 6)).astype(np.int8)
    folded = np.minimum(np.where(x < -20, -40 - x.astype(np.int32), x), 127)
    y = np.clip(np.round(np.tanh((folded + 20) * np.float64(np.float32(0.05))) * 128), -128, 127).astype(np.int8)
    np.savez(tmp_path / "fold.npz", in0=x, out0=y)
    return tmp_path / "fold.npz"


@pytest.mark.emulator
@pytest.mark.usefixtures("emulator", "cross_compiler", "nanopb")
def test_an_installed_package_is_found_by_its_entry_point(stm32: Any, model: Path, package: Path, stored: Path) -> None:
    done = stm32("validate", model, "--npz", stored, PYTHONPATH=str(package))
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1] == "passed: 0 of 144 output bytes differ"


def test_a_plug_in_file_and_an_export_of_its_c(stm32: Any, model: Path, package: Path, tmp_path: Path) -> None:
    plugin = package / "fold_ops" / "plugin.py"
    plugin.write_text(
        "from operators import FOLD\nfrom stm32_emitter.extension import register_operator as add\nadd(FOLD)\n"
    )
    done = stm32("compile", model, "--plugin", plugin, "-o", "out", "--explain")
    assert done.code == 0, done.err
    assert "plug-in" in done.out
    done = stm32("export", "out", "--format", "cmake", "-o", "exported")
    assert done.code == 0, done.err
    files = {path.name for path in (tmp_path / "exported" / "ai").iterdir()}
    assert {"fold_ext.h", "fold_ext_fold.c", "fold_lib.c"} <= files


def test_errors_of_plug_ins_are_usage_errors(stm32: Any, model: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("import stm32_emitter.extension as e\ne.register_operator(e.Operator('CONV_2D', print, print))\n")
    done = stm32("compile", model, "--plugin", broken, "-o", "out")
    assert done.code == 2
    assert (
        "the plug-in CWD/broken.py: the operator 'CONV_2D' is there twice: of stm32_emitter and of CWD/broken.py"
        in done.err
    )
    assert not (tmp_path / "out").exists()
    assert "Traceback" not in done.err


def test_doctor_lists_installed_plug_ins(stm32: Any, package: Path) -> None:
    found = {entry["name"]: entry for entry in json.loads(stm32("doctor", "--json", PYTHONPATH=str(package)).out)}
    fold = found["plug-in fold"]
    assert (fold["needed_for"], fold["version"], fold["problem"]) == ("operators of fold-ops", "1.0", "")
    assert fold["where"].startswith("CWD/site")


def test_doctor_tells_why_a_plug_in_does_not_load(stm32: Any, package: Path) -> None:
    (package / "fold_ops" / "operators.py").write_text("import of_an_old_version\n")
    done = stm32("doctor", PYTHONPATH=str(package))
    line = next(line for line in done.out.splitlines() if line.startswith("plug-in fold"))
    assert line.split() == ["plug-in", "fold", "1.0", "operators", "of", "fold-ops", "fails", "to", "load"]
    reason = "the plug-in 'fold' of fold-ops failed with ModuleNotFoundError: No module named 'of_an_old_version'"
    assert reason in done.err.splitlines()
    assert done.code in (2, 5)  # 5 where a tool is missing, too
    if done.code == 2:
        assert "error: not usable: plug-in fold" in done.err
