# SPDX-License-Identifier: Apache-2.0
"""Conversations with a device: requests and their answers, discovery, one inference."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ai_runner.errors import (
    AiRunnerError,
    DeviceError,
    DeviceResetError,
    InvalidMessageError,
    InvalidModelError,
    NotInitializedError,
    SilentDeviceError,
    UndeliveredFrameError,
)
from ai_runner.handshake import SILENCE_SECONDS, leave, negotiate, synchronize
from ai_runner.protocol import stm32_ai_pb2 as pb
from ai_runner.protocol.messages import (
    DeviceInfo,
    ModelInfo,
    OperatorInfo,
    SyncInfo,
    TensorInfo,
    acknowledge,
    data_message,
    error_name,
    parse_response,
    request,
    tensor_value,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from ai_runner.connection import Connection

__all__ = ["Device", "NodeResult", "RunResult"]

_log = logging.getLogger("ai_runner.device")

MAX_MODELS = 256
MAX_NODES = 65536
_LOG_LEVELS = {0: logging.INFO, 1: logging.INFO, 2: logging.DEBUG, 3: logging.WARNING}


@dataclass(frozen=True)
class NodeResult:
    """One node that ran: its operator message and its output tensors (values None when they were not sent)."""

    operator: OperatorInfo
    tensors: tuple[TensorInfo, ...]
    values: tuple[NDArray[Any] | None, ...]


@dataclass
class RunResult:
    """One inference: outputs (None when they were not sent), the whole model's operator message, the nodes."""

    operator: OperatorInfo
    outputs: list[NDArray[Any] | None]
    nodes: list[NodeResult] = field(default_factory=list)


def _refusal(where: str, ack: pb.ackMsg | None) -> DeviceError | NotInitializedError:
    if ack is None:
        return DeviceError(f"{where}: the device answers an error")
    detail = f" ({ack.param})" if ack.param else ""
    message = f"{where}: the device answers {error_name(ack.error)}{detail}"
    return NotInitializedError(message) if ack.error == pb.E_INVALID_UNINITIALIZED else DeviceError(message)


