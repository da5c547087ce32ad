# SPDX-License-Identifier: Apache-2.0
"""`AiRunner`: run models on a connected device from numpy."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TextIO, get_args

import numpy as np

from ai_runner.batch import join_outputs, split_inputs
from ai_runner.callbacks import AiRunnerCallback, node_listener
from ai_runner.connection import Connection
from ai_runner.device import Device
from ai_runner.drivers import open_transport
from ai_runner.errors import InvalidModelError, InvalidParamError, NotConnectedError, SignatureMismatchError
from ai_runner.info import format_summary, model_to_dict
from ai_runner.modes import Mode, Reset, run_param
from ai_runner.profile import Recorder, format_profile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ai_runner.device import RunResult
    from ai_runner.protocol.messages import DeviceInfo, ModelInfo, TensorInfo

    Inputs = NDArray[Any] | Sequence[NDArray[Any]] | Mapping[str, NDArray[Any]]

__all__ = ["AiRunner", "AiRunnerCallback", "Mode", "Session"]


_Mode = Mode  # AiRunner has an attribute of this name


def same_signature(first: str, second: str) -> bool:
    """Compare signatures: case and a leading 0x do not matter."""
    return first.lower().removeprefix("0x") == second.lower().removeprefix("0x")


class AiRunner:
    """A connection to a device and the models in its firmware.

    >>> runner = AiRunner()                                # doctest: +SKIP
    >>> runner.connect("serial:/dev/ttyACM0:115200")       # doctest: +SKIP
    >>> outputs, profile = runner.invoke(inputs)           # doctest: +SKIP

    It is a context manager: leaving it disconnects.
    """

    Mode = Mode

    def __init__(self) -> None:
        self._device: Device | None = None
        self._models: dict[str, ModelInfo] = {}
        self._device_info: DeviceInfo | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.disconnect()

    def __repr__(self) -> str:
        where = f"{self._device.name}, {', '.join(self._models)}" if self._device else "not connected"
        return f"<AiRunner {where}>"

    # ---- connection -------------------------------------------------------------------------------------------------

    def connect(
        self,
        desc: str = "serial",
        *,
        timeout: float = 10.0,
        checked: bool | None = None,
        signature: str | None = None,
        **options: Any,
    ) -> Self:
        """Connect to a device and read what it holds; an earlier connection is closed first.

        Args:
            desc: ``serial[:PORT[:BAUD]]``, ``socket:HOST:PORT``, a bare port (``/dev/ttyACM0``, ``COM7``), or a
                registered scheme.
            timeout: seconds within which the device has to answer, here and to every request but an inference.
            checked: None takes the checked mode when the firmware has it, False never, True insists.
            signature: raise unless the firmware holds a model with this signature.
            **options: for the driver, for example ``baudrate``.

        Raises:
            InvalidParamError: the descriptor is wrong.
            PortNotFoundError, PortBusyError: the port cannot be opened.
            SilentDeviceError, WrongFirmwareError, ProtocolVersionError: there is no usable firmware behind it.
            SignatureMismatchError: the firmware holds other models.
        """
        self.disconnect()
        connection = Connection(open_transport(desc, **options), next_seconds=timeout)
        try:
            self._device = Device.open(connection, timeout, checked=checked)
            self._device_info = self._device.device_info()
            self._models = {model.name: model for model in self._device.models()}
            if signature is not None:
                self._check_any_signature(signature)
        except BaseException:
            self._forget()
            connection.close()
            raise
        return self

    def disconnect(self) -> None:
        """Close the connection; harmless when there is none."""
        device = self._device
        self._forget()
        if device is not None:
            device.close()

    def _forget(self) -> None:
        self._device, self._device_info, self._models = None, None, {}

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection."""
        return self._device is not None

    @property
    def is_checked(self) -> bool:
        """Whether frames are checked and repeated (COBS + CRC-32)."""
        return self._device is not None and self._device.connection.is_checked

    def _connected(self) -> Device:
        if self._device is None:
            raise NotConnectedError("no device is connected", "call connect() first")
        return self._device

    # ---- models -----------------------------------------------------------------------------------------------------

    @property
    def names(self) -> list[str]:
        """Names of the models, in the firmware's order."""
        return list(self._models)

    def model(self, name: str | None = None) -> ModelInfo:
        """Return the description of a model; the first one without a name.

        Raises:
            NotConnectedError: there is no device.
            InvalidModelError: the firmware holds no model at all.
            InvalidParamError: it holds none of this name.
        """
        device = self._connected()
        if not self._models:
            raise InvalidModelError(f"{device.name}: the firmware holds no model", "build it with a model and flash it")
        if name is None:
            return next(iter(self._models.values()))
        if name not in self._models:
            raise InvalidParamError(f"the firmware holds no model {name!r}", f"it has {', '.join(self._models)}")
        return self._models[name]

    def get_inputs(self, name: str | None = None) -> list[TensorInfo]:
        """Return the input tensors: name, shape, dtype, scale, zero_point."""
        return list(self.model(name).inputs)

    def get_outputs(self, name: str | None = None) -> list[TensorInfo]:
        """Return the output tensors."""
        return list(self.model(name).outputs)

    def get_info(self, name: str | None = None) -> dict[str, Any]:
        """Return what is known about a model, its runtime and the device; see `model_to_dict` for the keys."""
        model = self.model(name)
        device = self._connected()
        return model_to_dict(model, self._device_info, device.sync, checked=self.is_checked)

    def summary(self, name: str | None = None, file: TextIO | None = None) -> None:
        """Print the device and a model (all of them without a name)."""
        names: list[str | None] = [name] if name is not None else [*self.names] or [None]
        print("\n\n".join(format_summary(self.get_info(item)) for item in names), file=file or sys.stdout)

    def session(self, name: str | None = None) -> Session:
        """Return an object with this runner's methods for one model."""
        return Session(self, self.model(name).name)

    def check_signature(self, signature: str, name: str | None = None) -> None:
        """Make sure that a model is the expected one.

        Args:
            signature: CRC-32 of its weights and plan, as its compiler reported it, hexadecimal.
            name: of the model.

        Raises:
            SignatureMismatchError: it is another one.
        """
        model = self.model(name)
        if not same_signature(model.signature, signature):
            raise SignatureMismatchError(
                f"model {model.name!r} on the device has signature {model.signature or 'none'}, not {signature}",
                "another model, or another build of it, is on the board: build and flash again",
            )

    def _check_any_signature(self, signature: str) -> None:
        if not any(same_signature(model.signature, signature) for model in self._models.values()):
            self.check_signature(signature)

    # ---- inference --------------------------------------------------------------------------------------------------

    def invoke(
        self,
        inputs: Inputs,
        *,
        name: str | None = None,
        mode: _Mode = _Mode.IO_ONLY,
        callback: AiRunnerCallback | None = None,
        signature: str | None = None,
        timeout: float = 120.0,
        reset: Reset = "series",
    ) -> tuple[list[NDArray[Any]], dict[str, Any]]:
        """Run a model on one sample or several.

        Args:
            inputs: an array, a list of arrays, or a dictionary tensor name -> array. Each has its tensor's dtype and
                shape, or one more axis in front for several samples, or a longer batch axis where the tensor's is 1.
            name: of the model; the first one by default.
            mode: what to report.
            callback: told about samples and nodes as they come.
            signature: raise unless the model has this one.
            timeout: seconds that one inference may take.
            reset: when a model that keeps a state starts anew: before the first sample ("series"), before every one
                ("sample"), or not at all ("never": it goes on where the last call ended).

        Returns:
            The outputs, laid out as the inputs were (empty with PERF_ONLY), and the profile (see `Recorder`).

        Raises:
            InvalidParamError: inputs or mode do not fit the model or the device.
            SignatureMismatchError: another model is on the device.
            HwIOError, InvalidMessageError: the conversation failed; the subclass says how.
        """
        device, model = self._connected(), self.model(name)
        if signature is not None:
            self.check_signature(signature, name)
        _check_request(device, mode, reset)
        batch = split_inputs(as_list(inputs, model.inputs), model.inputs)
        recorder = Recorder(self.get_info(name), str(mode))
        series = _Series(mode, reset, timeout, callback or AiRunnerCallback())
        results: list[RunResult] = []
        begin = time.perf_counter()
        for index in range(batch.samples):
            results.append(_run_sample(device, model, [array[index] for array in batch.arrays], index, series))
            recorder.add(results[-1])
        recorder.profile["debug"]["host_duration"] = (time.perf_counter() - begin) * 1000 / batch.samples
        return _join(results, batch.layout), recorder.profile

    def print_profiling(self, profile: dict[str, Any], file: TextIO | None = None) -> None:
        """Print durations, counters and the per-node table of a profile."""
        print(format_profile(profile), file=file or sys.stdout)


