# SPDX-License-Identifier: Apache-2.0
"""Errors that the emitter raises on purpose; every message says what, where, why and what would help."""

from __future__ import annotations

from collections.abc import Callable, Sequence


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

    def at(self, operator: str, index: int | None, name: str) -> ModelRefused:
        """The same refusal with the operator's place filled in where it is not known yet."""
        if self.operator is not None:
            return self
        return ModelRefused(self.reason, operator=operator, index=index, name=name, hint=self.hint)

    @property
    def problems(self) -> tuple[ModelRefused, ...]:
        """Every single reason; the refusal itself where it is the only one."""
        return (self,)


class ModelRefusedForReasons(ModelRefused):
    """A model with several problems, all of which are told at once.

    Attributes:
        problems: one refusal each, in the order of the model's operators.
    """

    def __init__(self, problems: Sequence[ModelRefused]) -> None:
        self._problems = tuple(problems)
        super().__init__(f"the model cannot be compiled, for {len(problems)} reasons")

    def _message(self) -> str:
        return "\n".join([self.summary, *self.hints])

    @property
    def summary(self) -> str:
        """What is wrong, one line for each problem, without advice."""
        return "\n".join([f"{self.reason}:", *(f"  {str(problem).splitlines()[0]}" for problem in self._problems)])

    @property
    def problems(self) -> tuple[ModelRefused, ...]:
        """Every single reason."""
        return self._problems

    @property
    def hints(self) -> list[str]:
        """What would help, each advice once, with the operators that it is for."""
        places: dict[str, list[str]] = {}
        for problem in self._problems:
            if problem.hint is not None:
                places.setdefault(problem.hint, []).append("?" if problem.index is None else str(problem.index))
        everywhere = len(self._problems)
        return [
            advice if len(numbers) == everywhere else f"{advice} (operator {', '.join(numbers)})"
            for advice, numbers in places.items()
        ]


Refuse = Callable[[ModelRefused], None]
"""What a pass does with a refusal: raise it, or note it and go on to find more of them."""


def raise_refusal(refusal: ModelRefused) -> None:
    """Ends with the first refusal.

    Raises:
        ModelRefused: always.
    """
    raise refusal


class Refusals:
    """Collects the refusals of one model; calling it notes one."""

    def __init__(self) -> None:
        self._found: list[ModelRefused] = []

    def __call__(self, refusal: ModelRefused) -> None:
        """Notes a refusal, unless one of the same operator is known: what follows from it is no news."""
        places = {(known.operator, known.index) for known in self._found if known.index is not None}
        if (refusal.operator, refusal.index) not in places:
            self._found.append(refusal)

    def __bool__(self) -> bool:
        return bool(self._found)

    def raise_all(self) -> None:
        """Does nothing if nothing was noted.

        Raises:
            ModelRefused: with all that was noted.
        """
        if len(self._found) == 1:
            raise self._found[0]
        if self._found:
            last = 1 << 30
            raise ModelRefusedForReasons(
                sorted(self._found, key=lambda known: last if known.index is None else known.index)
            )


class OptionError(EmitterError, ValueError):
    """An option with a value that does not exist or cannot be honoured yet."""


class MissingPackage(EmitterError, ImportError):  # noqa: N818 - the public name says what happened
    """An optional package that reading this kind of model needs is not installed.

    Attributes:
        hint: how to install it.
    """

    def __init__(self, reason: str, hint: str) -> None:
        self.hint = hint
        super().__init__(f"{reason}\n{hint}")


class OperatorError(EmitterError):
    """An operator that was registered from outside is wrong: its registration, its result or its kernel.

    Attributes:
        hint: what would help, "" if the message says it.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        self.hint = hint
        super().__init__(f"{message}\n{hint}" if hint else message)


class UnsupportedFormatError(EmitterError):
    """An entry point of the old microTVM flow that has no meaning any more; the message names its successor."""
