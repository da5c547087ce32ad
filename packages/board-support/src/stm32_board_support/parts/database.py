# SPDX-License-Identifier: Apache-2.0
"""Reads the part data that the package modm-devices brings: one XML file for each group of similar parts.

The package's files are read as they are, its code is not imported.
"""

import importlib.util
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

from stm32_board_support.cores import CORES
from stm32_board_support.errors import PartDataMissingError
from stm32_board_support.parts import corrections
from stm32_board_support.parts.part import Part, PartMemory

PACKAGE = "modm-devices"
_SELECTOR = "device-"
_CORES = {"m0": "cortex-m0plus", "m4": "cortex-m4", "m7": "cortex-m7"}


def _folder() -> Path:
    """The folder of the package's data.

    Raises:
        PartDataMissingError: the package is not installed.
    """
    found = importlib.util.find_spec("modm_devices")
    if found is None or not found.origin:
        raise PartDataMissingError(
            f"the data of part numbers is not installed; pip install 'stm32-ai-board-support[parts]' (or {PACKAGE})"
        )
    return Path(found.origin).parent / "resources" / "devices"


@cache
def index() -> dict[str, str]:
    """Part number (with "@core" where a part has two) -> file; a few thousand of them, sorted."""
    try:
        families = json.loads((_folder() / "db.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PartDataMissingError(f"{PACKAGE} is installed but cannot be read ({error}); install it again") from error
    found = {
        number: file for name, group in families.items() if name.startswith("stm32") for number, file in group.items()
    }
    return dict(sorted(found.items()))


class _Group:
    """The parts of one file: how a part number is read, and the driver "core" with its memories."""

    def __init__(self, file: Path) -> None:
        self.attributes: dict[str, list[str]] = {}
        schema = ""
        for event, element in ET.iterparse(file, events=("start", "end")):  # noqa: S314 - of an installed package
            if event == "start" and element.tag == "device":
                self.attributes = {key: value.split("|") for key, value in element.attrib.items()}
            elif event == "end" and element.tag == "naming-schema":
                schema = element.text or ""
            elif event == "end" and element.tag == "driver" and element.get("name") == "core":
                self.core = element
                break
        else:
            raise PartDataMissingError(f"{file.name} of {PACKAGE} tells no core; install another version of it")
        self._reads = re.compile(re.sub(r"\{(\w+)\}", self._alternatives, schema))

    def _alternatives(self, field: re.Match[str]) -> str:
        values = sorted(self.attributes[field[1]], key=len, reverse=True)
        return f"(?P<{field[1]}>{'|'.join(map(re.escape, values))})"

    def fields(self, number: str) -> dict[str, str]:
        """What a part number consists of: family, name, pin, size, ..."""
        found = self._reads.fullmatch(number)
        if found is None:
            raise PartDataMissingError(f"{PACKAGE} lists {number} in a file that does not describe it")
        return found.groupdict()


@cache
def _group(file: str) -> _Group:
    return _Group(_folder() / file)


def _applies(element: ET.Element, fields: Mapping[str, str]) -> bool:
    chosen = {key.removeprefix(_SELECTOR): value for key, value in element.attrib.items() if key.startswith(_SELECTOR)}
    return all(fields[key] in value.split("|") for key, value in chosen.items())


def read(number: str) -> Part:
    """The part of a complete number, which must be one of `index`."""
    group = _group(index()[number])
    fields = group.fields(number)
    core = group.core.get("type") or _CORES[fields["core"]]
    fpu = group.core.get("fpu") or _own_fpu(group.core, fields)
    elements = [element for element in group.core.iter("memory") if _applies(element, fields)]
    memories = _merged([found for found in (_memory(element, number, core) for element in elements) if found])
    return Part(number, fields["family"], core, fpu, "dsp" in CORES[core].features, memories, number)


def _own_fpu(core: ET.Element, fields: Mapping[str, str]) -> str:
    """The FPU of a part with two cores, where it depends on the core; "none" where the data names none."""
    values = (e.get("value", "") for e in core.iter("attribute-fpu") if _applies(e, fields))
    return next(values, "none")


def _memory(element: ET.Element, number: str, core: str) -> PartMemory | None:
    name = corrections.memory_name(element.get("name", ""))
    if not name:
        return None
    origin, size, access = int(element.get("start", ""), 0), int(element.get("size", "")), element.get("access", "")
    if name == "flash":
        size = corrections.flash_bytes(number, size)
    kind = "flash" if name == "flash" else "ram"
    ready = corrections.is_ready(name, core)
    return PartMemory(
        name, origin, size, "flash" if kind == "flash" else "ram", corrections.speed(name, core), "x" in access, ready
    )


def _merged(found: list[PartMemory]) -> tuple[PartMemory, ...]:
    """Joins memories of one name without a gap between them, numbers those with one, flash first, then by address."""
    apart: list[PartMemory] = []
    for memory in sorted(set(found), key=lambda m: (m.kind, m.name, m.origin)):
        last = apart[-1] if apart else None
        if last and last.name == memory.name and last.end == memory.origin:
            apart[-1] = _resized(last, last.size + memory.size)
        else:
            apart.append(memory)
    _check(apart)
    counts: dict[str, int] = {}
    numbered = []
    for memory in apart:
        counts[memory.name] = count = counts.get(memory.name, 0) + 1
        numbered.append(memory if count == 1 else _renamed(memory, f"{memory.name}{count}"))
    return tuple(sorted(numbered, key=lambda m: (m.kind, m.origin)))


def _check(memories: list[PartMemory]) -> None:
    ordered = sorted(memories, key=lambda m: m.origin)
    for one, two in pairwise(ordered):
        if one.end > two.origin:
            raise PartDataMissingError(f"{PACKAGE} has memories that overlap ({one.name}, {two.name})")


def _resized(memory: PartMemory, size: int) -> PartMemory:
    return PartMemory(memory.name, memory.origin, size, memory.kind, memory.speed, memory.executable, memory.ready)


def _renamed(memory: PartMemory, name: str) -> PartMemory:
    return PartMemory(name, memory.origin, memory.size, memory.kind, memory.speed, memory.executable, memory.ready)


def read_all() -> Iterator[Part]:
    """Every part, by number; a second or two."""
    for number in index():
        yield read(number)
