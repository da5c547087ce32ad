# SPDX-License-Identifier: Apache-2.0
"""The report's figures are the linker's: sizes of the sections, places of the buffers."""

import json
from pathlib import Path

import pytest
from stm32_board_support import load_board
from stm32_board_support.elf import ElfFile
from stm32_cli.project.firmware import Build, build_firmware
from stm32_cli.project.models import find_models

BOARD = "qemu-mps2-an386"


def _emitted(folder: Path, model: Path) -> Path:
    from stm32_emitter import compile_model

    return Path(compile_model(model, name="net").write(folder / "model"))


@pytest.mark.usefixtures("cross_compiler")
@pytest.mark.parametrize("which", ["digits", "kws", "float"])
def test_regions_are_what_is_linked(tmp_path: Path, digits: Path, zoo: Path, which: str) -> None:
    names = {"kws": "mlperf_tiny_kws_ref_int8", "float": "mlperf_tiny_resnet_float"}
    model = digits if which == "digits" else zoo / "models" / f"{names[which]}.tflite"
    folder = _emitted(tmp_path, model)
    elf = ElfFile(build_firmware(Build(load_board(BOARD), "perf", find_models(folder), tmp_path / "b")))
    report = json.loads((folder / "net_report.json").read_text())
    pool, flash = report["regions"]
    linked = {section.name: section.size for section in elf.sections}
    assert linked[".nn_data_act_0"] == pool["bytes"] == report["totals"]["activations_size"]
    assert sum(size for name, size in linked.items() if name.startswith(".nn_weights_")) == flash["bytes"]
    symbols = {symbol.name: symbol.size for symbol in elf.symbols}
    assert symbols["net_activations"] == pool["bytes"]
    info = json.loads((folder / "net.json").read_text())
    assert {c["name"]: symbols.get(c["name"]) for c in info["constants"]} == {
        c["name"]: c["bytes"] for c in info["constants"]
    }
    end = max(row["offset"] + row["bytes"] for row in report["memory"])
    assert report["totals"]["context_bytes"] + end <= pool["bytes"]
