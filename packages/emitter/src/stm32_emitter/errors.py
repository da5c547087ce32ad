# SPDX-License-Identifier: Apache-2.0
"""Errors that the emitter raises on purpose; every message says what, where, why and what would help."""

from __future__ import annotations


class EmitterError(Exception):
    """Base of all errors that a user of the emitter can cause."""


class ModelRefused(EmitterError):  # noqa: N818 - the public name says what happened
    """A model that cannot be compiled. Nothing was written.

    Attributes:
        reason: why, in one sentence.
        operator: kind of the operator that is at fault, e.g. ``"CONV_2D"``, or None.
        index: its index in the model, or None.
        name: name of the tensor that it computes, or None.
        hint: what would help, or None.
    """

    def __init__(
        self,
        reason: str,
        *,
        operator: str | None = None,
        index: int | None = None,
        name: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.reason = reason
        self.operator = operator
        self.index = index
        self.name = name
        self.hint = hint
        super().__init__(self._message())

    def _message(self) -> str:
        where = ""
        if self.operator is not None:
            where = self.operator if self.index is None else f"operator {self.index} ({self.operator})"
            where += f" '{self.name}': " if self.name else ": "
        return f"{where}{self.reason}" + (f"\n{self.hint}" if self.hint else "")

    def at(self, operator: str, index: int, name: str) -> ModelRefused:
        """The same refusal with the operator's place filled in where it is not known yet."""
        if self.operator is not None:
            return self
        return ModelRefused(self.reason, operator=operator, index=index, name=name, hint=self.hint)


class OptionError(EmitterError, ValueError):
    """An option with a value that does not exist or cannot be honoured yet."""


class UnsupportedFormatError(EmitterError):
    """An entry point of the old microTVM flow that has no meaning any more; the message names its successor."""
