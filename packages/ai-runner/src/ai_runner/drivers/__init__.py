# SPDX-License-Identifier: Apache-2.0
"""Drivers: what carries the bytes to the device.

A descriptor is ``scheme`` or ``scheme:rest``. Built in are ``serial`` and ``socket``; `register` adds a scheme, for
example a local process that speaks the protocol over its pipes. A bare port name (``/dev/ttyACM0``, ``COM7``) means
``serial``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

from ai_runner.errors import InvalidParamError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Factory", "Transport", "open_transport", "register", "schemes", "unregister"]

_BARE_PORT = re.compile(r"^(/dev/|\\\\\.\\|COM\d+(:\d+)?$)", re.IGNORECASE)


class Transport(Protocol):
    """An open line to a device.

    Attributes:
        name: how messages call it, for example ``/dev/ttyACM0`` or ``socket localhost:5555``.
        byte_seconds: time that one byte takes on the line, 0.0 when that does not matter.
    """

    name: str
    byte_seconds: float

    def read(self, timeout: float) -> bytes:
        """Return what has arrived, at least one byte, or b"" after ``timeout`` seconds without any.

        Raises:
            LinkError: the line is broken or closed at the other end.
        """

    def write(self, data: bytes) -> None:
        """Send all of ``data``.

        Raises:
            LinkError: the line is broken or closed at the other end.
        """

    def close(self) -> None:
        """Close the line; harmless when it is closed already."""


if TYPE_CHECKING:
    Factory = Callable[..., Transport]
else:
    Factory = Any

_factories: dict[str, Factory] = {}


def register(scheme: str, factory: Factory) -> None:
    """Make descriptors ``scheme`` and ``scheme:rest`` open with ``factory(rest, **options)``.

    Args:
        scheme: letters, digits, ``-`` and ``_``, at least two characters; an existing scheme is replaced.
        factory: gets what follows the first colon ("" without one) and the keyword arguments of ``connect`` that are
            not the runner's own (``baudrate`` among them); returns an open `Transport` or raises an `AiRunnerError`.
    """
    if not re.fullmatch(r"[A-Za-z][\w-]+", scheme):
        raise InvalidParamError(f"{scheme!r} is not a driver scheme")
    _factories[scheme] = factory


def unregister(scheme: str) -> None:
    """Forget a scheme; harmless when there is none."""
    _factories.pop(scheme, None)


def schemes() -> list[str]:
    """Return the schemes that `open_transport` understands."""
    return sorted({"serial", "socket", *_factories})


def open_transport(desc: str, **options: Any) -> Transport:
    """Open the line that a descriptor names.

    Raises:
        InvalidParamError: the descriptor is not understood.
        HwIOError: the line cannot be opened; the subclass says why.
    """
    scheme, _, rest = desc.partition(":")
    if _BARE_PORT.match(desc):
        scheme, rest = "serial", desc
    factory = _factories.get(scheme) or _built_in(scheme)
    if factory is None:
        raise InvalidParamError(
            f"descriptor {desc!r} is not understood",
            f"use one of {', '.join(schemes())}, as in serial:/dev/ttyACM0:115200 or socket:localhost:5555",
        )
    return factory(rest, **options)


def _built_in(scheme: str) -> Factory | None:
    if scheme == "serial":
        from ai_runner.drivers.serial_port import open_serial

        return open_serial
    if scheme == "socket":
        from ai_runner.drivers.tcp import open_socket

        return open_socket
    return None
