# SPDX-License-Identifier: Apache-2.0
"""The generated C messages with the nanopb runtime that firmware is built with, spoken with from Python."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from ai_runner import handshake
from ai_runner.connection import Connection
from ai_runner.drivers.pipes import ProcessTransport
from ai_runner.protocol import stm32_ai_pb2 as pb
from ai_runner.protocol.messages import data_message, parse_response, request

ROOT = Path(__file__).resolve().parents[2]
PROTOCOL = ROOT / "firmware" / "protocol"
SEED = 20261122


@pytest.fixture(scope="module")
def program(tmp_path_factory, c_sources, c_warnings, lacking):
    nanopb = Path(os.environ.get("NANOPB_DIR") or ROOT / ".cache" / "nanopb")
    if not (nanopb / "pb_decode.c").is_file():
        lacking(f"nanopb's C sources are not in {nanopb}: make setup, or set NANOPB_DIR")
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        lacking("no host C compiler: install gcc or clang")
    out = tmp_path_factory.mktemp("nanopb")
    sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1"]
    includes = [f"-I{PROTOCOL}", f"-I{PROTOCOL / 'generated'}", "-isystem", str(nanopb)]
    ours = [*c_sources, PROTOCOL / "ai_link_pb.c", Path(__file__).with_name("nanopb_driver.c")]
    theirs = [nanopb / name for name in ("pb_common.c", "pb_encode.c", "pb_decode.c")]
    theirs.append(PROTOCOL / "generated" / "stm32_ai.pb.c")
    objects = []
    for source in [*ours, *theirs]:
        objects.append(str(out / f"{source.stem}.o"))
        # The strict flags are for our sources; nanopb and what it generates have their own style.
        warnings = c_warnings if source in ours else ["-std=c99"]
        subprocess.run([compiler, *warnings, *sanitize, *includes, "-c", str(source), "-o", objects[-1]], check=True)
    subprocess.run([compiler, *sanitize, *objects, "-o", str(out / "device")], check=True)
    return out / "device"


@pytest.fixture(params=[True, False], ids=["checked", "compatible"])
def device(program, request):
    connection = Connection(ProcessTransport([str(program)], "nanopb device"))
    sync = handshake.negotiate(connection, 5, checked=request.param)
    assert sync.version == (3, 1)
    assert connection.is_checked is request.param
    yield connection
    handshake.leave(connection, 99)
    connection.close()
    assert connection.transport._process.returncode == 0


def ask(connection, reqid, command, **fields):
    connection.send(request(reqid, command, **fields))
    return parse_response(connection.receive(10))


def test_tensor_streams_both_ways(device):
    value = np.random.default_rng(SEED).integers(0, 256, 3000, dtype=np.uint8)
    device.send(request(5, pb.CMD_TEST, name="x" * 63))
    device.send(data_message(value))
    answer = parse_response(device.receive(10))
    assert answer.reqid == 5
    assert answer.tensor.data.datas == value.tobytes()
    again = ask(device, 6, pb.CMD_NETWORK_RUN)
    assert again.tensor.data == answer.tensor.data


def test_model_description(device):
    info = ask(device, 7, pb.CMD_NETWORK_INFO, param=2**32 - 1).minfo
    assert info.name == "n" * 63
    assert info.n_macc == 1 << 40
    assert [(d.name, list(d.dims), d.zeropoint, d.scale) for d in info.inputs] == [
        ("a", [], -128, 0.5),
        ("b", [10], -128, 0.5),
        ("c", [10, 11], -128, 0.5),
    ]


def test_nanopb_refuses_and_stays_in_step(device):
    """Names that are too long, garbage, data of another size: an error, and the next request is answered."""
    good = request(8, pb.CMD_NETWORK_RUN)
    bad = [
        request(9, pb.CMD_NETWORK_RUN, name="x" * 64),
        request(9, pb.CMD_NETWORK_RUN, name="x" * 5000),
        b"\xff" * 100,
        good[:-3],
        b"\x08",
        bytes(range(1, 200)),
    ]
    for message in bad:
        device.send(message)
        assert parse_response(device.receive(10)).ack.error == pb.E_INVALID_PARAM
        assert ask(device, 10, pb.CMD_NETWORK_RUN).reqid == 10
    for size in (0, 1, 2999, 3001, 9000):
        device.send(request(11, pb.CMD_TEST))
        device.send(data_message(np.zeros(size, np.uint8)))
        assert parse_response(device.receive(10)).state == pb.S_ERROR
        assert ask(device, 12, pb.CMD_NETWORK_RUN).reqid == 12
