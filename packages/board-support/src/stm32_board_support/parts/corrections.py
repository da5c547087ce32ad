# SPDX-License-Identifier: Apache-2.0
"""Where the part data is silent, coarse or wrong, and what we take instead.

- The size letter of a part number is the authority on flash (ST's data sheets, "Ordering information"): the data gives
  the F730 and F750 with letter 8 one megabyte instead of 64 KB, some packages of L471, L476 and L496 the size of
  others, and rounds parts of the G4 series down to an odd byte count.
- The letter does not tell the flash of WB10 and WB15 (320 KB with letter c), and of parts with external memory in
  mind (suffix z of the G4 series) the data has less than the letter says: there the smaller figure stays.
- A part with two cores has its flash divided between them, half for each, as its boot addresses are set from the
  factory; the size letter tells the whole.
- TrustZone parts come up with it switched off (TZEN = 0): of each memory the plain address counts, and the secure alias
  ("_s") is the same memory again. So is the flash behind the ITCM bus of F7.
- Memories in domain D2 of the H7 series have no clock for the Cortex-M7 after reset, backup RAM is write-protected, and
  EEPROM takes no program.
- Access rights: the data calls every RAM executable except the core-coupled one of F4 and of L4; the former is right
  (it is on the data bus only), the latter is not (it is SRAM2). We place no code in RAM, so it stays.
"""

import re

_KIB = 1024
_LETTERS = {"3": 8, "4": 16, "6": 32, "8": 64, "b": 128, "z": 192, "c": 256, "d": 384, "e": 512}
_LETTERS |= {"y": 640, "f": 768, "g": 1024, "h": 1536, "i": 2048, "k": 3072, "j": 4096}
FLASH_OF_LETTER = {letter: size * _KIB for letter, size in _LETTERS.items()}
"""Size letter of a part number -> bytes of flash."""

_WRONG_FLASH = re.compile(r"stm32(f730.8|f750.8|l471zgj|l476zgt.p|l496aei)")
_LETTER_AT = len("stm32f730r")

_NAMES = {"d1_sram": "axi", "d2_sram1": "d2_sram", "d2_sram2": "d2_sram", "d2_sram3": "d2_sram", "itcm_ram": "itcm"}
_IGNORED = re.compile(r"itcm_flash|eeprom|backup|bkpsram.*|.*_s")


def flash_bytes(number: str, said: int) -> int:
    """Bytes of one flash bank.

    Args:
        number: part number, lower case.
        said: what the data says.
    """
    if _WRONG_FLASH.match(number):
        return FLASH_OF_LETTER[number[_LETTER_AT]]
    return said + said % 2


def memory_name(name: str) -> str:
    """Our name of a memory, "" for what is no memory of its own or holds neither program nor data."""
    if _IGNORED.fullmatch(name):
        return ""
    plain = name.removesuffix("_ns")
    if plain.startswith("flash"):
        return "flash"
    return _NAMES.get(plain, "sram" if re.fullmatch(r"sram\d?", plain) else plain)


def is_ready(name: str, core: str) -> bool:
    """Whether a memory (by our name) works from reset."""
    return name != "d2_sram" or core != "cortex-m7"


def speed(name: str, core: str) -> int:
    """Relative cost of an access: the tightly coupled memories of a Cortex-M7 are fastest, domains D2, D3 slowest."""
    if core != "cortex-m7" or name in ("itcm", "dtcm"):
        return 1
    return 3 if name in ("d2_sram", "d3_sram", "flash") else 2
