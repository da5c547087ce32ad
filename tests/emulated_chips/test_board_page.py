# SPDX-License-Identifier: Apache-2.0
"""The page of the board images: what it says of images that fit, do not fit, and answer wrongly."""

from __future__ import annotations

from copy import deepcopy

from .board_page import PLACES, page
from .campaign import PAGE, _failures, _load

FITS = {
    "valid": {
        "bytes": {"flash": 25_000, "ram": 14_000},
        "proof": {"bytes": 12, "differing": 0, "passed": 1, "instructions": 1_500},
    },
    "perf": {"bytes": {"flash": 13_000, "ram": 11_000}, "proof": {"report": "whole"}},
}
TOO_BIG = {"valid": {"refused": "ram: needs 2 bytes, has 1"}, "perf": {"refused": "ram: needs 2 bytes, has 1"}}
PLACE, OTHER, THIRD = ("/".join(place) for place in PLACES)


def _record():
    return {"small": {"digest": "0", "images": {PLACE: deepcopy(FITS), OTHER: deepcopy(FITS), THIRD: TOO_BIG}}}


def test_a_line_for_each_board_and_layout():
    text = page(_record())
    line = "flash 13,000 / 25,000, ram 11,000 / 14,000 | 12 / 0 | 1,500 | whole |"
    assert text.count(line) == 2
    assert "refused: ram: needs 2 bytes, has 1" in text
    assert "nucleo-f412zg default 1, disco-h747i config1 1, disco-h747i config4 0" in text
    assert "wrong answers: 0" in text


def test_wrong_answers_and_broken_rules_are_counted_and_told():
    record = _record()
    record["small"]["images"][PLACE]["valid"]["proof"] |= {"differing": 3, "passed": 0}
    record["small"]["images"][OTHER]["valid"]["proof"] = {"failed": "FPU code before CPACR"}
    text = page(record)
    assert "wrong answers: 2" in text
    assert "12 / 3" in text
    assert "failed: FPU code before CPACR" in text
    assert len(list(_failures(record))) == 2


def test_a_model_that_is_not_compiled_has_its_reason():
    assert "| odd | all | not compiled: no kernel |" in page({"odd": {"refused": "no kernel"}})


def test_the_committed_page_is_that_of_the_committed_record():
    record = _load()
    assert PAGE.read_text("utf-8") == page(record)
    assert not list(_failures(record))
