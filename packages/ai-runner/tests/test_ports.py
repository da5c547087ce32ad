# SPDX-License-Identifier: Apache-2.0
"""Which port is a board's: pyserial's own objects, as its lists hold them on Linux, Windows and macOS."""

import pytest
from ai_runner import InvalidParamError, PortNotFoundError
from ai_runner.drivers.ports import STLINK_PRODUCTS, choose_port, describe_port, find_again, usb_id
from ai_runner.drivers.serial_port import find_port
from serial.tools.list_ports_common import ListPortInfo

NUCLEO, DISCO, SECOND = "066EFF303451897067120842", "0035002D3137511839383538", "0670FF485550755187121723"


def port(device, vid=None, pid=None, serial_number=None, description="n/a", **more) -> ListPortInfo:
    info = ListPortInfo(device, skip_link_detection=True)
    facts = {"vid": vid, "pid": pid, "serial_number": serial_number, "description": description, **more}
    for name, value in facts.items():
        setattr(info, name, value)
    return info


TTY = port("/dev/ttyS0")
FTDI = port("/dev/ttyUSB0", 0x0403, 0x6001, "A10K", "FT232R USB UART", product="FT232R USB UART")
F412 = port("/dev/ttyACM0", 0x0483, 0x374B, NUCLEO, "STM32 STLink - ST-Link VCP Ctrl")
H747 = port("/dev/ttyACM1", 0x0483, 0x374E, DISCO, "STLINK-V3 - ST-Link VCP Ctrl")
OTHER = port("/dev/ttyACM2", 0x0483, 0x374B, SECOND, "STM32 STLink - ST-Link VCP Ctrl")
OWN_CDC = port("/dev/ttyACM3", 0x0483, 0x5740, "3573", "STM32 Virtual ComPort")


@pytest.mark.parametrize("pid", sorted(STLINK_PRODUCTS))
def test_every_probe_with_a_virtual_port_is_found(pid):
    probe = port("COM7", 0x0483, pid, NUCLEO, "USB Serial Device (COM7)")
    assert choose_port([TTY, FTDI, OWN_CDC, probe]) is probe


def test_what_is_no_probe_is_not_taken():
    for other in (0x3748, 0x374D, 0x5740):
        with pytest.raises(PortNotFoundError):
            choose_port([port("COM7", 0x0483, other, NUCLEO, "USB Serial Device (COM7)"), FTDI])


def test_unlisted_probe_is_known_by_its_name():
    probe = port("COM4", 0x0483, 0x3799, NUCLEO, "STMicroelectronics STLink Virtual COM Port (COM4)")
    assert choose_port([FTDI, probe]) is probe


def test_board_takes_its_own_kind_of_probe():
    there = [OTHER, H747, F412, TTY]
    assert choose_port(there, usb_ids=["0483:374e"]) is H747
    assert choose_port([TTY, F412], usb_ids=["0483:374e"]) is F412


def test_serial_number_chooses():
    there = [OTHER, H747, F412, FTDI]
    assert choose_port(there, NUCLEO) is F412
    assert choose_port(there, SECOND.lower()) is OTHER
    assert choose_port(there, f"0483:374e:{DISCO}") is H747
    assert choose_port(there, NUCLEO, usb_ids=["0483:374e"]) is F412
    assert choose_port(there, "A10K") is FTDI


def test_serial_number_that_is_not_there():
    with pytest.raises(PortNotFoundError) as caught:
        choose_port([F412, TTY], "123")
    assert "no serial port of a probe with serial number 123 found" in caught.value.message
    assert f"/dev/ttyACM0 (ST-LINK/V2-1, USB 0483:374b, serial number {NUCLEO}); /dev/ttyS0" in caught.value.message


def test_several_are_listed_with_how_to_choose():
    with pytest.raises(InvalidParamError) as caught:
        choose_port([OTHER, F412, FTDI], usb_ids=["0483:374b"])
    assert caught.value.message == (
        f"several ST-LINK ports: /dev/ttyACM0 (ST-LINK/V2-1, USB 0483:374b, serial number {NUCLEO}); "
        f"/dev/ttyACM2 (ST-LINK/V2-1, USB 0483:374b, serial number {SECOND})"
    )
    assert caught.value.hint == (
        f"choose by the probe's serial number, as in --probe {NUCLEO}, or by the port, as in -d serial:/dev/ttyACM0"
    )
    assert caught.value.exit_code == 2


def test_one_probe_with_two_ports_can_only_be_chosen_by_port():
    two = [port(f"COM{n}", 0x0483, 0x3753, DISCO, f"USB Serial Device (COM{n})") for n in (5, 6)]
    with pytest.raises(InvalidParamError) as caught:
        choose_port(two, DISCO)
    assert caught.value.hint == "choose by the port, as in -d serial:COM5"


def test_none_at_all():
    with pytest.raises(PortNotFoundError, match="ports here: none") as caught:
        choose_port([])
    assert caught.value.exit_code == 6
    with pytest.raises(PortNotFoundError, match=r"here: /dev/ttyS0; /dev/ttyUSB0 \(FT232R USB UART, USB 0403:6001"):
        choose_port([FTDI, TTY])


def test_list_of_the_system_is_what_find_port_takes():
    assert find_port([TTY, H747]) == "/dev/ttyACM1"
    assert find_port([F412, H747], probe=NUCLEO) == "/dev/ttyACM0"


def test_descriptions():
    assert usb_id(TTY) == ""
    assert usb_id(H747) == "0483:374e"
    assert describe_port(TTY) == "/dev/ttyS0"
    assert describe_port(port("COM1", 0x1A86, 0x7523)) == "COM1 (USB 1a86:7523, serial number none)"


def test_device_that_comes_back_under_another_name():
    renamed = port("/dev/ttyACM5", 0x0483, 0x374B, NUCLEO)
    assert find_again(F412, "/dev/ttyACM0", [H747, renamed, OTHER]) == "/dev/ttyACM5"
    assert find_again(F412, "/dev/ttyACM0", [F412, renamed]) == "/dev/ttyACM0"
    assert find_again(F412, "/dev/ttyACM0", [H747, OTHER]) == "/dev/ttyACM0"
    assert find_again(None, "/dev/ttyS0", [F412]) == "/dev/ttyS0"
    assert find_again(TTY, "/dev/ttyS0", [F412]) == "/dev/ttyS0"
