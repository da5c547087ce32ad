# SPDX-License-Identifier: Apache-2.0
"""Which serial port is a board's: pure functions over pyserial's list of ports.

Product ids of ST-LINK probes (vendor 0483) that bring a virtual COM port, as in the device tables of pyOCD and stlink
(ST's technical note TN1235); 3744 (V1), 3748 (V2) and 374d (V3 in its loader) have none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai_runner.errors import InvalidParamError, PortNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from serial.tools.list_ports_common import ListPortInfo

__all__ = ["STLINK_PRODUCTS", "choose_port", "describe_port", "find_again", "usb_id"]

ST_VENDOR = 0x0483
STLINK_PRODUCTS = {
    0x374A: "ST-LINK/V2-1",
    0x374B: "ST-LINK/V2-1",
    0x374E: "STLINK-V3",
    0x374F: "STLINK-V3",
    0x3752: "ST-LINK/V2-1",
    0x3753: "STLINK-V3, two ports",
    0x3754: "STLINK-V3",
    0x3755: "STLINK-V3",
    0x3757: "STLINK-V3",
}


def usb_id(port: ListPortInfo) -> str:
    """``vendor:product`` in hexadecimal, "" for a port that is not on USB."""
    return "" if port.vid is None or port.pid is None else f"{port.vid:04x}:{port.pid:04x}"


def is_stlink(port: ListPortInfo) -> bool:
    """Whether a port belongs to an ST-LINK; an id that is not listed is recognised by what the probe calls itself."""
    named = "LINK" in f"{port.description} {port.product}".upper()
    return port.vid == ST_VENDOR and (port.pid in STLINK_PRODUCTS or named)


def describe_port(port: ListPortInfo) -> str:
    """A port for people: ``/dev/ttyACM0 (ST-LINK/V2-1, USB 0483:374b, serial number 066B...)``."""
    facts = [STLINK_PRODUCTS.get(port.pid, "") if port.vid == ST_VENDOR else str(port.product or "")]
    facts += [f"USB {usb_id(port)}" if usb_id(port) else "", f"serial number {port.serial_number or 'none'}"]
    text = ", ".join(fact for fact in facts if fact)
    return f"{port.device} ({text})" if usb_id(port) else str(port.device)


def choose_port(ports: Iterable[ListPortInfo], probe: str = "", usb_ids: Sequence[str] = ()) -> ListPortInfo:
    """Choose the port of a board's debug probe.

    Args:
        ports: as pyserial lists them.
        probe: serial number of the probe, alone or as VENDOR:PRODUCT:SERIAL; "" for the only one.
        usb_ids: ``vendor:product`` of the board's own probe; where such a port is there, other probes do not count.

    Raises:
        PortNotFoundError: no port of an ST-LINK, or none with that serial number; the message lists what is there.
        InvalidParamError: there are several; the message lists them and says how to choose.
    """
    there = sorted(ports, key=lambda port: str(port.device))
    boards = [port for port in there if usb_id(port) in usb_ids]
    candidates = boards or [port for port in there if is_stlink(port)]
    if probe:
        serial = probe.rpartition(":")[2].upper()
        candidates = [port for port in there if str(port.serial_number or "").upper() == serial]
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        raise _several(candidates)
    listed = "; ".join(describe_port(port) for port in there) or "none"
    what = f"serial port of a probe with serial number {probe}" if probe else "ST-LINK virtual COM port"
    raise PortNotFoundError(
        f"no {what} found; serial ports here: {listed}",
        "plug the board in, or name the port, as in serial:/dev/ttyACM0:115200",
    )


def _several(candidates: Sequence[ListPortInfo]) -> InvalidParamError:
    listed = "; ".join(describe_port(port) for port in candidates)
    numbers = {port.serial_number for port in candidates if port.serial_number}
    by_number = f"by the probe's serial number, as in --probe {min(numbers)}, or " if len(numbers) > 1 else ""
    return InvalidParamError(
        f"several ST-LINK ports: {listed}", f"choose {by_number}by the port, as in -d serial:{candidates[0].device}"
    )


def find_again(before: ListPortInfo | None, device: str, ports: Iterable[ListPortInfo]) -> str:
    """Name of a port after its device went away: the same device may come back under another name.

    Args:
        before: what the list said of it, None for a port that was not listed.
        device: name that it had.
        ports: what the list says at present.

    Returns:
        The name of the port with the same USB ids and serial number; ``device`` if there is none.
    """
    if before is None or not before.serial_number:
        return device
    identity = (usb_id(before), before.serial_number, before.interface)
    same = [str(p.device) for p in ports if (usb_id(p), p.serial_number, p.interface) == identity]
    return device if device in same or not same else same[0]
