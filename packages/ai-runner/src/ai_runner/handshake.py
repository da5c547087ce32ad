# SPDX-License-Identifier: Apache-2.0
"""Getting in touch: finding a device that speaks the protocol on an open line, and agreeing on the mode."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from ai_runner.errors import ProtocolVersionError, SilentDeviceError, WrongFirmwareError
from ai_runner.protocol import framing31
from ai_runner.protocol import stm32_ai_pb2 as pb
from ai_runner.protocol.checked import MAGIC
from ai_runner.protocol.messages import MAJOR, MINOR, SyncInfo, request

if TYPE_CHECKING:
    from ai_runner.connection import Connection

__all__ = ["check_version", "find_sync", "leave", "negotiate", "synchronize"]

_log = logging.getLogger(__name__)

SILENCE_SECONDS = 2.1
"""A device in the checked mode takes a packet of the compatible mode only after 2 s without a byte from the host."""
ANSWER_SECONDS = 1.0
_SYNC_REQID = 1
_ACCEPT_REQID = 2


def find_sync(data: bytes, reqid: int) -> SyncInfo | None:
    """Return the answer to a SYNC with ``reqid``, wherever it begins in ``data``.

    Other bytes may stand before it: the text a board prints when it starts, the rest of an interrupted conversation.
    """
    for start in range(len(data) - framing31.PACKET + 1):
        count = data[start] & 0x7F
        end = start + 1 + count
        if not data[start] & framing31.LAST or count > framing31.PAYLOAD or any(data[end : start + framing31.PACKET]):
            continue
        try:
            message = pb.respMsg.FromString(data[start + 1 : end])
        except DecodeError:
            continue
        if message.reqid == reqid and message.WhichOneof("payload") == "sync":
            return SyncInfo.from_message(message.sync)
    return None


def synchronize(connection: Connection, timeout: float) -> SyncInfo:
    """Send SYNC requests in the compatible mode until the device answers.

    Raises:
        SilentDeviceError: nothing at all came back within ``timeout`` seconds.
        WrongFirmwareError: what came back is not the protocol.
    """
    connection.enter_compatible()
    heard = bytearray(connection.drain(0.01))
    end = time.monotonic() + timeout
    wait = min(ANSWER_SECONDS, timeout)
    while True:
        connection.write_raw(framing31.encode_host(request(_SYNC_REQID, pb.CMD_SYNC))[0])
        sync, answer = _await_sync(connection, _SYNC_REQID, wait)
        heard += answer
        if sync is not None:
            return sync
        # Perhaps the device is still in the checked mode of an earlier client: it listens again after a silence.
        silence_end = connection.last_write + SILENCE_SECONDS
        if silence_end + 0.1 > end:
            raise _no_answer(connection, bytes(heard), timeout)
        heard += _listen(connection, silence_end)


def _await_sync(connection: Connection, reqid: int, seconds: float) -> tuple[SyncInfo | None, bytes]:
    heard = bytearray()
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        heard += connection.transport.read(left)
        sync = find_sync(bytes(heard[-1024:]), reqid)
        if sync is not None:
            return sync, bytes(heard)
    return None, bytes(heard)


def _listen(connection: Connection, end: float) -> bytes:
    heard = bytearray()
    while (left := end - time.monotonic()) > 0:
        heard += connection.transport.read(left)
    return bytes(heard)


def _no_answer(connection: Connection, heard: bytes, timeout: float) -> SilentDeviceError | WrongFirmwareError:
    name = connection.transport.name
    if not heard:
        return SilentDeviceError(
            f"{name}: the device does not answer within {timeout:g} s",
            "is the Validation firmware flashed and running, the board powered, the baud rate right?",
        )
    excerpt = heard[:60].decode("ascii", "replace").encode("ascii", "backslashreplace").decode()
    return WrongFirmwareError(
        f"{name}: something answers but does not speak protocol 3: {excerpt!r}",
        "flash the Validation firmware; text here means another firmware, unreadable bytes mean another baud rate",
    )


def check_version(sync: SyncInfo, name: str) -> None:
    """Accept protocol 3.0 and 3.1.

    Raises:
        ProtocolVersionError: the device speaks another one.
    """
    major, minor = sync.version
    if major != MAJOR or minor > MINOR:
        raise ProtocolVersionError(
            f"{name}: the firmware speaks protocol {major}.{minor}, this client 3.0 and 3.1",
            "build and flash a firmware with protocol 3.1",
        )


def negotiate(connection: Connection, timeout: float, *, checked: bool | None = None) -> SyncInfo:
    """Find the device and agree on the mode: checked when both can, else compatible.

    Args:
        connection: in any mode.
        timeout: seconds until the device must have answered.
        checked: False keeps the compatible mode, True insists on the checked one, None takes what there is.

    Raises:
        SilentDeviceError, WrongFirmwareError, ProtocolVersionError: as their names say.
    """
    sync = synchronize(connection, timeout)
    check_version(sync, connection.transport.name)
    if checked is False or (checked is None and not sync.can_check):
        return sync
    if not sync.can_check:
        raise ProtocolVersionError(
            f"{connection.transport.name}: the firmware has no checked mode", "connect with checked=None to do without"
        )
    packet = framing31.encode_host(request(_ACCEPT_REQID, pb.CMD_SYNC, param=MAGIC))[0]
    connection.write_raw(packet)
    accepted, _ = _await_sync(connection, _ACCEPT_REQID, ANSWER_SECONDS)
    if accepted is None:
        _log.warning("%s: no answer to the offer of the checked mode, going on without", connection.transport.name)
        return synchronize(connection, timeout + SILENCE_SECONDS)
    connection.enter_checked()
    return sync


def leave(connection: Connection, reqid: int) -> None:
    """Tell a device in the checked mode to return to the compatible one; what fails here does not matter."""
    if not connection.is_checked:
        return
    connection.send(request(reqid, pb.CMD_SYNC))
    connection.receive(ANSWER_SECONDS)
    connection.flush(ANSWER_SECONDS)
    connection.enter_compatible()