def _check_request(device: Device, mode: _Mode, reset: str) -> None:
    if mode & (Mode.PER_LAYER | Mode.PER_LAYER_WITH_DATA) and not device.sync.can_observe:
        raise InvalidParamError("the firmware cannot report single nodes", "use Mode.IO_ONLY")
    if reset not in get_args(Reset):
        raise InvalidParamError(f"reset is {reset!r}", f"use one of {', '.join(get_args(Reset))}")


def as_list(inputs: Inputs, tensors: Sequence[TensorInfo]) -> list[NDArray[Any]]:
    """Return the inputs as a list in the model's order.

    Raises:
        InvalidParamError: a dictionary lacks a tensor or has one too many.
    """
    if isinstance(inputs, np.ndarray):
        return [inputs]
    if not isinstance(inputs, Mapping):
        return [np.asarray(value) for value in inputs]
    names = [tensor.name for tensor in tensors]
    if set(inputs) != set(names):
        raise InvalidParamError(f"inputs are named {sorted(inputs)}, the model's {sorted(names)}")
    return [np.asarray(inputs[name]) for name in names]


@dataclass(frozen=True)
class _Series:
    """How the samples of one call are run."""

    mode: _Mode
    reset: Reset
    timeout: float
    listener: AiRunnerCallback

    def starts_anew(self, index: int) -> bool:
        """Whether a model that keeps a state forgets it before sample ``index``."""
        return self.reset == "sample" or (self.reset == "series" and index == 0)


