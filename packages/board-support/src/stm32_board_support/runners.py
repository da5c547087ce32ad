# SPDX-License-Identifier: Apache-2.0
"""Flash programs as data: a runner turns a board's settings, an image and a probe into exact argument lists.

Options as documented by: STM32CubeProgrammer UM2237; OpenOCD 0.12 user's guide, chapter "Flash Programming" and
`adapter serial`; st-flash(1) of stlink 1.7; `probe-rs download --help` and `probe-rs reset --help` (0.24 and later);
`pyocd load --help` (0.36).
"""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from stm32_board_support.errors import BoardNotFoundError, BoardSupportError
from stm32_board_support.schema import Board, FlashRunner, Kind


class Job(msgspec.Struct, frozen=True):
    """What one run of a flash program is given.

    Attributes:
        settings: the board's table for this program.
        elf: image.
        probe: serial number of the debug probe, "" for the only one.
        usb_id: "vendor:product" of the board's own probe, "" if the descriptor does not tell.
        external: whether the image touches a memory outside of the chip.
    """

    settings: FlashRunner
    elf: str
    probe: str = ""
    usb_id: str = ""
    external: bool = False


Arguments = Callable[[Job], list[list[str]]]


class Runner(msgspec.Struct, frozen=True):
    """A flash program.

    Attributes:
        program: executable.
        arguments: job -> arguments of each call, in order. The last one leaves the board reset and running.
        install: how to get the program.
        needs: keys of the board's table that it cannot do without.
        folder_variable: environment variable that names the folder which holds the program, "" if there is none.
    """

    program: str
    arguments: Arguments
    install: str
    needs: tuple[str, ...] = ()
    folder_variable: str = ""


def _cube(job: Job) -> list[list[str]]:
    serial = [f"sn={job.probe}"] if job.probe else []
    loader = ["--extload", job.settings.external_loader] if job.external else []
    return [["-c", "port=swd", *serial, "mode=UR", "reset=HWrst", *loader, "-d", job.elf, "-v", "-rst"]]


def quote_tcl(text: str) -> str:
    """A text as one Tcl word between quotes: OpenOCD reads -c arguments as Tcl."""
    escaped = "".join("\\" + char if char in '\\"$[]' else char for char in text)
    return f'"{escaped}"'


def _openocd_files(settings: FlashRunner) -> list[str]:
    brings_interface = bool(settings.config) and settings.config[0].startswith("board/")
    interface = settings.interface or ("" if brings_interface else "interface/stlink.cfg")
    return [*([interface] if interface else []), *settings.config]


def _openocd(job: Job) -> list[list[str]]:
    """The steps of OpenOCD's `program`, one by one: that procedure splits paths at braces."""
    image = quote_tcl(job.elf)
    steps = ["init", "reset init", f"flash write_image erase {image}", f"verify_image {image}", "reset run", "shutdown"]
    serial = [f"adapter serial {quote_tcl(job.probe)}"] if job.probe else []
    files = [part for file in _openocd_files(job.settings) for part in ("-f", file)]
    return [[*files, *(part for step in [*serial, *steps] for part in ("-c", step))]]


def hex_file(elf: str | os.PathLike[str]) -> Path:
    """The Intel HEX file that the build writes beside an image."""
    return Path(elf).with_suffix(".hex")


def _stflash(job: Job) -> list[list[str]]:
    serial = ["--serial", job.probe] if job.probe else []
    return [[*serial, "--reset", "--format", "ihex", "write", str(hex_file(job.elf))]]


def _probe_rs(job: Job) -> list[list[str]]:
    """`download` leaves the core halted, so a second call resets it."""
    if job.probe and ":" not in job.probe and not job.usb_id:
        raise BoardSupportError(
            f"probe-rs selects a probe by VENDOR:PRODUCT:SERIAL, not by the serial number {job.probe} alone\n"
            "give all three to --probe (probe-rs list shows them), or add console.usb_ids to the board's board.toml"
        )
    selector = job.probe if ":" in job.probe else f"{job.usb_id}:{job.probe}"
    common = ["--chip", job.settings.target, *(["--probe", selector] if job.probe else []), "--non-interactive"]
    return [["download", *common, "--verify", job.elf], ["reset", *common]]


