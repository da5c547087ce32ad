# SPDX-License-Identifier: Apache-2.0
"""Run neural networks on STM32 boards, real or emulated, over the serial validation protocol.

>>> from ai_runner import AiRunner
>>> runner = AiRunner()
>>> runner.connect("serial:/dev/ttyACM0:115200")   # doctest: +SKIP
>>> outputs, profile = runner.invoke(inputs)       # doctest: +SKIP
"""

from __future__ import annotations

from ai_runner.errors import (
    AiRunnerError,
    DeviceError,
    DeviceResetError,
    HwIOError,
    InvalidMessageError,
    InvalidModelError,
    InvalidParamError,
    LinkError,
    NotConnectedError,
    NotInitializedError,
    PortBusyError,
    PortNotFoundError,
    ProtocolVersionError,
    SignatureMismatchError,
    SilentDeviceError,
    UndeliveredFrameError,
    WrongFirmwareError,
)
from ai_runner.protocol.messages import ModelInfo, TensorInfo
from ai_runner.runner import AiRunner, AiRunnerCallback, Mode, Session

__all__ = [
    "AiRunner",
    "AiRunnerCallback",
    "AiRunnerError",
    "DeviceError",
    "DeviceResetError",
    "HwIOError",
    "InvalidMessageError",
    "InvalidModelError",
    "InvalidParamError",
    "LinkError",
    "Mode",
    "ModelInfo",
    "NotConnectedError",
    "NotInitializedError",
    "PortBusyError",
    "PortNotFoundError",
    "ProtocolVersionError",
    "Session",
    "SignatureMismatchError",
    "SilentDeviceError",
    "TensorInfo",
    "UndeliveredFrameError",
    "WrongFirmwareError",
    "__version__",
]

__version__ = "0.1.0"
