# SPDX-License-Identifier: Apache-2.0
"""Writes docs/operators.md: which operators are taken in which number format, how exactly, and with what limits.

python scripts/operators_table.py                  # writes; --check only says whether the file is up to date (exit 1)

Everything in it comes from the declarations that the importers obey (``SUPPORT`` beside ``CONVERTERS``), from the
table of what is folded, and from the groups that ONNX nodes form.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from stm32_emitter.frontends.graph.converters import CONVERTERS
from stm32_emitter.frontends.graph.groups import MOVED, QUANTIZED
from stm32_emitter.frontends.relax.vocabulary import TRANSLATORS
from stm32_emitter.frontends.support import BYTE_EXACT, NO_REFERENCE, Support
from stm32_emitter.frontends.tflite.converters import SUPPORT
from stm32_emitter.frontends.tflite.folding import FOLDED
from stm32_emitter.frontends.tflite.support import FORMATS

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "docs" / "operators.md"
MARKS = {BYTE_EXACT: "exact"}
COMMON = 3
"""Limits of at least so many operators stand below the table, by letters."""
HEAD = """# Operators
Written by `python scripts/operators_table.py` from the declarations that the importers obey; do not edit.

"""
TFLITE = """## TFLite
*exact*: every byte of a result equals that of the reference kernels (LiteRT, BUILTIN_REF). *1e-5*: every element is
within 1e-5 of the range of the output. `-`: the reference kernels have no such form either. A number: refused, for the
reason of that number. *Folded*: computed at compile time where all operands are constant integers or truth values.
What the table does not have is refused by name, before anything is written; operators that a plug-in brings
([extending.md](extending.md)) are the exception.
"""
GRAPH = """## ONNX
*1e-5*: against onnxruntime or torch, every element within 1e-5 of the range of the output. *integers*: between
DequantizeLinear and QuantizeLinear the operator is computed in integers, with the bias and the activation behind it; a
result differs from that of onnxruntime by at most 1. *moved*: quantized elements are passed on as they are. *in
float32*: computed in float32, as the model says. Operators whose operands are all known at compile time are computed by
ONNX's reference implementation, shape arithmetic among them. What the table does not have is refused by name.
"""
RELAX = """## PyTorch, and Relax modules with channels first
TVM's importer translates a program of torch.export to Relax, our converters `quantized_decomposed.*`. These Relax
operators become ONNX operators of the table above; others are computed in float32 as TVM's library has them.
"""


def format_legend() -> list[str]:
    """What the columns are."""
    lines = ["| column | number format | result |", "|---|---|---|"]
    return lines + [f"| {name} | {what} | {how} |" for name, (what, how) in FORMATS.items()]


def graph_rows(converters: Mapping[str, Callable[..., object]]) -> list[str]:
    """The table of ONNX operators: quantized form, and what their converters say."""
    rows = ["| operator | float32 | QDQ int8, uint8 | what is taken |", "|---|:-:|:-:|---|"]
    for name, convert in sorted(converters.items()):
        said = (convert.__doc__ or "").strip().splitlines()
        rows.append(f"| {name} | {'1e-5' if real(name) else ''} | {quantized(name)} | {said[0] if said else ''} |")
    return rows


def real(name: str) -> bool:
    """Whether an ONNX operator computes with real numbers."""
    return name not in ("DequantizeLinear", "QuantizeLinear", "Shape")


def quantized(name: str) -> str:
    """What an ONNX operator does between DequantizeLinear and QuantizeLinear."""
    if name in QUANTIZED:
        return "integers"
    if name in MOVED:
        return "moved"
    return "in float32" if real(name) else ""


class Notes:
    """Numbered remarks; equal ones share a number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        """The number of a remark."""
        return self._numbers.setdefault(text, len(self._numbers) + 1)

    def lines(self) -> list[str]:
        """The remarks as a list."""
        return [f"{number}. {text}" for text, number in self._numbers.items()]


def cell(support: Support, name: str, notes: Notes) -> str:
    """How one operator fares in one format."""
    reason = support.reason(name)
    if not reason:
        return MARKS.get(FORMATS[name][1], FORMATS[name][1])
    return "-" if reason == NO_REFERENCE else f"({notes.number(reason)})"


def common_limits(declared: Mapping[str, Support]) -> dict[str, str]:
    """Text of a limit that many operators have -> its letter."""
    counts = Counter(limit.text for support in declared.values() for limit in support.limits)
    often = sorted(text for text, count in counts.items() if count >= COMMON)
    return dict(zip(often, "abcdefghijklmnopqrstuvwxyz", strict=False))


def limits(support: Support, letters: Mapping[str, str]) -> str:
    """What is limited, in one cell."""
    parts = [f"({letters[limit.text]})" if limit.text in letters else limit.text for limit in support.limits]
    if support.constants:
        parts.append(f"constant: {', '.join(support.constants.values())}")
    return "; ".join([*parts, *([support.note] if support.note else [])])


def tflite_rows(declared: Mapping[str, Support], folded: Iterable[str]) -> tuple[list[str], list[str]]:
    """(table, remarks) of all operators; those that are only folded have no other format."""
    notes, at_compile_time, letters = Notes(), set(folded), common_limits(declared)
    rows = [f"| operator | {' | '.join(FORMATS)} | folded | limits |", f"|---|{':-:|' * (len(FORMATS) + 1)}---|"]
    for name in sorted({*declared, *at_compile_time}):
        support = declared.get(name, Support(formats=(), refused=dict.fromkeys(FORMATS, ""), note="constants only"))
        cells = [cell(support, column, notes) if name in declared else "" for column in FORMATS]
        mark = "yes" if name in at_compile_time else ""
        rows.append(f"| {name} | {' | '.join(cells)} | {mark} | {limits(support, letters)} |")
    return rows, [*notes.lines(), "", *(f"- ({letter}) {text}" for text, letter in letters.items())]


def document() -> str:
    """The whole file."""
    rows, notes = tflite_rows(SUPPORT, ["SHAPE", *FOLDED])
    parts = [HEAD + TFLITE, *format_legend(), "", *rows, "", *notes, "", GRAPH, *graph_rows(CONVERTERS), "", RELAX]
    parts += [f"- {', '.join(f'`{name}`' for name in sorted(TRANSLATORS))}"]
    return "\n".join(parts) + "\n"


def main() -> int:
    """Writes or checks the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the file is not up to date")
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    given = parser.parse_args()
    text = document()
    if given.check:
        stale = not given.output.is_file() or given.output.read_text(encoding="utf-8") != text
        print(f"{given.output}: {'stale; run python scripts/operators_table.py' if stale else 'up to date'}")
        return int(stale)
    given.output.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
