# SPDX-License-Identifier: Apache-2.0
"""Finding the console's port, and text of consoles; pyserial's own port objects."""

import pytest
from ai_runner import InvalidParamError
from serial.tools.list_ports_common import ListPortInfo
from stm32_board_support import load_board
from stm32_cli.project.follow import ConsoleText
from stm32_cli.project.inventory import version_in
from stm32_cli.project.lines import name_port


def probe(device: str, pid: int, number: str) -> ListPortInfo:
    port = ListPortInfo(device, skip_link_detection=True)
    port.vid, port.pid, port.serial_number = 0x0483, pid, number
    return port


V2, V3 = probe("/dev/ttyACM0", 0x374B, "066EFF30"), probe("/dev/ttyACM1", 0x374E, "0035002D")
V2_TEXT = "/dev/ttyACM0 (ST-LINK/V2-1, USB 0483:374b, serial number 066EFF30)"


@pytest.mark.parametrize("desc", ["serial", "serial:", "serial::"])
def test_port_is_found_and_said(desc):
    assert name_port(desc, [V2]) == ("serial:/dev/ttyACM0:115200", V2_TEXT)


def test_rate_stays():
    assert name_port("serial::57600", [V2])[0] == "serial:/dev/ttyACM0:57600"


@pytest.mark.parametrize("desc", ["serial:/dev/ttyUSB7", "serial:COM3:9600", "socket:localhost:5555", "/dev/ttyACM9"])
def test_what_names_its_port_stays_as_it_is(desc):
    assert name_port(desc, [V2, V3]) == (desc, "")


def test_board_knows_its_own_probe():
    assert name_port("serial", [V2, V3], board=load_board("nucleo-f412zg"))[0] == "serial:/dev/ttyACM0:115200"
    assert name_port("serial", [V2, V3], board=load_board("disco-h747i"))[0] == "serial:/dev/ttyACM1:115200"


def test_several_without_a_board():
    with pytest.raises(InvalidParamError, match="several ST-LINK ports"):
        name_port("serial", [V2, V3])
    assert name_port("serial", [V2, V3], "0035002d")[0] == "serial:/dev/ttyACM1:115200"


def test_text_in_pieces():
    data = "Grüße\r\nΩ ready\rgo\r\n".encode() + b"\xff\r"
    for size in (1, 2, 3, 100):
        text = ConsoleText()
        pieces = [text.add(data[i : i + size]) for i in range(0, len(data), size)]
        assert "".join([*pieces, text.add(b"")]) == "Grüße\nΩ ready\rgo\n\N{REPLACEMENT CHARACTER}\r"


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("Open On-Chip Debugger 0.12.0\nLicensed under GNU GPL v2\n", "0.12.0"),
        ("v1.7.0\n", "1.7.0"),
        ("0.46.0\n", "0.46.0"),
        ("probe-rs 0.24.0 (git commit: 6fee4b6)\n", "0.24.0"),
        ("   -----\n   STM32CubeProgrammer v2.20.0   \n   -----\n\nSTM32CubeProgrammer version: 2.20.0 \n", "2.20.0"),
        ("cmake version 3.25.1\n\nCMake suite maintained by Kitware\n", "3.25.1"),
        ("usage: x\n", "?"),
        ("", "?"),
    ],
)
def test_versions(said, version):
    assert version_in(said) == version
