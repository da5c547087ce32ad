# SPDX-License-Identifier: Apache-2.0
"""Which operators there are: those of this package, and those that were registered from outside of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from stm32_emitter.errors import OperatorError
from stm32_emitter.operators.base import OperatorDefinition

_KIND = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class OperatorRegistry:
    """Operators by kind, in the order in which they are tried: registered ones before those of this package.

    Args:
        built_in: the operators of this package, in their order.
    """

    def __init__(self, built_in: Iterable[OperatorDefinition]) -> None:
        self._built_in: list[OperatorDefinition] = []
        self._added: list[OperatorDefinition] = []
        self._origins: dict[str, str] = {}
        self.by_kind: dict[str, OperatorDefinition] = {}
        for definition in built_in:
            self._enter(definition, "stm32_emitter")
            self._built_in.append(definition)

    def __iter__(self) -> Iterator[OperatorDefinition]:
        yield from self._added
        yield from self._built_in

    def add(self, definition: OperatorDefinition, origin: str) -> None:
        """Registers an operator of somebody else's.

        Args:
            definition: the operator.
            origin: who brings it, for messages.

        Raises:
            OperatorError: it is no operator, its kind is no name, or there is one of this kind.
        """
        if not isinstance(definition, OperatorDefinition):
            raise OperatorError(f"{origin} registers a {type(definition).__name__}, which is no operator")
        if not _KIND.fullmatch(str(definition.kind)):
            raise OperatorError(f"{origin} names an operator '{definition.kind}'", "A name is made of [A-Za-z0-9_].")
        self._enter(definition, origin)
        self._added.append(definition)

    def remove(self, kind: str) -> OperatorDefinition:
        """Takes a registered operator out.

        Raises:
            OperatorError: none of this kind was registered.
        """
        for definition in self._added:
            if definition.kind == kind:
                self._added.remove(definition)
                del self.by_kind[kind], self._origins[kind]
                return definition
        raise OperatorError(f"no operator '{kind}' was registered")

    def origin(self, kind: str) -> str:
        """Who brought the operator of a kind."""
        return self._origins[kind]

    def _enter(self, definition: OperatorDefinition, origin: str) -> None:
        if definition.kind in self.by_kind:
            raise OperatorError(
                f"the operator '{definition.kind}' is there twice: of {self._origins[definition.kind]} and of {origin}",
                "Give one of them another name.",
            )
        self.by_kind[definition.kind] = definition
        self._origins[definition.kind] = origin
