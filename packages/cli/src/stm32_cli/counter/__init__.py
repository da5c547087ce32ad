# SPDX-License-Identifier: Apache-2.0
"""Counts the instructions of a stretch of code on QEMU and models the cycles of a Cortex-M4 for them."""

from stm32_cli.counter.listing import Instruction, parse_listing
from stm32_cli.counter.model import Cost, FunctionCost, Tally, cost
from stm32_cli.counter.nodes import NodeCosts, count_nodes
from stm32_cli.counter.run import BENCH_BEGIN, BENCH_END, Stretch, count

__all__ = [
    "BENCH_BEGIN",
    "BENCH_END",
    "Cost",
    "FunctionCost",
    "Instruction",
    "NodeCosts",
    "Stretch",
    "Tally",
    "cost",
    "count",
    "count_nodes",
    "parse_listing",
]
