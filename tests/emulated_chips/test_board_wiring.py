# SPDX-License-Identifier: Apache-2.0
"""The alternate functions of all pins that the models demand, compared with the part data of modm-devices."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import modm_devices
import pytest

from tests.emulated_chips.stm32.f412 import make_f412
from tests.emulated_chips.stm32.gpio import Wire
from tests.emulated_chips.stm32.h747 import make_h747

PARTS = Path(modm_devices.__file__).parent / "resources" / "devices" / "stm32"


def functions(file: str) -> set[tuple[str, int, str, int]]:
    """(port, pin, signal as in a Wire, alternate function) of a family."""
    found = set()
    for pin in ET.parse(PARTS / file).iter("gpio"):  # noqa: S314 - a file of a pinned package
        for signal in pin.iter("signal"):
            unit = f"{signal.get('driver', '')}{signal.get('instance', '')}".upper()
            name = f"{unit}_{signal.get('name', '').upper()}"
            if signal.get("af"):
                found.add((pin.attrib["port"].upper(), int(pin.attrib["pin"]), name, int(signal.attrib["af"])))
    return found


def wires() -> dict[str, list[Wire]]:
    f4, h7 = make_f412(), make_h747()
    units = (h7.console.tx, h7.console.rx, h7.fmc.wiring, h7.qspi.wiring)
    return {
        "stm32f4-12.xml": [*f4.console.tx.wires, *f4.console.rx.wires],
        "stm32h7-45_47_55_57.xml": [wire for unit in units for wire in unit.wires],
    }


@pytest.mark.parametrize(("file", "count"), [("stm32f4-12.xml", 2), ("stm32h7-45_47_55_57.xml", 68)])
def test_alternate_functions(file: str, count: int) -> None:
    known, wanted = functions(file), wires()[file]
    assert len(wanted) == len({(wire.port, wire.pin) for wire in wanted}) == count
    missing = [wire for wire in wanted if (wire.port, wire.pin, wire.signal, wire.function) not in known]
    assert missing == []


def test_the_sdram_has_all_its_signals() -> None:
    names = {wire.signal.removeprefix("FMC_") for wire in make_h747().fmc.wiring.wires}
    data = {f"D{bit}" for bit in range(32)} | {f"NBL{byte}" for byte in range(4)}
    address = {f"A{bit}" for bit in range(12)} | {"BA0", "BA1"}
    assert names == data | address | {"SDCLK", "SDCKE1", "SDNE1", "SDNRAS", "SDNCAS", "SDNWE"}
    assert all(re.fullmatch(r"[A-Z]+\d*", name) for name in names)
