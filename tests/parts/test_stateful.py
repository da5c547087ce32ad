# SPDX-License-Identifier: Apache-2.0
"""A model that keeps values between runs refuses a shared pool; one that is the application's alone is none."""

from __future__ import annotations

import numpy as np
import pytest
from stm32_emitter import compile_model
from stm32_emitter.testing.tflite_writer import ModelWriter, Quant

from tests.parts.project import run_tool


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Folder of the compiled model y = x + s; s = y."""
    writer, quant, shape = ModelWriter(), Quant(0.05, -3), (1, 1, 1, 4)
    x, before, y = (writer.tensor(name, shape, "int8", quant=quant) for name in ("x", "before", "y"))
    variable = writer.variable("sum", np.zeros(shape, np.int8), quant=quant)
    writer.operator("READ_VARIABLE", [variable], [before])
    writer.operator("ADD", [x, before], [y], fused_activation_function="NONE")
    writer.operator("ASSIGN_VARIABLE", [variable, y], [])
    compiled = compile_model(writer.finish([x], [y]), target="cortex-m4", name="net")
    return compiled.write(tmp_path_factory.mktemp("stateful") / "net")


def test_library_is_built(model, maker, tmp_path):
    done = maker.stm32("build", model, "--mcu", "stm32f405rg", "-d", tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "library" / "libstm32_models.a").is_file()
    assert "#error" in (model / "net.c").read_text()


def test_export_compiles(model, maker, tmp_path):
    done = maker.stm32("export", model, "--format", "makefile", "-o", tmp_path / "models")
    assert done.returncode == 0, done.stderr
    argv = ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-c", "models/ai/net.c", "models/main.c", "-Imodels/ai"]
    run_tool(argv, cwd=tmp_path)
    symbols = run_tool(["arm-none-eabi-nm", "net.o"], cwd=tmp_path)
    assert "net_activations" not in symbols
