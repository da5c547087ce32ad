# SPDX-License-Identifier: Apache-2.0
"""Which constants gain most from a fast memory."""

from __future__ import annotations

from typing import Any

import pytest
from stm32_cli.project import weights

INFO: dict[str, Any] = {
    "constants": [{"name": name, "bytes": size} for name, size in (("a", 10), ("b", 30), ("c", 100), ("t", 256))],
    "tensors": [{"bytes": 64}, {"bytes": 1280}],
    "nodes": [
        {"macs": 4000, "inputs": [0, "a", "b"], "outputs": [1]},
        {"macs": 100, "inputs": [1, "c"], "outputs": [0]},
        {"macs": 0, "inputs": [0, "t"], "outputs": [1]},
        {"macs": 0, "inputs": [0, "t"], "outputs": [1]},
    ],
}


def test_gain_is_work_per_byte_of_all_nodes_that_read_a_constant() -> None:
    assert weights.gains(INFO) == {"a": 100.0, "b": 100.0, "c": 1.0, "t": 10.0}


@pytest.mark.parametrize("infos", [[INFO], [{}, INFO]])
def test_order_is_by_gain_then_by_name(infos: list[dict[str, Any]]) -> None:
    assert weights.order(infos) == [".nn_weights.a", ".nn_weights.b", ".nn_weights.t", ".nn_weights.c"]
