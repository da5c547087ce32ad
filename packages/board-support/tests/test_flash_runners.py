# SPDX-License-Identifier: Apache-2.0
"""Flash runners: settings -> exact argument lists, and what the programs themselves make of them."""

import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest
from stm32_board_support import (
    RUNNERS,
    BoardDescriptorError,
    BoardNotFoundError,
    BoardSupportError,
    diagnose,
    find_runner,
    flash_commands,
    load_board,
)
from stm32_board_support.boards import load_descriptor
from stm32_board_support.flashing import is_installed
from stm32_board_support.schema import Board, FlashRunner, Kind

SPACED = '/home/me/my builds/it\'s "here"/Project.elf'
ODD = '/a b/$x[1]"\\{.elf'
ODD_TCL = '"/a b/\\$x\\[1\\]\\"\\\\{.elf"'
MISSING = "flash program not installed (no set-up installs them)"

CUBE = "STM32_Programmer_CLI|-c|port=swd|mode=UR|reset=HWrst|-d|p.elf|-v|-rst"
TABLE = [
    ("stm32cubeprogrammer", {"external_loader": "MT25.stldr"}, "p.elf", "", {}, [CUBE]),
    (
        "stm32cubeprogrammer",
        {"external_loader": "MT25.stldr"},
        SPACED,
        "0035",
        {"external": True},
        [
            "STM32_Programmer_CLI|-c|port=swd|sn=0035|mode=UR|reset=HWrst|--extload|MT25.stldr|-d|"
            + SPACED
            + "|-v|-rst",
        ],
    ),
    (
        "openocd",
        {"config": ["target/stm32f4x.cfg"]},
        "p.elf",
        "",
        {},
        [
            (
                "openocd|-f|interface/stlink.cfg|-f|target/stm32f4x.cfg|-c|init|-c|reset init"
                '|-c|flash write_image erase "p.elf"|-c|verify_image "p.elf"|-c|reset run|-c|shutdown'
            )
        ],
    ),
    (
        "openocd",
        {"config": ["board/st_nucleo_f4.cfg"]},
        SPACED,
        "066EFF",
        {"external": True},
        [
            (
                'openocd|-f|board/st_nucleo_f4.cfg|-c|adapter serial "066EFF"|-c|init|-c|reset init'
                '|-c|flash write_image erase "/home/me/my builds/it\'s \\"here\\"/Project.elf"'
                '|-c|verify_image "/home/me/my builds/it\'s \\"here\\"/Project.elf"|-c|reset run|-c|shutdown'
            )
        ],
    ),
    (
        "openocd",
        {"interface": "interface/cmsis-dap.cfg", "config": ["a.cfg", "b.cfg"]},
        ODD,
        "77",
        {},
        [
            (
                'openocd|-f|interface/cmsis-dap.cfg|-f|a.cfg|-f|b.cfg|-c|adapter serial "77"|-c|init|-c|reset init'
                f"|-c|flash write_image erase {ODD_TCL}|-c|verify_image {ODD_TCL}|-c|reset run|-c|shutdown"
            )
        ],
    ),
    ("st-flash", {}, "/a b/p.elf", "", {}, ["st-flash|--reset|--format|ihex|write|/a b/p.hex"]),
    ("st-flash", {}, "p.elf", "77", {}, ["st-flash|--serial|77|--reset|--format|ihex|write|p.hex"]),
    (
        "probe-rs",
        {"target": "STM32F412ZGTx"},
        SPACED,
        "",
        {},
        [
            "probe-rs|download|--chip|STM32F412ZGTx|--non-interactive|--verify|" + SPACED,
            "probe-rs|reset|--chip|STM32F412ZGTx|--non-interactive",
        ],
    ),
    (
        "probe-rs",
        {"target": "STM32F412ZGTx"},
        "p.elf",
        "0483:374b:77",
        {},
        [
            "probe-rs|download|--chip|STM32F412ZGTx|--probe|0483:374b:77|--non-interactive|--verify|p.elf",
            "probe-rs|reset|--chip|STM32F412ZGTx|--probe|0483:374b:77|--non-interactive",
        ],
    ),
    (
        "probe-rs",
        {"target": "X"},
        "p.elf",
        "77",
        {"usb_id": "0483:374e"},
        [
            "probe-rs|download|--chip|X|--probe|0483:374e:77|--non-interactive|--verify|p.elf",
            "probe-rs|reset|--chip|X|--probe|0483:374e:77|--non-interactive",
        ],
    ),
    (
        "pyocd",
        {"target": "stm32f412xg"},
        SPACED,
        "77",
        {},
        ["pyocd|load|--no-wait|--target|stm32f412xg|--uid|77|--format|elf|" + SPACED],
    ),
    ("pyocd", {"target": "t"}, "p.elf", "", {}, ["pyocd|load|--no-wait|--target|t|--format|elf|p.elf"]),
]


