# SPDX-License-Identifier: Apache-2.0
"""Kernels whose C differs in numbers only share a function: what it computes with each array is their own text."""

from __future__ import annotations

import re

import pytest
from stm32_emitter.codegen.sharing import share

NEST = (
    "{{\n    for (int32_t i = 0; i < {0}; ++i) {{\n"
    "        ai_k_f_s8((&x[(i * {1})]), {2}, -{3}, cse_v1, 0u, {1});\n    }}\n}}\n"
)


def filled(body: str, numbers: tuple[int, ...]) -> str:
    """A shared body with the numbers of one kernel."""
    return re.sub(r"numbers\[(\d+)\]", lambda match: str(numbers[int(match[1])]), body)


@pytest.mark.parametrize(("large", "element"), [(7, "int16_t"), (40_000, "int32_t")])
def test_shared_body_with_its_numbers_is_the_kernels_own(large: int, element: str) -> None:
    texts = {
        3: ("p", NEST.format(4, 8, 9, 128)),
        5: ("p", NEST.format(6, large, 9, 128)),
        8: ("p", NEST.format(1, 2, 9, 3)),
    }
    found = share(texts)
    assert set(found) == set(texts)
    shared = found[3]
    assert (shared.leader, shared.element) == (3, element)
    assert all(filled(shared.body, shared.numbers[kernel]) == body for kernel, (_, body) in texts.items())
    assert {len(numbers) for numbers in shared.numbers.values()} == {3}, "the 9 is common, the stride stands once"


@pytest.mark.parametrize(
    "second",
    [
        ("q", NEST.format(1, 2, 3, 4)),
        ("p", NEST.format(1, 2, 3, 4).replace("ai_k_f", "ai_k_g")),
        ("p", NEST.format(1, 2, 3, 4).replace("{\n", "{\n    int8_t local[4];\n", 1)),
    ],
)
def test_other_text_shares_nothing(second: tuple[str, str]) -> None:
    assert share({0: ("p", NEST.format(5, 6, 7, 8)), 1: second}) == {}


def test_loops_without_micro_kernels_keep_their_constants() -> None:
    plain = {i: ("p", f"{{\n    y[0] = x[{i}];\n}}\n") for i in range(3)}
    assert share(plain) == {}
