# SPDX-License-Identifier: Apache-2.0
"""Flash runners: settings -> exact argument list."""

from pathlib import Path

import msgspec
import pytest
from stm32_board_support import RUNNERS, BoardNotFoundError, flash_command, load_board
from stm32_board_support.schema import Board, FlashRunner, Kind

SPACED = '/home/me/my builds/it\'s "here"/Project.elf'

ODD_PROGRAM = 'program "/a b/\\$x\\[1\\]\\"\\\\.elf" verify reset exit'

TABLE = [
    ("stm32cubeprogrammer", {}, "p.elf", "", "STM32_Programmer_CLI|-c|port=swd|mode=UR|reset=HWrst|-d|p.elf|-s"),
    (
        "stm32cubeprogrammer",
        {"external_loader": "MT25TL01G_STM32H747I-DISCO.stldr"},
        SPACED,
        "0035",
        "STM32_Programmer_CLI|--extload|MT25TL01G_STM32H747I-DISCO.stldr|-c|port=swd|sn=0035|mode=UR|reset=HWrst|-d|"
        + SPACED
        + "|-s",
    ),
    (
        "openocd",
        {"config": ["target/stm32f4x.cfg"]},
        "p.elf",
        "",
        'openocd|-f|interface/stlink.cfg|-f|target/stm32f4x.cfg|-c|program "p.elf" verify reset exit',
    ),
    (
        "openocd",
        {"interface": "interface/cmsis-dap.cfg", "config": ["a.cfg", "b.cfg"]},
        '/a b/$x[1]"\\.elf',
        "77",
        'openocd|-f|interface/cmsis-dap.cfg|-f|a.cfg|-f|b.cfg|-c|adapter serial "77"|-c|' + ODD_PROGRAM,
    ),
    ("st-flash", {}, "/a b/p.elf", "", "st-flash|--reset|--format|ihex|write|/a b/p.hex"),
    ("st-flash", {}, "p.elf", "77", "st-flash|--serial|77|--reset|--format|ihex|write|p.hex"),
    (
        "probe-rs",
        {"target": "STM32F412ZGTx"},
        SPACED,
        "0483:374b:77",
        "probe-rs|download|--chip|STM32F412ZGTx|--probe|0483:374b:77|--verify|" + SPACED,
    ),
    ("pyocd", {"target": "stm32f412zg"}, "p.elf", "77", "pyocd|flash|--target|stm32f412zg|--uid|77|p.elf"),
]


def board_with(runner: str, settings: dict) -> Board:
    plain = load_board("qemu-mps2-an386").descriptor
    flash = {runner: FlashRunner(**settings)}
    return Board(msgspec.structs.replace(plain, kind=Kind.HARDWARE, emulator=None, flash=flash), Path())


@pytest.mark.parametrize(("runner", "settings", "elf", "probe", "argv"), TABLE)
def test_settings_give_exactly_this_argv(runner, settings, elf, probe, argv):
    assert flash_command(board_with(runner, settings), runner, elf, probe) == argv.split("|")


def test_every_runner_is_in_the_table_and_says_how_to_get_it():
    assert {row[0] for row in TABLE} == set(RUNNERS)
    assert all(runner.install for runner in RUNNERS.values())


def test_emulated_board_is_not_flashed():
    with pytest.raises(BoardNotFoundError, match="a board of kind 'emulated' is not flashed"):
        flash_command(load_board("qemu-mps2-an386"), "openocd", "p.elf")


def test_other_runner_is_refused_with_those_that_there_are():
    with pytest.raises(BoardNotFoundError, match="no flash runner 'pyocd'; it has: openocd"):
        flash_command(board_with("openocd", {}), "pyocd", "p.elf")