def board_with(**flash: dict) -> Board:
    plain = load_board("qemu-mps2-an386").descriptor
    tables = {name.replace("_", "-"): FlashRunner(**settings) for name, settings in flash.items()}
    return Board(msgspec.structs.replace(plain, kind=Kind.HARDWARE, emulator=None, flash=tables), Path())


def commands(runner, settings, elf, probe="", **facts):
    return flash_commands(board_with(**{runner: settings}), runner, elf, probe, **facts)


@pytest.mark.parametrize(("runner", "settings", "elf", "probe", "facts", "calls"), TABLE)
def test_settings_give_exactly_these_calls(runner, settings, elf, probe, facts, calls):
    assert commands(runner, settings, elf, probe, **facts) == [call.split("|") for call in calls]


def test_every_runner_is_in_the_table_and_says_how_to_get_it():
    assert {row[0] for row in TABLE} == set(RUNNERS)
    assert all(runner.install for runner in RUNNERS.values())


def test_probe_rs_cannot_choose_by_serial_number_alone():
    with pytest.raises(BoardSupportError, match="VENDOR:PRODUCT:SERIAL"):
        commands("probe-rs", {"target": "X"}, "p.elf", "77")


def test_loader_beside_the_program_is_named_by_its_path(tmp_path):
    loader = tmp_path / "Cube Programmer" / "bin" / "ExternalLoader" / "MT25.stldr"
    loader.parent.mkdir(parents=True)
    loader.touch()
    program = loader.parents[1] / "STM32_Programmer_CLI"
    (argv,) = commands(
        "stm32cubeprogrammer", {"external_loader": "MT25.stldr"}, "p.elf", external=True, program=program
    )
    assert argv[0] == str(program)
    assert argv[argv.index("--extload") + 1] == str(loader)


def test_program_is_found_in_the_folder_that_the_environment_names(tmp_path, monkeypatch):
    program = tmp_path / "bin" / "STM32_Programmer_CLI"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("X_CUBE_TOOL_PATH", str(tmp_path))
    assert find_runner("stm32cubeprogrammer") == program
    monkeypatch.setenv("X_CUBE_TOOL_PATH", str(tmp_path / "elsewhere"))
    assert not is_installed("stm32cubeprogrammer")


def test_emulated_board_is_not_flashed():
    with pytest.raises(BoardNotFoundError, match="a board of kind 'emulated' is not flashed"):
        flash_commands(load_board("qemu-mps2-an386"), "openocd", "p.elf")


def test_other_runner_is_refused_with_those_that_there_are():
    with pytest.raises(BoardNotFoundError, match="no flash runner 'pyocd'; it has: openocd"):
        flash_commands(board_with(openocd={"config": ["x.cfg"]}), "pyocd", "p.elf")


