# SPDX-License-Identifier: Apache-2.0
"""The ELF reader and the memory report, on files that the toolchain makes."""

import shutil
import subprocess

import pytest
from stm32_board_support import ElfError, load_board, memory_report, report_text
from stm32_board_support.elf import ElfFile
from stm32_board_support.linker import linker_script

GCC = shutil.which("arm-none-eabi-gcc")
HOST_CC = shutil.which("cc")
SOURCE = """
__attribute__((section(".nn_weights"))) const char weights[{weights}] = {{1}};
char pool[3000] __attribute__((section(".m.nn_data_act")));
int initial = 5;
int zeroed[10];
void Reset_Handler(void) {{ zeroed[initial] = weights[initial] + pool[initial]; }}
"""
needs_gcc = pytest.mark.skipif(GCC is None, reason="arm-none-eabi-gcc is not installed")


def link(folder, weights, *options):
    board = load_board("qemu-mps2-an386")
    (folder / "m.c").write_text(SOURCE.format(weights=weights))
    (folder / "m.ld").write_text(linker_script(board, board.layout("internal")))
    elf = folder / "m.elf"
    argv = [GCC, "-mcpu=cortex-m4", "-mthumb", "-nostdlib", "-Wl,--no-warn-rwx-segments", f"-T{folder / 'm.ld'}"]
    done = subprocess.run(
        [*argv, *options, str(folder / "m.c"), "-o", str(elf)], capture_output=True, text=True, check=False
    )
    return board, elf, done


@needs_gcc
def test_report_adds_up_what_was_linked(tmp_path):
    board, elf, done = link(tmp_path, 1000)
    assert done.returncode == 0, done.stderr
    report = memory_report(elf, board, board.layout("internal"))
    code, ram = report.region("ssram1"), report.region("ssram2")
    assert code.sections[".nn_weights_0"] == 1000
    assert code.sections[".data (initial values)"] == 4
    assert ram.sections[".stack"] == 0x4000
    assert ram.sections[".data"] == 4
    assert ram.sections[".bss"] == 40
    assert ram.sections[".nn_data_act_0"] == 3000
    assert ram.used == 0x4000 + 4 + 40 + 3000
    assert [item.name for item in ram.items[:2]] == ["pool", "zeroed"]
    assert report.overflows == []
    assert report.region("psram").used == 0


@needs_gcc
def test_image_that_does_not_fit_is_measured_all_the_same(tmp_path):
    board, _, done = link(tmp_path, 5_000_000)
    assert done.returncode != 0
    board, elf, done = link(tmp_path, 5_000_000, "-Wl,--noinhibit-exec", "-Wl,--no-check-sections")
    report = memory_report(elf, board, board.layout("internal"))
    (unit,) = report.overflows
    assert unit.name == "ssram1"
    assert unit.used > 5_000_000
    assert unit.items[0].name == "weights"
    text = report_text(report)
    assert f"ssram1: needs {unit.used} bytes, has 4194304" in text
    assert "5000000 weights (.nn_weights_0)" in text


@needs_gcc
def test_split_memories_overflow_as_one(tmp_path):
    board, elf, done = link(tmp_path, 5_000_000, "-Wl,--noinhibit-exec", "-Wl,--no-check-sections")
    assert elf.is_file(), done.stderr
    assert memory_report(elf, board, board.layout("default")).overflows == []


@pytest.mark.skipif(HOST_CC is None, reason="no host compiler")
def test_file_of_the_host_is_read_too(tmp_path):
    (tmp_path / "m.c").write_text("int here[7] = {1}; int main(void) { return here[0]; }\n")
    subprocess.run([HOST_CC, "-g", str(tmp_path / "m.c"), "-o", str(tmp_path / "m")], check=True)
    try:
        image = ElfFile(tmp_path / "m")
    except ElfError:
        pytest.skip("this host's programs are not little-endian ELF")
    symbol = next(symbol for symbol in image.symbols if symbol.name == "here")
    assert (symbol.size, symbol.section) == (28, ".data")


@pytest.mark.parametrize(
    "content", [b"", b"MZ not elf", b"\x7fELF\x01\x01" + bytes(40), b"\x7fELF\x02\x01\x01" + b"\xff" * 60]
)
def test_other_files_are_a_clear_error(tmp_path, content):
    path = tmp_path / "x.elf"
    path.write_bytes(content)
    with pytest.raises(ElfError, match=r"x\.elf"):
        ElfFile(path)


@needs_gcc
def test_cut_file_is_a_clear_error_at_every_length(tmp_path):
    _, elf, _ = link(tmp_path, 100)
    whole = elf.read_bytes()
    for length in range(0, len(whole) - 1, 97):
        (tmp_path / "cut.elf").write_bytes(whole[:length])
        with pytest.raises(ElfError):
            ElfFile(tmp_path / "cut.elf")
