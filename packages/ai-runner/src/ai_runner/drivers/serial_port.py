# SPDX-License-Identifier: Apache-2.0
"""Serial ports: ``serial``, ``serial:PORT``, ``serial:PORT:BAUD`` on Linux, macOS and Windows."""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING, Any

import serial
from serial.tools import list_ports

from ai_runner.drivers.ports import choose_port
from ai_runner.errors import InvalidParamError, LinkError, PortBusyError, PortNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from serial.tools.list_ports_common import ListPortInfo

__all__ = ["DEFAULT_BAUDRATE", "SerialTransport", "find_port", "open_serial", "parse_port"]

DEFAULT_BAUDRATE = 115200
_BITS_PER_BYTE = 10
_NEVER_WRITTEN = 30.0


class SerialTransport:
    """A transport over an open pyserial port, which it closes."""

    def __init__(self, port: serial.Serial) -> None:
        self.name = str(port.port)
        self.byte_seconds = _BITS_PER_BYTE / port.baudrate
        self._port = port

    def read(self, timeout: float) -> bytes:
        """See `Transport.read`."""
        try:
            self._port.timeout = max(timeout, 0.0)
            first = self._port.read(1)
            waiting = self._port.in_waiting if first else 0
            return bytes(first + self._port.read(waiting)) if waiting else bytes(first)
        except (OSError, TypeError) as error:
            raise self._broken("read", error) from error

    def write(self, data: bytes) -> None:
        """See `Transport.write`."""
        try:
            self._port.write(data)
        except (OSError, TypeError) as error:
            raise self._broken("write", error) from error

    def close(self) -> None:
        """See `Transport.close`."""
        with contextlib.suppress(OSError):
            self._port.close()

    def _broken(self, what: str, error: Exception) -> LinkError:
        return LinkError(f"{self.name}: cannot {what}: {error}", "was the board unplugged?")


def parse_port(rest: str) -> tuple[str, int | None]:
    """Split ``PORT[:BAUD]``; either part may be empty.

    Raises:
        InvalidParamError: the rate is not a positive number.
    """
    port, colon, rate = rest.rpartition(":")
    if not colon:
        return rest, None
    if not rate:
        return port, None
    if not rate.isdigit() or int(rate) == 0:
        raise InvalidParamError(
            f"serial:{rest}: {rate!r} is no baud rate", "write serial:PORT:BAUD, as in serial:COM7:115200"
        )
    return port, int(rate)


def find_port(candidates: Iterable[ListPortInfo] | None = None, probe: str = "", usb_ids: Sequence[str] = ()) -> str:
    """Return the port of a board's ST-LINK; `choose_port` says which one that is.

    Args:
        candidates: ports as pyserial lists them; None asks the system.
        probe: serial number of the probe, "" for the only one.
        usb_ids: ``vendor:product`` of the board's own probe.

    Raises:
        PortNotFoundError: there is none.
        InvalidParamError: there are several.
    """
    return str(choose_port(list_ports.comports() if candidates is None else candidates, probe, usb_ids).device)


def open_serial(
    rest: str, *, baudrate: int | None = None, probe: str = "", usb_ids: Sequence[str] = (), **_options: Any
) -> SerialTransport:
    """Open ``[PORT[:BAUD]]``; without a port, the ST-LINK's.

    Args:
        rest: port and rate; what it says wins over ``baudrate``.
        baudrate: bits per second, 115200 when neither says.
        probe: without a port: serial number of the ST-LINK, "" for the only one.
        usb_ids: without a port: ``vendor:product`` of the board's own probe.

    Raises:
        InvalidParamError: the rate is none, or the port is ambiguous.
        PortNotFoundError: there is no such port.
        PortBusyError: another program has it, or this user may not open it.
    """
    port, rate = parse_port(rest)
    port = port or find_port(None, probe, usb_ids)
    try:
        opened = serial.Serial(
            port, rate or baudrate or DEFAULT_BAUDRATE, timeout=0, write_timeout=_NEVER_WRITTEN, exclusive=True
        )
    except ValueError as error:
        raise InvalidParamError(f"{port}: {error}", "check port and baud rate") from error
    except OSError as error:
        raise _open_error(port, error) from error
    return SerialTransport(opened)


def _open_error(port: str, error: OSError) -> PortBusyError | PortNotFoundError:
    text = str(error)
    number = error.errno
    if number in (errno.EAGAIN, errno.EBUSY) or "exclusively lock" in text or "Access is denied" in text:
        return PortBusyError(
            f"{port}: used by another program: {text}", "close the terminal or the client that has it open"
        )
    if number in (errno.EACCES, errno.EPERM):
        return PortBusyError(
            f"{port}: not allowed: {text}", "add your user to the port's group, on Linux mostly dialout"
        )
    return PortNotFoundError(
        f"{port}: cannot be opened: {text}", "plug the board in, or list ports: python -m serial.tools.list_ports"
    )