def test_descriptor_names_what_a_runner_cannot_do_without(tmp_path):
    folder = tmp_path / "qemu-mps2-an386"
    folder.mkdir()
    text = (load_board("qemu-mps2-an386").folder / "board.toml").read_text()
    text = text.replace('"emulated"', '"hardware"').replace("[emulator]", "[flash.openocd]")
    (folder / "board.toml").write_text(text.replace('machine = "mps2-an386"', "[flash.probe-rs]\ntarget='t'\n"))
    with pytest.raises(BoardDescriptorError) as caught:
        load_descriptor(folder / "board.toml")
    assert "flash runner openocd needs the key config" in str(caught.value)
    assert "flash runner openocd needs the key writes" in str(caught.value)
    assert "flash runner probe-rs needs the key writes" in str(caught.value)
    assert "needs the key target" not in str(caught.value)


def run(argv):
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)


# OpenOCD's own interpreter reads the commands; what touches a probe is replaced by words on the console.
TRACE = (
    "proc init {} { echo <init> }; proc reset {args} { echo <reset>:[join $args |] }; "
    "proc flash {args} { echo <flash>:[join $args |] }; proc verify_image {args} { echo <verify>:[join $args |] }"
)


@pytest.mark.skipif(not shutil.which("openocd"), reason=f"openocd: {MISSING}")
@pytest.mark.parametrize(
    "elf", [SPACED, ODD, "/a/{b}/c}.elf", "/tail\\", "C:\\new\\tmp.elf", "/ä/#;!.elf", "/[exit].elf"]
)
def test_openocd_reads_back_every_path(elf):
    (argv,) = commands("openocd", {"config": ["target/stm32f4x.cfg"]}, elf)
    first = argv.index("-c")
    done = run([*argv[:first], "-c", TRACE, *argv[first:-2], "-c", "exit"])
    said = [line for line in done.stderr.splitlines() if line.startswith("<")]
    assert said == [
        "<init>",
        "<reset>:init",
        f"<flash>:write_image|erase|{elf}",
        f"<verify>:{elf}",
        "<reset>:run",
    ], done.stderr


@pytest.mark.parametrize(
    ("runner", "settings"),
    [
        ("openocd", {"config": ["board/st_nucleo_f4.cfg"]}),
        ("openocd", {"config": ["board/stm32h747i-disco.cfg"]}),
        ("st-flash", {}),
        ("pyocd", {"target": "stm32f412xg"}),
    ],
)
@pytest.mark.parametrize("probe", ["", "066EFF30"])
def test_program_takes_the_command_and_finds_no_probe(runner, settings, probe, tmp_path):
    """The program accepts every option and gets as far as looking for a probe, of which there is none."""
    if not is_installed(runner):
        pytest.skip(f"{runner}: {MISSING}")
    folder = tmp_path / 'it\'s a "build"'
    folder.mkdir()
    (folder / "Project.elf").write_bytes(b"\x7fELF")
    (folder / "Project.hex").write_text(":0400000001020304F2\n:00000001FF\n")
    (argv,) = commands(runner, settings, folder / "Project.elf", probe, program=find_runner(runner))
    done = run(argv)
    found = diagnose(done.stdout + done.stderr)
    assert done.returncode != 0
    assert found is not None, done.stdout + done.stderr
    assert found.reason == "no debug probe was found"
    assert found.link


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("Error: open failed\nin procedure 'program'", "no debug probe was found"),
        ("WARN usb.c: Couldn't find any ST-Link devices", "no debug probe was found"),
        ("Error: No debug probe detected.", "no debug probe was found"),
        ("Error: No connected probes were found.", "no debug probe was found"),
        ("Error: libusb_open() failed with LIBUSB_ERROR_ACCESS\nError: open failed", "may not be opened by this user"),
        ("ST-LINK error (DEV_CONNECT_ERR)", "used by another program"),
        ("Error: No STM32 target found!", "found no chip"),
        ("Error: init mode failed (unable to connect to the target)", "found no chip"),
        ("Target type stm32h747xihx not recognized.", "does not know the chip"),
    ],
)
def test_failures_are_understood(words, reason):
    assert reason in diagnose(words).reason


def test_other_failures_are_not_explained_away():
    assert diagnose("** Verify Failed **") is None
