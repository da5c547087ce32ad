# SPDX-License-Identifier: Apache-2.0
"""Part numbers: core and memories of every STM32 that the package modm-devices knows, and boards made of them."""

from stm32_board_support.parts.board import part_board
from stm32_board_support.parts.find import load_part
from stm32_board_support.parts.groups import PartGroup, part_groups
from stm32_board_support.parts.part import Part, PartMemory

__all__ = ["Part", "PartGroup", "PartMemory", "load_part", "part_board", "part_groups"]
