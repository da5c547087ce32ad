# SPDX-License-Identifier: Apache-2.0
"""Every function that an emitted kernel may call has a footprint, and the language of footprints says what it should."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import stm32_runtime_c
from stm32_emitter.planning.check import _in_order
from stm32_emitter.planning.footprints import Call, reads, repeat, sequence, together, writes
from stm32_emitter.planning.runtime import FOOTPRINTS


def declared() -> dict[str, str]:
    """Functions with pointers that ai_kernels.h declares, with their parameters; inline ones only compute."""
    folder = stm32_runtime_c.include_dir()
    found = {}
    for header in re.findall(r'#include "(\w+\.h)"', (folder / "ai_kernels.h").read_text()):
        text = re.sub(r"/\*.*?\*/", "", (folder / header).read_text(), flags=re.DOTALL)
        for name, parameters in re.findall(r"^(?:void|int32_t|float)\s+(ai_k_\w+)\(([^;{]*)\)\s*;", text, re.MULTILINE):
            if "*" in parameters:
                found[name] = parameters
    return found


def test_the_headers_are_read() -> None:
    assert {"ai_k_conv_d8_s8", "ai_k_softmax_f32", "ai_k_mean_s8"} <= set(declared())


@pytest.mark.parametrize("name", sorted(declared()))
def test_every_function_has_a_footprint(name: str) -> None:
    assert name in FOOTPRINTS, f"{name} has no entry: kernels that call it are never planned in place"


SIGNATURES = Path(__file__).with_name("signatures.txt")


@pytest.mark.parametrize("name", sorted(declared()))
def test_a_footprint_knows_the_parameters_of_its_function(name: str) -> None:
    """Arguments are known by their positions: who changes a function looks at its footprint, then at signatures.txt."""
    seen = dict(line.split(": ") for line in SIGNATURES.read_text().splitlines())
    assert seen.get(name) == parameter_names(declared()[name]), f"is the footprint of {name} still right?"


def parameter_names(parameters: str) -> str:
    return " ".join(text.split()[-1].lstrip("*") for text in parameters.split(","))


@pytest.mark.parametrize("name", sorted(set(FOOTPRINTS) & set(declared())))
def test_a_footprint_writes_through_pointers_that_are_not_const(name: str) -> None:
    parameters = [text.strip() for text in declared()[name].split(",")]
    constant = {i for i, text in enumerate(parameters) if text.startswith("const") and "*" in text}
    numbers = [None if "*" in text else 4 for text in parameters]
    arrays = dict.fromkeys(constant, lambda: np.full(48, 4))
    footprint = FOOTPRINTS[name](Call(numbers, arrays))
    pointers = {i for i, text in enumerate(parameters) if "*" in text}
    assert {touch.pointer for touch in footprint.touches} <= pointers
    assert not {touch.pointer for touch in footprint.touches if touch.writes} & constant
    assert any(touch.writes for touch in footprint.touches)


def order(footprint: object) -> list[tuple[int, bool, list[int]]]:
    return [(s.pointer, s.writes, s.places.tolist()) for s in _in_order(footprint.touches)]  # type: ignore[attr-defined]


def test_loops_are_nested() -> None:
    assert order(reads(0, 2, (2, 10), (2, 4), start=1)) == [(0, False, [1, 2, 11, 12, 5, 6, 15, 16])]


def test_repeat_moves_the_pointers() -> None:
    body = sequence(reads(0, 1), writes(1, 2))
    expected = [(0, False, [0]), (1, True, [0, 1]), (0, False, [3]), (1, True, [2, 3])]
    assert order(repeat(2, body, {0: 3, 1: 2})) == expected


def test_without_an_order_writes_may_come_first() -> None:
    assert order(together(reads(0, 1), writes(1, 1))) == [(1, True, [0]), (0, False, [0])]