def _run_sample(
    device: Device, model: ModelInfo, sample: Sequence[NDArray[Any]], index: int, series: _Series
) -> RunResult:
    """Runs a model on one array for each input; the listener is told."""
    series.listener.on_sample_begin(index)
    result = device.run(
        model,
        [_sent(value, series.mode) for value in sample],
        param=run_param(series.mode),
        first=series.starts_anew(index),
        timeout=series.timeout,
        on_node=node_listener(series.listener),
    )
    series.listener.on_sample_end(index, _present(result), {"dur": result.operator.duration_ms})
    return result


def _sent(value: NDArray[Any], mode: Mode) -> NDArray[Any]:
    if mode & (Mode.CONST_VALUE | Mode.PERF_ONLY):
        return value.reshape(-1)[:1]
    return value


def _present(result: RunResult) -> list[NDArray[Any]]:
    return [value for value in result.outputs if value is not None]


def _join(results: Sequence[RunResult], layout: str) -> list[NDArray[Any]]:
    columns = zip(*(_present(result) for result in results), strict=True)
    return [join_outputs(column, layout) for column in columns]


class Session:
    """One model of a connected runner."""

    def __init__(self, runner: AiRunner, name: str) -> None:
        self.runner = runner
        self.name = name

    def get_inputs(self) -> list[TensorInfo]:
        """See `AiRunner.get_inputs`."""
        return self.runner.get_inputs(self.name)

    def get_outputs(self) -> list[TensorInfo]:
        """See `AiRunner.get_outputs`."""
        return self.runner.get_outputs(self.name)

    def get_info(self) -> dict[str, Any]:
        """See `AiRunner.get_info`."""
        return self.runner.get_info(self.name)

    def summary(self, file: TextIO | None = None) -> None:
        """See `AiRunner.summary`."""
        self.runner.summary(self.name, file)

    def invoke(self, inputs: Inputs, **kwargs: Any) -> tuple[list[NDArray[Any]], dict[str, Any]]:
        """See `AiRunner.invoke`."""
        return self.runner.invoke(inputs, name=self.name, **kwargs)
