# SPDX-License-Identifier: Apache-2.0
"""docs/board-images.md from what the campaign of the board images recorded."""

from __future__ import annotations

from collections import Counter
from typing import Any

PLACES = (("nucleo-f412zg", "default"), ("disco-h747i", "config1"), ("disco-h747i", "config4"))
"""Board and layout."""
APPS = ("perf", "valid")
_HEAD = """# Images for the real boards

One image per board, layout, application and model of the zoo, with default options. Every image that fits ran from
reset on an emulated chip (tests/emulated_chips): Validation answered the first stored sample over its UART, and
SystemPerformance reported. What does not fit has the reason that `stm32 build` gives.

- Bytes per memory: SystemPerformance / Validation. Flash holds code, weights (but for config4) and initial values; dtcm
  and ram hold stack and variables, ram the activations, too.
- Answer: bytes that were compared and that differ; floats may differ within 1e-5 of their range.
- Instructions of that inference, counted by the board's cycle counter on the emulated chip, where an instruction takes
  one cycle. Cycles of a Cortex-M4 for the same kernels: docs/benchmarks.md and docs/zoo-costs.md.
- Report: `whole`; where ten inferences take more than 40 M instructions the `banner` and the model's description only.
"""
_TAIL = """
## What else proves these images
| board | models | by |
|---|---|---|
| nucleo-f412zg, disco-h747i | faults, dead clocks, defects put into the port | tests/emulated_chips |
| qemu-netduinoplus2: the F4 port on an STM32F405 | kws, strww, ad01 | QEMU: every output byte, tests/emulated |
| qemu-mps2-an386, -an500: the same kernels | the zoo | QEMU: every output byte, docs/zoo.md and tests/emulated |
| boards on a desk | none | not tried, no board was at hand: `stm32 selftest -b BOARD` is the list to go through |

Reproduce with `python -m tests.emulated_chips.campaign`."""


def _bytes(perf: dict[str, int], valid: dict[str, int]) -> str:
    return ", ".join(f"{name} {perf.get(name, 0):,} / {valid[name]:,}" for name in valid if name != "second_core")


def _answer(proof: dict[str, Any]) -> str:
    if not proof:
        return "no stored sample"
    if "failed" in proof:
        return f"failed: {proof['failed']}"
    if "left_out" in proof:
        return f"not asked: {proof['left_out']}"
    return f"{proof['bytes']:,} / {proof['differing']:,}"


def _line(model: str, place: str, images: dict[str, Any]) -> str:
    perf, valid = images["perf"], images["valid"]
    refused = valid.get("refused") or perf.get("refused")
    if refused:
        return f"| {model} | {place} | refused: {refused} | | | |"
    proof = valid.get("proof", {})
    report = perf["proof"].get("report") or _answer(perf["proof"])
    instructions = f"{proof['instructions']:,}" if "instructions" in proof else ""
    cells = [model, place, _bytes(perf["bytes"], valid["bytes"]), _answer(proof), instructions, report]
    return f"| {' | '.join(cells)} |"


def _lines(record: dict[str, Any]) -> list[str]:
    lines = []
    for model, found in record.items():
        if "refused" in found:
            lines.append(f"| {model} | all | not compiled: {found['refused']} | | | |")
        for board, layout in PLACES if "images" in found else ():
            lines.append(_line(model, f"{board}, {layout}", found["images"][f"{board}/{layout}"]))
    return lines


def _summary(record: dict[str, Any]) -> str:
    """How many images of each place fit, and how their answers are."""
    fits: Counter[str] = Counter()
    wrong = compared = 0
    for found in record.values():
        for place, images in found.get("images", {}).items():
            proof = images["valid"].get("proof", {})
            fits[place] += "bytes" in images["valid"]
            wrong += "failed" in proof or proof.get("passed") == 0
            compared += proof.get("bytes", 0)
    counts = ", ".join(f"{' '.join(place)} {fits['/'.join(place)]}" for place in PLACES)
    return f"Models that fit, of {len(record)}: {counts}. Bytes compared: {compared:,}; wrong answers: {wrong}."


def page(record: dict[str, Any]) -> str:
    """The document.

    Args:
        record: name of a model -> "refused", or "images": "board/layout" -> application -> "refused", or "bytes" per
            memory and "proof".
    """
    head = ["| model | board, layout | bytes per memory | answer: bytes, differing | instructions | report |"]
    return (
        "\n".join([_HEAD, _summary(record), "", *head, "|" + "---|" * 6, *_lines(dict(sorted(record.items()))), _TAIL])
        + "\n"
    )
