# SPDX-License-Identifier: Apache-2.0
"""Images of the real boards: what lies where, vector tables, memories that a layout starts, what does not fit.

That they run is shown by tests/emulated_chips (both boards) and tests/emulated (the STM32F4 port on QEMU).
"""

import re
import struct
import subprocess

import pytest
from stm32_board_support import load_board, memory_report
from stm32_board_support.elf import ElfFile

from tests.firmware.conftest import run

LAYOUTS = [("nucleo-f412zg", "default"), ("disco-h747i", "config1"), ("disco-h747i", "config4")]
WHERE = {
    ("nucleo-f412zg", "default"): {
        ".text": 0x0800_0000, ".nn_models": 0x0800_0000, ".nn_weights_0": 0x0800_0000, ".stack": 0x2000_0000,
        ".bss": 0x2000_0000, ".nn_data_act_0": 0x2000_0000,
    },
    ("disco-h747i", "config1"): {
        ".text": 0x0800_0000, ".nn_models": 0x0800_0000, ".second_core": 0x0810_0000, ".nn_weights_0": 0x0800_0000,
        ".stack": 0x2000_0000, ".bss": 0x2000_0000, ".nn_data_act_0": 0x2400_0000,
    },
    ("disco-h747i", "config4"): {
        ".text": 0x0800_0000, ".nn_models": 0x0800_0000, ".second_core": 0x0810_0000, ".nn_weights_0": 0x9000_0000,
        ".stack": 0x2000_0000, ".bss": 0x2000_0000, ".nn_data_act_0": 0xD000_0000,
    },
}  # fmt: skip
"""Output section -> address of the memory that must hold it, by the boards' manuals."""
MB = 1 << 20
SPANS = {0x0800_0000: MB, 0x0810_0000: 0x400, 0x2400_0000: MB // 2, 0x9000_0000: 128 * MB, 0xD000_0000: 32 * MB}
RAM = {"nucleo-f412zg": 256 << 10, "disco-h747i": 128 << 10}
CONSOLE_INTERRUPT = {"nucleo-f412zg": 39, "disco-h747i": 37}


def sections(elf):
    """name -> (address, load address, size) of what the image holds."""
    done = subprocess.run(["arm-none-eabi-objdump", "-h", elf], capture_output=True, text=True, check=True)
    rows = re.findall(r"^ +\d+ (\S+) +(\w+) +(\w+) +(\w+) .*\n +(.*)$", done.stdout, re.MULTILINE)
    return {
        name: (int(address, 16), int(load, 16), int(size, 16))
        for name, size, address, load, flags in rows
        if "ALLOC" in flags and int(size, 16)
    }


def words(elf, section, folder):
    """The 32-bit words of a section."""
    raw = folder / "section.bin"
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", "-j", section, elf, raw], check=True)
    data = raw.read_bytes()
    return struct.unpack(f"<{len(data) // 4}I", data[: len(data) // 4 * 4])


def image(builder, board, layout, app="perf"):
    return builder.image(board=board, app=app, models=("tiny", "odd"), LAYOUT=layout)


@pytest.mark.parametrize(("board", "layout"), LAYOUTS)
def test_sections_lie_in_their_memories(builder, board, layout):
    found = sections(image(builder, board, layout))
    assert WHERE[board, layout].items() <= {(name, WHERE[board, layout].get(name)) for name in found}
    for name, (address, load, size) in found.items():
        base = WHERE[board, layout].get(re.sub(r"^(\.nn_weights_0)\.\d+$", r"\1", name))
        assert base is not None, f"{name} was not expected"
        span = RAM[board] if base == 0x2000_0000 else SPANS[base]
        assert base <= address
        assert address + size <= base + span
        if name not in (".stack", ".bss", ".nn_data_act_0"):
            assert load == address


@pytest.mark.parametrize(("board", "layout"), LAYOUTS)
def test_vector_table_ends_at_the_consoles_interrupt(builder, board, layout, tmp_path):
    elf = image(builder, board, layout)
    symbols = {symbol.name: symbol for symbol in ElfFile(elf).symbols}
    table = words(elf, ".text", tmp_path)[: symbols["vectors"].size // 4]
    assert symbols["vectors"].address == 0x0800_0000
    assert len(table) == 16 + CONSOLE_INTERRUPT[board] + 1
    stack = sections(elf)[".stack"]
    assert table[0] == stack[0] + stack[2]
    handlers = {1: "Reset_Handler", 15: "SysTick_Handler", 16 + CONSOLE_INTERRUPT[board]: "Console_Handler"}
    handlers |= dict.fromkeys((2, 3, 4, 5, 6, 11, 12, 14), "Fault_Handler")
    assert {i: entry for i, entry in enumerate(table) if i and entry} == {
        i: symbols[name].address | 1 for i, name in handlers.items()
    }


@pytest.mark.parametrize("layout", ["config1", "config4"])
def test_second_core_starts_in_a_loop_that_sleeps(builder, layout, tmp_path):
    elf = image(builder, "disco-h747i", layout)
    raw = words(elf, ".second_core", tmp_path)
    assert raw[1] == 0x0810_0008 | 1
    shown = subprocess.run(
        ["arm-none-eabi-objdump", "-d", "-j", ".second_core", elf], capture_output=True, text=True, check=True
    ).stdout
    assert re.findall(r"\t(cpsid|wfi|b\.n)\b", shown) == ["cpsid", "wfi", "b.n"]
    assert re.search(r"b\.n\s+810000a", shown), shown


def test_external_memories_are_started_in_the_layout_that_uses_them(builder):
    names = {
        layout: {symbol.name for symbol in ElfFile(image(builder, "disco-h747i", layout)).symbols}
        for layout in ("config1", "config4")
    }
    assert {"sdram_start", "qspi_start"} & names["config1"] == set()
    assert {"sdram_start", "qspi_start"} <= names["config4"]


def test_weights_that_do_not_fit_both_banks_of_the_flash_are_refused(builder):
    model = builder.variant("large_disco", {"tiny_w0[3]": "tiny_w0[2300000]"})
    folder = builder.configure(board="disco-h747i", app="perf", models=(str(model),))
    assert run(["cmake", "--build", str(folder), "--target", "Project"]).returncode != 0
    assert run(["cmake", "--build", str(folder), "--target", "Oversize"]).returncode == 0
    board = load_board("disco-h747i")
    (over,) = memory_report(folder / "Oversize.elf", board, board.layout()).overflows
    assert (over.name, over.items[0].size) == ("flash+flash2", 2_300_000)


def test_weights_of_the_same_size_fit_the_external_flash_and_the_hex_file_holds_them(builder):
    model = builder.variant("external", {"tiny_w0[3]": "tiny_w0[2300000]"})
    elf = builder.image(board="disco-h747i", app="perf", models=(str(model),), LAYOUT="config4")
    address, load, size = sections(elf)[".nn_weights_0"]
    assert (address, load) == (0x9000_0000, 0x9000_0000)
    assert size >= 2_300_000
    upper = {line[9:13] for line in elf.with_suffix(".hex").read_text().splitlines() if line[7:9] == "04"}
    assert {"0800", "0810", "9000", "9023"} <= upper
    assert elf.with_suffix(".bin").stat().st_size < 64 << 10
