# SPDX-License-Identifier: Apache-2.0
"""C text that comes with an operator: what its function is called with, and whether the text defines it so."""

from __future__ import annotations

import re
from collections.abc import Sequence

from stm32_emitter.errors import OperatorError
from stm32_emitter.tir.c_source import c_type

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)


def check_name(operator: str, function: str) -> None:
    """Refuses names that C or the runtime has.

    Raises:
        OperatorError: it is no C name, or one of the runtime's.
    """
    if not _NAME.fullmatch(function):
        raise OperatorError(f"operator '{operator}': '{function}' is no name of a C function")
    if function.startswith(("ai_", "AI_")):
        raise OperatorError(
            f"operator '{operator}': '{function}' has the name of a function of the runtime",
            "Names that begin with ai_ are the runtime's; take another one.",
        )


def prototype_of(function: str, arguments: Sequence[tuple[str, bool] | str]) -> str:
    """How a function is called.

    Args:
        function: its name.
        arguments: (element type, whether it is written) of each pointer, the C type of each number.

    Returns:
        E.g. ``"void f(const float *a0, float *a1, int32_t a2)"``.
    """
    parameters = []
    for number, argument in enumerate(arguments):
        if isinstance(argument, str):
            parameters.append(f"{argument} a{number}")
        else:
            dtype, written = argument
            parameters.append(f"{'' if written else 'const '}{c_type(dtype)} *a{number}")
    return f"void {function}({', '.join(parameters) or 'void'})"


def check_definition(operator: str, function: str, prototype: str, text: str, file: str) -> None:
    """Refuses a text in which the function is not defined, or with other parameters than it is called with.

    Raises:
        OperatorError: it is so. What a macro or a type definition hides is left to the C compiler.
    """
    bare = _COMMENT.sub(" ", text)
    match = re.search(rf"(?P<before>[\w\s*]*)\b{re.escape(function)}\s*\((?P<inside>[^()]*)\)\s*{{", bare)
    if match is None:
        raise OperatorError(f"operator '{operator}': {file}.c does not define a function '{function}'")
    if "static" in match["before"].split():
        raise OperatorError(f"operator '{operator}': '{function}' in {file}.c is static, so that no kernel can call it")
    wanted, found = _types(prototype[prototype.index("(") + 1 : -1]), _types(match["inside"])
    if wanted != found:
        raise OperatorError(
            f"operator '{operator}': '{function}' in {file}.c takes ({', '.join(found)}), "
            f"the kernel calls it with ({', '.join(wanted)})"
        )


def _types(parameters: str) -> list[str]:
    """The types in a list of parameters, spelled in one way."""
    found = []
    for parameter in parameters.split(","):
        words = re.findall(r"\w+|\*", re.sub(r"\[[^]]*\]", "*", parameter))
        if words in ([], ["void"]):
            continue
        stars = words.count("*")
        names = [word for word in words if word not in ("*", "restrict")]
        kind = names[:-1] if len(names) > 1 + ("const" in names) else names
        qualifier = "const " if "const" in kind else ""
        found.append(
            f"{qualifier}{' '.join(word for word in kind if word != 'const')}{' ' + '*' * stars if stars else ''}"
        )
    return found
