# SPDX-License-Identifier: Apache-2.0
"""Errors of the runner: each has a code, says what happened and where, and what can be done about it."""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "AiRunnerError",
    "DeviceError",
    "DeviceResetError",
    "HwIOError",
    "InvalidMessageError",
    "InvalidModelError",
    "InvalidParamError",
    "LinkError",
    "NotConnectedError",
    "NotInitializedError",
    "PortBusyError",
    "PortNotFoundError",
    "ProtocolVersionError",
    "SignatureMismatchError",
    "SilentDeviceError",
    "UndeliveredFrameError",
    "WrongFirmwareError",
]


class AiRunnerError(Exception):
    """Base of all errors of this package.

    Attributes:
        code: number of the error family, 800 to 810, as other clients of the protocol use it.
        exit_code: what a command-line program ends with.
        message: what happened, where, why.
        hint: what to do about it; may be empty.
    """

    code: ClassVar[int] = 800
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        text = f"E{self.code}: {self.message}"
        return f"{text} ({self.hint})" if self.hint else text


class HwIOError(AiRunnerError):
    """The line to the device, or the device itself, failed."""

    code = 801
    exit_code = 6


class PortNotFoundError(HwIOError):
    """There is no such port, or nothing listens there."""


class PortBusyError(HwIOError):
    """The port is there and used by another program, or may not be opened by this user."""


class SilentDeviceError(HwIOError):
    """The port is open and the device does not answer."""


class DeviceResetError(HwIOError):
    """The device answers again, but has forgotten what it was asked: it was reset in the middle."""


class LinkError(HwIOError):
    """The line broke, or a frame could not be delivered in the checked mode."""


class UndeliveredFrameError(LinkError):
    """A frame of the checked mode was sent again and again and never acknowledged."""


class ProtocolVersionError(HwIOError):
    """The firmware speaks another version of the protocol."""


class DeviceError(HwIOError):
    """The device refused a request or could not finish it."""

    exit_code = 1


class NotInitializedError(AiRunnerError):
    """Something was used before it was set up."""

    code = 802
    exit_code = 1


class InvalidMessageError(AiRunnerError):
    """What came from the device is not a valid message, or not the one that was due."""

    code = 803
    exit_code = 6


class WrongFirmwareError(InvalidMessageError):
    """Something answers, but it does not speak the protocol."""


class InvalidParamError(AiRunnerError, ValueError):
    """An argument is wrong: a descriptor, a name, a shape, a dtype."""

    code = 804
    exit_code = 2


class InvalidModelError(AiRunnerError):
    """The firmware holds no usable model, or not the one that was asked for."""

    code = 805
    exit_code = 1


class SignatureMismatchError(InvalidModelError):
    """The model on the device is not the one that is validated."""


class NotConnectedError(AiRunnerError):
    """A device is needed and none is connected."""

    code = 810
    exit_code = 6
