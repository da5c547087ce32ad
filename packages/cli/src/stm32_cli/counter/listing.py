# SPDX-License-Identifier: Apache-2.0
"""Reads the disassembly that `objdump -d --no-show-raw-insn -w` prints."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LABEL = re.compile(r"([0-9a-f]+) <(.+)>:")
_LINE = re.compile(r"\s*([0-9a-f]+):\t(\S+)(?:\t(.*))?")
_COMMENT = re.compile(r"[;@].*")
_LAST_SIZE = 4


@dataclass(frozen=True)
class Instruction:
    """One line of a disassembly.

    Attributes:
        address: of its first byte.
        size: bytes up to the next line's instruction.
        mnemonic: with its suffixes, e.g. "ldr.w".
        operands: without comments.
        function: label that stands above it.
    """

    address: int
    size: int
    mnemonic: str
    operands: str
    function: str

    @property
    def stem(self) -> str:
        """The mnemonic without ".w", ".n", ".f32" and the like."""
        return self.mnemonic.partition(".")[0]


def parse_listing(text: str) -> list[Instruction]:
    """The instructions of a listing in its order; data words between functions count as lines of their own."""
    rows: list[tuple[int, str, str, str]] = []
    function = ""
    for line in text.splitlines():
        if label := _LABEL.fullmatch(line):
            function = label[2]
        elif found := _LINE.fullmatch(line):
            rows.append((int(found[1], 16), found[2], _COMMENT.sub("", found[3] or "").strip(), function))
    following = [row[0] for row in rows[1:]]
    sizes = [after - row[0] for row, after in zip(rows, following, strict=False)] + [_LAST_SIZE]
    return [
        Instruction(address, size, mnemonic, operands, label)
        for (address, mnemonic, operands, label), size in zip(rows, sizes, strict=False)
    ]