class Device:
    """A device that answered; made by `Device.open`."""

    def __init__(self, connection: Connection, sync: SyncInfo, timeout: float) -> None:
        self.connection = connection
        self._seconds = timeout
        self.sync = sync
        # Above the numbers of the handshake, so that a late answer to it is not taken for one of ours.
        self._reqid = 16
        self._doing = "idle"

    @classmethod
    def open(cls, connection: Connection, timeout: float, *, checked: bool | None = None) -> Device:
        """Find the device on an open line and agree on the mode; see `negotiate`.

        Args:
            connection: the open line.
            timeout: seconds within which the device has to answer, here and to each request but an inference.
            checked: as `negotiate`.
        """
        return cls(connection, negotiate(connection, timeout, checked=checked), timeout)

    @property
    def name(self) -> str:
        """How messages call the line."""
        return self.connection.transport.name

    def close(self) -> None:
        """Return the device to the compatible mode and close the line."""
        try:
            with contextlib.suppress(AiRunnerError):
                self._reqid += 1
                leave(self.connection, self._reqid)
        finally:
            self.connection.close()

    # ---- requests ---------------------------------------------------------------------------------------------------

    def _request(self, doing: str, cmd: int, *, param: int = 0, name: str = "", opt: int = 0) -> None:
        self._doing = doing
        self._reqid = self._reqid % 0x7FFF_FFFF + 1
        self.connection.send(request(self._reqid, cmd, param=param, name=name, opt=opt))

    def _answer(self, kind: str | None, timeout: float, state: int | None = None) -> pb.respMsg:
        """Return the next answer to the current request; log messages on the way are printed and acknowledged."""
        while True:
            response = parse_response(self.connection.receive(timeout))
            if response.reqid != self._reqid:
                raise InvalidMessageError(
                    f"{self.name}: answer to request {response.reqid} while {self._reqid} is under way"
                )
            if response.WhichOneof("payload") != "log":
                break
            _log.log(_LOG_LEVELS.get(response.log.level, logging.ERROR), "%s: %s", self.name, response.log.str)
            self.connection.send(acknowledge())
        self._check(response, kind, state)
        return response

    def _check(self, response: pb.respMsg, kind: str | None, state: int | None) -> None:
        got = response.WhichOneof("payload")
        where = f"{self.name}: while {self._doing}"
        if kind is not None and (response.state == pb.S_ERROR or (got == "ack" and response.ack.error != pb.E_NONE)):
            raise _refusal(where, response.ack if got == "ack" else None)
        if kind is not None and got != kind:
            raise InvalidMessageError(f"{where}: the device sent a {got} message, {kind} was due")
        if state is not None and response.state != state:
            raise InvalidMessageError(f"{where}: the device is in state {response.state}, {state} was due")

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Tell a device that went silent from one that was reset in the middle: the latter answers a SYNC."""
        try:
            yield
        except DeviceError:
            raise
        except (SilentDeviceError, InvalidMessageError, UndeliveredFrameError) as error:
            raise self._explain(error) from error

    def _explain(self, error: AiRunnerError) -> AiRunnerError:
        try:
            synchronize(self.connection, 2 * SILENCE_SECONDS)
        except AiRunnerError:
            return type(error)(f"{error.message}, while {self._doing}; it does not answer a SYNC either", error.hint)
        if isinstance(error, InvalidMessageError):
            return error
        return DeviceResetError(
            f"{self.name}: the device answers again but lost the conversation while {self._doing}: it was reset",
            "connect again; a reset in the middle may be a crash, a watchdog or a weak supply",
        )

    # ---- discovery --------------------------------------------------------------------------------------------------

    def device_info(self) -> DeviceInfo:
        """Return what the firmware tells about the chip."""
        with self._explained():
            self._request("asking for the device", pb.CMD_SYS_INFO)
            return DeviceInfo.from_message(self._answer("sinfo", self._seconds).sinfo)

    def models(self) -> list[ModelInfo]:
        """Return the models in the firmware, in its order; may be empty.

        Raises:
            InvalidModelError: one of them could not be set up on the device.
        """
        found: list[ModelInfo] = []
        with self._explained():
            for index in range(MAX_MODELS):
                self._request(f"asking for model {index}", pb.CMD_NETWORK_INFO, param=index)
                response = self._answer(None, self._seconds)
                if response.WhichOneof("payload") != "minfo":
                    self._end_of_models(response, index)
                    break
                found.append(ModelInfo.from_message(response.minfo))
        return found

    def _end_of_models(self, response: pb.respMsg, index: int) -> None:
        if response.WhichOneof("payload") != "ack":
            raise InvalidMessageError(f"{self.name}: the device sent no model information for model {index}")
        if response.ack.error == pb.E_GENERIC:
            raise InvalidModelError(f"{self.name}: model {index} could not be set up on the device")

    # ---- inference --------------------------------------------------------------------------------------------------

    def run(
        self,
        model: ModelInfo,
        inputs: Sequence[NDArray[Any]],
        *,
        param: int,
        first: bool,
        timeout: float,
        on_node: Callable[[int, NodeResult], None] | None = None,
    ) -> RunResult:
        """Run one sample.

        Args:
            model: which one.
            inputs: one array for each input, shape and dtype as described (one element with RUN_CONST_VALUE).
            param: RunParam bits.
            first: whether it is the first sample of a series.
            timeout: seconds that one inference, or one node, may take.
            on_node: called with index and result of each node as it arrives.
        """
        with self._explained():
            self._request(
                f"running model {model.name!r}", pb.CMD_NETWORK_RUN, param=param, name=model.name, opt=int(first)
            )
            self._answer("ack", self._seconds, pb.S_WAITING)
            for index, value in enumerate(inputs):
                self._doing = f"sending input {index} of model {model.name!r}"
                self.connection.send(data_message(value))
                self._answer("ack", self._seconds, pb.S_PROCESSING if index + 1 == len(inputs) else pb.S_WAITING)
                self.connection.send(acknowledge())
            self._doing = f"running model {model.name!r}"
            nodes: list[NodeResult] = []
            operator = self._nodes(nodes, timeout, on_node)
            return RunResult(operator, self._outputs(model, timeout), nodes)

    def _nodes(
        self, nodes: list[NodeResult], timeout: float, on_node: Callable[[int, NodeResult], None] | None
    ) -> OperatorInfo:
        """Collect the nodes; return the final operator message."""
        for index in range(MAX_NODES):
            operator = OperatorInfo.from_message(self._answer("op", timeout, pb.S_PROCESSING).op)
            if not operator.flags & (pb.OPERATOR_INTERNAL | pb.OPERATOR_LAST):
                return operator
            node = self._node(operator, timeout)
            nodes.append(node)
            if on_node is not None:
                on_node(index, node)
        raise InvalidMessageError(f"{self.name}: the device reports more than {MAX_NODES} nodes")

    def _node(self, operator: OperatorInfo, timeout: float) -> NodeResult:
        tensors: list[TensorInfo] = []
        values: list[NDArray[Any] | None] = []
        while not operator.flags & pb.OPERATOR_WITHOUT_TENSOR:
            info, value = tensor_value(self._answer("tensor", timeout, pb.S_PROCESSING).tensor)
            tensors.append(info)
            values.append(value)
            if info.flags & pb.TENSOR_LAST:
                break
        return NodeResult(operator, tuple(tensors), tuple(values))

    def _outputs(self, model: ModelInfo, timeout: float) -> list[NDArray[Any] | None]:
        outputs: list[NDArray[Any] | None] = []
        for index, described in enumerate(model.outputs):
            last = index + 1 == len(model.outputs)
            response = self._answer("tensor", timeout, pb.S_DONE if last else pb.S_PROCESSING)
            info, value = tensor_value(response.tensor)
            if bool(info.flags & pb.TENSOR_LAST) != last:
                raise InvalidMessageError(
                    f"{self.name}: the device sends another number of outputs than model {model.name!r} has"
                )
            if (info.shape, info.dtype) != (described.shape, described.dtype):
                raise InvalidMessageError(
                    f"{self.name}: output {index} comes as {info.dtype}{list(info.shape)}, "
                    f"{described.dtype}{list(described.shape)} was described"
                )
            outputs.append(value)
        return outputs
