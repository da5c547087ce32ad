# SPDX-License-Identifier: Apache-2.0
"""A small device that speaks protocol 3.1, both modes, over TCP: written from docs/protocol.md for the tests.

It keeps the sequences of the firmware, not its code, and misbehaves on request (see `Faults`).
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from ai_runner.protocol import framing31
from ai_runner.protocol import stm32_ai_pb2 as pb
from ai_runner.protocol.checked import MAGIC, CheckedLink
from ai_runner.protocol.formats import format_of


@dataclass
class Tensor:
    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float = 0.0
    zero_point: int = 0

    def desc(self, flags: int) -> pb.aiTensorDescMsg:
        size = int(np.prod(self.shape, dtype=int))
        return pb.aiTensorDescMsg(
            name=self.name,
            format=format_of(self.dtype),
            size=size,
            n_dims=pb.SHAPE_RAW << 24 | len(self.shape),
            dims=self.shape,
            scale=self.scale,
            zeropoint=self.zero_point,
            addr=0,
            flags=flags,
        )


@dataclass
class Model:
    """``compute`` maps input arrays to (node outputs, model outputs)."""

    name: str
    inputs: list[Tensor]
    outputs: list[Tensor]
    compute: Callable[[list[np.ndarray]], list[np.ndarray]]
    nodes: list[tuple[str, Tensor, Callable[[list[np.ndarray]], np.ndarray]]] = field(default_factory=list)
    signature: str = "1badcafe"

    def info(self) -> pb.aiModelInfoMsg:
        pool = pb.aiTensorDescMsg(
            name="", format=format_of("u1"), size=1024, n_dims=pb.SHAPE_RAW << 24 | 1, dims=[1024], scale=0,
            zeropoint=0, addr=0x20000000, flags=pb.TENSOR_MEMPOOL,
        )  # fmt: skip
        return pb.aiModelInfoMsg(
            name=self.name, rtid=3 | 1 << 16, signature=self.signature, compile_datetime="", runtime_version=1 << 24,
            tool_version=2 << 16, n_macc=1000, n_nodes=len(self.nodes),
            n_inputs=len(self.inputs), inputs=[t.desc(pb.TENSOR_INPUT) for t in self.inputs],
            n_outputs=len(self.outputs), outputs=[t.desc(pb.TENSOR_OUTPUT) for t in self.outputs],
            n_activations=1, activations=[pool], n_params=0, params=[], runtime_desc="simulated",
        )  # fmt: skip


def digits_model(name: str = "digits") -> Model:
    """int8 [1, 8, 8, 1] -> int8 [1, 10]: sums of rows, two nodes."""
    image = Tensor("image/in:0", (1, 8, 8, 1), "int8", 0.5, -128)
    scores = Tensor("scores", (1, 10), "int8", 0.25, 3)
    rows = Tensor("rows", (1, 8), "int16")

    def row_sums(inputs):
        return inputs[0].astype(np.int16).sum(axis=2).reshape(1, 8)

    def final(inputs):
        sums = row_sums(inputs)
        return np.concatenate([sums, sums[:, :2]], axis=1).astype(np.int8)

    return Model(name, [image], [scores], lambda x: [final(x)], [("SUM", rows, row_sums), ("CONCAT", scores, final)])


@dataclass
class Faults:
    """What goes wrong: each names when. A function is called with the device and may do anything."""

    version: int = 0x0301
    capability: int = pb.CAP_OBSERVER | pb.CAP_CHECKED
    banner: bytes = b""
    log: str = ""
    run_error: int = 0
    before_answer: Callable[[SimulatedDevice, pb.reqMsg], None] | None = None
    before_inference: Callable[[SimulatedDevice], None] | None = None


class Reset(Exception):  # noqa: N818 - an event, no error
    """The device starts over."""


class Gone(Exception):  # noqa: N818 - an event, no error
    """The host closed the line."""


class SimulatedDevice(threading.Thread):
    """Serves one client after the other on 127.0.0.1."""

    def __init__(self, models, *, listener: socket.socket | None = None, **faults):
        super().__init__(daemon=True)
        self.models = list(models)
        self.faults = Faults(**faults)
        self.commands: list[int] = []
        self.run_params: list[tuple[int, int]] = []
        self.mute = False
        self._listener = listener or socket.create_server(("127.0.0.1", 0))
        self._socket: socket.socket | None = None
        self._checked: CheckedLink | None = None
        self._decoder = framing31.HostDecoder()
        self._ready: list[bytes] = []
        self._last_rx = time.monotonic()
        self._stopping = False

    @property
    def desc(self) -> str:
        return f"socket:127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def is_checked(self) -> bool:
        return self._checked is not None

    def stop(self) -> None:
        self._stopping = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
        self.join(5)
        self._listener.close()

    def run(self) -> None:
        self._listener.settimeout(0.05)
        while not self._stopping:
            with contextlib.suppress(TimeoutError):
                self._socket, _ = self._listener.accept()
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with contextlib.suppress(Gone, OSError):
                    self._raw(self.faults.banner)
                    while True:
                        with contextlib.suppress(Reset):
                            self._serve()
                        self._restart()

    def _restart(self) -> None:
        self._checked = None
        self._decoder = framing31.HostDecoder()
        self._ready.clear()

    # ---- the line

    def _raw(self, data: bytes) -> None:
        if data and not self.mute:
            self._socket.sendall(data)

    def _receive_message(self) -> bytes:
        while not self._ready:
            self._poll()
        return self._ready.pop(0)

    def _poll(self) -> None:
        self._socket.settimeout(0.02)
        try:
            data = self._socket.recv(65536)
        except TimeoutError:
            data = None
        if data == b"":
            raise Gone
        self._take(data or b"")

    def _take(self, data: bytes) -> None:
        moment = time.monotonic()
        silent = moment - self._last_rx >= 2.0
        self._last_rx = moment if data else self._last_rx
        if self._checked is not None and silent and len(data) == framing31.PACKET and data.endswith(b"\0\0"):
            self._restart()
        now = int(moment * 1000)
        if self._checked is not None:
            self._ready += self._checked.receive(data, now) if data else []
            self._checked.poll(now)
            self._raw(self._checked.output())
        elif data:
            self._ready += self._decoder.feed(data)
            if self._decoder.wants_next:
                self._raw(bytes([framing31.NEXT]))

    def _send_message(self, message: bytes) -> None:
        if self._checked is None:
            self._raw(framing31.encode_device(message))
        else:
            self._checked.send(message, int(time.monotonic() * 1000))
            self._raw(self._checked.output())

    # ---- the conversation

    def _answer(self, request: pb.reqMsg, state: int, **payload) -> None:
        self._send_message(pb.respMsg(reqid=request.reqid, state=state, **payload).SerializeToString())

    def _ack(self, request: pb.reqMsg, state: int, param: int = 0, error: int = 0) -> None:
        self._answer(request, state, ack=pb.ackMsg(param=param, error=error))

    def _serve(self) -> None:
        while True:
            try:
                request = pb.reqMsg.FromString(self._receive_message())
            except Exception as error:
                if type(error).__name__ != "DecodeError":
                    raise
                continue
            self.commands.append(request.cmd)
            if self.faults.before_answer is not None:
                self.faults.before_answer(self, request)
            handler = {
                pb.CMD_SYNC: self._sync,
                pb.CMD_SYS_INFO: self._sys_info,
                pb.CMD_NETWORK_INFO: self._network_info,
                pb.CMD_NETWORK_RUN: self._network_run,
            }.get(request.cmd)
            if handler is None:
                self._ack(request, pb.S_ERROR, error=pb.E_INVALID_PARAM)
            else:
                handler(request)

    def _sync(self, request: pb.reqMsg) -> None:
        accept = request.param == MAGIC and bool(self.faults.capability & pb.CAP_CHECKED)
        sync = pb.syncMsg(version=self.faults.version, capability=self.faults.capability, rtid=3 | 1 << 16)
        self._answer(request, pb.S_IDLE, sync=sync)
        if accept and self._checked is None:
            self._checked = CheckedLink()
        elif not accept and self._checked is not None:
            end = time.monotonic() + 2
            while not self._checked.idle and time.monotonic() < end:
                self._poll()
            self._checked = None

    def _sys_info(self, request: pb.reqMsg) -> None:
        self._answer(
            request, pb.S_IDLE, sinfo=pb.sysinfoMsg(devid=0x450, sclock=400_000_000, hclock=200_000_000, cache=0)
        )

    def _network_info(self, request: pb.reqMsg) -> None:
        if request.param < len(self.models):
            self._answer(request, pb.S_IDLE, minfo=self.models[request.param].info())
        else:
            self._ack(request, pb.S_ERROR, error=pb.E_INVALID_PARAM)

    def _network_run(self, request: pb.reqMsg) -> None:
        self.run_params.append((request.param, request.opt))
        model = next((m for m in self.models if m.name == request.name), None)
        if model is None or self.faults.run_error:
            self._ack(request, pb.S_ERROR, error=self.faults.run_error or pb.E_INVALID_PARAM)
            return
        if self.faults.log:
            self._answer(request, pb.S_WAITING, log=pb.logMsg(level=1, str=self.faults.log))
            pb.ackMsg.FromString(self._receive_message())
        self._ack(request, pb.S_WAITING)
        inputs = [self._input(request, model, index) for index in range(len(model.inputs))]
        if self.faults.before_inference is not None:
            self.faults.before_inference(self)
        self._report(request, model, inputs)

    def _input(self, request: pb.reqMsg, model: Model, index: int) -> np.ndarray:
        tensor = model.inputs[index]
        message = pb.aiDataMsg.FromString(self._receive_message())
        value = np.frombuffer(message.datas, dtype=np.dtype(tensor.dtype).newbyteorder("<")).astype(tensor.dtype)
        wanted = 1 if request.param & pb.RUN_CONST_VALUE else int(np.prod(tensor.shape, dtype=int))
        if message.size != len(message.datas) or value.size != wanted:
            self._ack(request, pb.S_ERROR, error=pb.E_INVALID_SIZE)
            raise Reset
        last = index + 1 == len(model.inputs)
        self._ack(request, pb.S_PROCESSING if last else pb.S_WAITING)
        pb.ackMsg.FromString(self._receive_message())
        if request.param & pb.RUN_CONST_VALUE:
            return np.full(tensor.shape, value[0], tensor.dtype)
        return value.reshape(tensor.shape)

    def _operator(self, name: str, kind: int, index: int) -> pb.aiOperatorMsg:
        return pb.aiOperatorMsg(
            name=name, type=kind << 24, id=index, duration=1.5, counter_type=0, counters=[0x10, 0x1],
            stack_used=100 + index, heap_used=0,
        )  # fmt: skip

    def _tensor(self, tensor: Tensor, value: np.ndarray | None, flags: int) -> pb.aiTensorMsg:
        data = b"" if value is None else np.ascontiguousarray(value, np.dtype(tensor.dtype).newbyteorder("<")).tobytes()
        flags |= pb.TENSOR_NO_DATA if value is None else 0
        return pb.aiTensorMsg(desc=tensor.desc(flags), data=pb.aiDataMsg(type=0, size=len(data), addr=0, datas=data))

    def _report(self, request: pb.reqMsg, model: Model, inputs: list[np.ndarray]) -> None:
        if request.param & (pb.RUN_PER_LAYER | pb.RUN_WITH_DATA):
            for index, (name, tensor, compute) in enumerate(model.nodes):
                last = pb.OPERATOR_LAST if index + 1 == len(model.nodes) else 0
                self._answer(request, pb.S_PROCESSING, op=self._operator(name, pb.OPERATOR_INTERNAL | last, index))
                value = compute(inputs) if request.param & pb.RUN_WITH_DATA else None
                message = self._tensor(tensor, value, pb.TENSOR_INTERNAL | pb.TENSOR_LAST)
                self._answer(request, pb.S_PROCESSING, tensor=message)
        self._answer(request, pb.S_PROCESSING, op=self._operator("", 0, 0))
        outputs = model.compute(inputs)
        for index, (tensor, value) in enumerate(zip(model.outputs, outputs, strict=True)):
            last = index + 1 == len(model.outputs)
            sent = None if request.param & pb.RUN_PERF else value
            flags = pb.TENSOR_OUTPUT | (pb.TENSOR_LAST if last else 0)
            self._answer(request, pb.S_DONE if last else pb.S_PROCESSING, tensor=self._tensor(tensor, sent, flags))
