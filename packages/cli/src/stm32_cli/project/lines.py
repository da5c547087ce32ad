# SPDX-License-Identifier: Apache-2.0
"""Serial lines of boards: which port it is, said in words, and a line that comes back after the board was unplugged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stm32_cli import console

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ai_runner.drivers import Transport
    from ai_runner.drivers.reopening import ReopeningTransport
    from serial.tools.list_ports_common import ListPortInfo
    from stm32_board_support import Board


def ports_here() -> list[ListPortInfo]:
    """The serial ports of this computer."""
    from serial.tools import list_ports

    return list(list_ports.comports())


def name_port(desc: str, ports: Sequence[ListPortInfo], probe: str = "", board: Board | None = None) -> tuple[str, str]:
    """A line's description with the port in it, where it leaves the port open.

    Args:
        desc: "serial", "serial:" or "serial::BAUD"; anything else names its port already and is returned as it is.
        ports: of this computer.
        probe: serial number of the debug probe, "" for the only one.
        board: what its descriptor says of the probe's USB ids and the baud rate is used.

    Returns:
        ("serial:PORT:BAUD", the port for people), or (desc, "").

    Raises:
        PortNotFoundError, InvalidParamError: there is no such port, or there are several; exit codes 6 and 2.
    """
    from ai_runner.drivers.ports import choose_port, describe_port
    from ai_runner.drivers.serial_port import DEFAULT_BAUDRATE, parse_port

    scheme, _, rest = desc.partition(":")
    port, rate = parse_port(rest) if scheme == "serial" else (desc, None)
    if port:
        return desc, ""
    usb_ids = board.descriptor.console.usb_ids if board else []
    found = choose_port(ports, probe, usb_ids)
    baud = rate or (board.descriptor.console.baud if board else DEFAULT_BAUDRATE)
    return f"serial:{found.device}:{baud}", describe_port(found)


def find_line(desc: str, probe: str = "", board: Board | None = None) -> str:
    """As `name_port` with the ports of this computer; says which one it took."""
    named, text = name_port(desc, ports_here() if desc.startswith("serial") else [], probe, board)
    if text:
        console.message(f"serial port: {text}")
    return named


def _opener(desc: str) -> Callable[[], Transport]:
    """Opens a line by its description; a serial port again under whatever name its device comes back."""
    from ai_runner.drivers import open_transport
    from ai_runner.drivers.ports import find_again
    from ai_runner.drivers.serial_port import parse_port

    scheme, _, rest = desc.partition(":")
    if scheme != "serial":
        return lambda: open_transport(desc)
    device, rate = parse_port(rest)
    before = next((port for port in ports_here() if port.device == device), None)
    baud = f":{rate}" if rate else ""
    return lambda: open_transport(f"serial:{find_again(before, device, ports_here())}{baud}")


def reopening_line(desc: str) -> ReopeningTransport:
    """Opens a line that is waited for when it breaks; losing it and getting it back is told on stderr.

    Args:
        desc: as `find_line` returns it.

    Raises:
        AiRunnerError: it cannot be opened the first time.
    """
    from ai_runner.drivers.reopening import ReopeningTransport

    return ReopeningTransport(_opener(desc), console.message)
