# SPDX-License-Identifier: Apache-2.0
"""What a converter declares of its operator: number formats and limits.

A declaration does two things. It decides: an importer refuses what is not declared, with the words of the declaration.
And it documents: docs/operators.md is made of the declarations and of nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stm32_emitter.errors import ModelRefused

BYTE_EXACT = "byte-exact"
WITHIN_RANGE = "1e-5"
"""Of the range of the output."""
NO_REFERENCE = "the reference kernels have no form of it in this format"
"""Why a format is refused that a declaration does not name."""


@dataclass(frozen=True)
class Limit:
    """Something that must hold of an operator's attributes or tensors.

    Attributes:
        text: what must hold, in a few words that stand in the table and in the refusal.
        hint: what helps where it does not hold.
    """

    text: str
    hint: str = ""

    def require(self, holds: bool, found: str = "") -> None:
        """Refuses the model unless it holds; ``found`` says what the model has instead."""
        if not holds:
            what = f"{found}; " if found else ""
            raise ModelRefused(f"{what}this is supported only where {self.text}", hint=self.hint or None)


@dataclass(frozen=True)
class Support:
    """The declaration of one operator.

    Attributes:
        formats: number formats that are computed as the reference does.
        limits: what is limited; the converter calls their ``require``.
        constants: inputs that must be constant, by position, with their names; the importer sees to that.
        refused: formats that are refused, with a reason other than :data:`NO_REFERENCE`.
        note: a remark for the table.
    """

    formats: tuple[str, ...]
    limits: tuple[Limit, ...] = ()
    constants: Mapping[int, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    def reason(self, number_format: str) -> str:
        """Why a format is refused; empty if it is not."""
        return "" if number_format in self.formats else self.refused.get(number_format, NO_REFERENCE)


def takes(
    *formats: str,
    limits: tuple[Limit, ...] = (),
    constants: Mapping[int, str] | None = None,
    refused: Mapping[str, str] | None = None,
    note: str = "",
) -> Support:
    """The declaration of an operator; see :class:`Support`."""
    both = set(formats) & set(refused or {})
    if both:
        raise ValueError(f"declared and refused at once: {', '.join(sorted(both))}")
    return Support(formats, limits, constants or {}, refused or {}, note)
