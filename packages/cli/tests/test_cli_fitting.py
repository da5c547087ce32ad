# SPDX-License-Identifier: Apache-2.0
"""Whether a part holds a model: what has to share a memory, and what may lie apart."""

import pytest
from stm32_board_support.parts import Part, PartGroup, PartMemory
from stm32_cli.project.fitting import Fit, Footprint, fits, holds

KIB = 1024


def _flash(size, name="flash", origin=0x08000000):
    return PartMemory(name, origin, size * KIB, "flash", 1, executable=True)


def _ram(size, name="sram", origin=0x20000000, ready=True):
    return PartMemory(name, origin, size * KIB, "ram", 1, executable=True, ready=ready)


def _part(*memories):
    return Part("stm32x", "x", "cortex-m4", "none", True, memories, "stm32x")


def _need(constants=20, code=10, activations=8, stack=1):
    return Footprint(constants * KIB, activations * KIB, code * KIB, stack * KIB, measured=True)


@pytest.mark.parametrize(
    ("memories", "expected"),
    [
        ([_flash(30), _ram(9)], True),
        ([_flash(29), _ram(9)], False),
        ([_flash(30), _ram(8)], False),
        ([_flash(16), _flash(20, "flash2"), _ram(9)], True),  # constants in the second bank
        ([_flash(8), _flash(64, "flash2"), _ram(9)], False),  # code stays in the first
        ([_flash(30), _ram(8), _ram(1, "ccm")], True),  # stack beside
        ([_flash(30), _ram(5), _ram(5, "ccm")], False),  # activations are one piece
        ([_flash(30), _ram(9, "d2_sram", ready=False), _ram(1)], False),
        ([_flash(30), _ram(64, "itcm"), _ram(4)], False),
    ],
)
def test_holds(memories, expected):
    assert holds(_part(*memories), _need()) is expected


def test_order_is_kept_and_headroom_is_what_is_left():
    groups = [PartGroup(f"p{size}", _part(_flash(size), _ram(10)), ("p",)) for size in (16, 32, 64)]
    found = fits(groups, {("cortex-m4", "none"): _need()})
    assert found == [Fit(groups[1], _need()), Fit(groups[2], _need())]
    assert (found[0].free_flash, found[0].free_ram) == (2 * KIB, 1 * KIB)
