# SPDX-License-Identifier: Apache-2.0
"""Model folders, build records, targets' descriptions, names."""

from pathlib import Path

import pytest
from stm32_cli.commands.compile import c_name
from stm32_cli.console import plain_table
from stm32_cli.errors import CliError, Exit
from stm32_cli.project import models, record
from stm32_cli.project.compiler import ensure_free
from stm32_cli.validation.target import Destination, parse_destination, signature_text


def _model(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for file in (f"{name}.c", f"{name}.h", f"{name}_data.c", f"{name}_lib.c"):
        (folder / file).write_text("")
    (folder / f"{name}.json").write_text('{"signature": 7}')
    return folder


def test_model_folder_may_have_any_name(tmp_path: Path) -> None:
    found = models.find_models(_model(tmp_path / "any where", "kws"))
    assert [(model.name, model.info) for model in found] == [("kws", {"signature": 7})]


def test_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(CliError, match="holds no compiled model") as caught:
        models.find_models(tmp_path)
    assert caught.value.exit_code == Exit.USAGE


def test_two_models_of_one_name(tmp_path: Path) -> None:
    folders = [_model(tmp_path / "a", "kws"), _model(tmp_path / "b", "kws")]
    with pytest.raises(CliError, match="two models are named 'kws'"):
        models.find_all(folders)


def test_record_survives_a_round_trip(tmp_path: Path) -> None:
    wanted = record.BuildRecord("board", "perf", "fast", ["/m"], batch=True)
    record.save(tmp_path, wanted)
    assert record.load(tmp_path) == wanted
    with pytest.raises(CliError, match="holds no built firmware"):
        record.require(tmp_path)
    (tmp_path / "Project.elf").write_bytes(b"")
    assert record.require(tmp_path) == wanted


@pytest.mark.parametrize("text", ["", "{", "[]", '{"unknown": 1}'])
def test_damaged_record_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / record.FILE_NAME).write_text(text)
    assert record.load(tmp_path) is None


def test_output_folder_is_kept(tmp_path: Path) -> None:
    ensure_free(tmp_path / "new", force=False)
    with pytest.raises(CliError, match="exists; it was not touched"):
        ensure_free(_model(tmp_path / "m", "m"), force=False)
    ensure_free(tmp_path / "m", force=True)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "me.png").write_text("")
    with pytest.raises(CliError, match="not replaced even with --force"):
        ensure_free(tmp_path / "photos", force=True)


@pytest.mark.parametrize(
    ("desc", "expected"),
    [
        ("qemu", Destination("board", board="qemu-mps2-an386")),
        ("qemu:x", Destination("board", board="x")),
        ("host", Destination("host", board="host")),
        ("serial:/dev/ttyACM0:115200", Destination("connected", desc="serial:/dev/ttyACM0:115200")),
        ("COM7", Destination("connected", desc="COM7")),
    ],
)
def test_destinations(desc: str, expected: Destination) -> None:
    assert parse_destination(desc) == expected


def test_signatures() -> None:
    assert signature_text(0xABC) == "00000abc"
    assert signature_text("0xDEADBEEF") == "deadbeef"
    assert signature_text("") == ""


@pytest.mark.parametrize(
    ("text", "name"), [("kws", "kws"), ("My-Net.v2", "my_net_v2"), ("2fast", "m2fast"), ("é", "_")]
)
def test_names_in_c(text: str, name: str) -> None:
    assert c_name(text) == name


def test_plain_table_aligns_numbers_to_the_right() -> None:
    assert plain_table(["a", "n"], [["x", "1,000"], ["yy", "7"]]) == "a       n\nx   1,000\nyy      7"