def _pyocd(job: Job) -> list[list[str]]:
    """`load` resets the board when it is done; without --no-wait it waits for a probe for ever."""
    serial = ["--uid", job.probe] if job.probe else []
    return [["load", "--no-wait", "--target", job.settings.target, *serial, "--format", "elf", job.elf]]


RUNNERS: dict[str, Runner] = {
    "stm32cubeprogrammer": Runner(
        "STM32_Programmer_CLI",
        _cube,
        "install STM32CubeProgrammer from st.com and set X_CUBE_TOOL_PATH to its bin folder",
        folder_variable="X_CUBE_TOOL_PATH",
    ),
    "openocd": Runner("openocd", _openocd, "apt-get install openocd (0.12 or later)", needs=("config",)),
    "st-flash": Runner("st-flash", _stflash, "apt-get install stlink-tools (1.7 or later)"),
    "probe-rs": Runner("probe-rs", _probe_rs, "cargo install probe-rs-tools, or see probe.rs", needs=("target",)),
    "pyocd": Runner("pyocd", _pyocd, "pip install stm32-ai-board-support[pyocd]", needs=("target",)),
}


def runner_settings(board: Board, runner: str) -> FlashRunner:
    """The board's table for a flash program.

    Raises:
        BoardNotFoundError: the board is not flashed by this program; the message says by which.
    """
    settings = board.descriptor.flash.get(runner)
    if settings is None or runner not in RUNNERS:
        known = ", ".join(board.descriptor.flash)
        hint = f"it has: {known}" if known else f"a board of kind {board.kind.value!r} is not flashed"
        if not known and board.kind is Kind.HARDWARE:
            hint = "add a [flash.RUNNER] table to its board.toml"
        raise BoardNotFoundError(f"board {board.name} has no flash runner {runner!r}; {hint}")
    return settings


def flash_commands(
    board: Board,
    runner: str,
    elf: str | os.PathLike[str],
    probe: str = "",
    *,
    external: bool = False,
    usb_id: str = "",
    program: str | os.PathLike[str] = "",
) -> list[list[str]]:
    """The exact argument lists that write an image to a board, and reset it.

    Args:
        board: its [flash.RUNNER] table holds the settings.
        runner: key of RUNNERS.
        elf: image; st-flash is given the .hex file beside it.
        probe: serial number of the debug probe, "" for the only one.
        external: the image touches a memory outside of the chip (`flashing.touched_memories`), so that
            STM32CubeProgrammer takes its external loader.
        usb_id: "vendor:product" of that probe, which probe-rs asks for; "": the first of the board's console.usb_ids.
        program: path of the executable; "" for its bare name.

    Returns:
        One argv a call, in order, program first. Nothing is run.

    Raises:
        BoardNotFoundError: the board is not flashed by this program; the message says by which.
        BoardSupportError: probe-rs is given a serial number without USB ids.
    """
    settings = runner_settings(board, runner)
    row = RUNNERS[runner]
    first = usb_id or next(iter(board.descriptor.console.usb_ids), "")
    executable = os.fspath(program) or row.program
    job = Job(_with_loader_path(settings, executable), os.fspath(elf), probe, first, external)
    return [[executable, *arguments] for arguments in row.arguments(job)]


def _with_loader_path(settings: FlashRunner, program: str) -> FlashRunner:
    """External loaders lie in a folder of their program; one that is found there is named by its whole path."""
    path = Path(program).parent / "ExternalLoader" / settings.external_loader
    if not settings.external_loader or not path.is_file():
        return settings
    return msgspec.structs.replace(settings, external_loader=str(path))
