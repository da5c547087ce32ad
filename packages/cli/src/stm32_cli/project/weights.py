# SPDX-License-Identifier: Apache-2.0
"""Which constants gain most from a fast memory, where a layout spreads weights over several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SECTION = ".nn_weights."
"""In front of a constant's name: its input section."""


def gains(info: Mapping[str, Any]) -> dict[str, float]:
    """How often an inference reads each byte of a model's constants, roughly.

    Args:
        info: content of `<m>.json`.

    Returns:
        Name of the constant -> multiply-accumulates (or elements, where there are none) per byte of the constants of
        the nodes that read it: pixels of a convolution, 1 for a matrix product.
    """
    found = {constant["name"]: 0.0 for constant in info.get("constants", ())}
    sizes = {constant["name"]: constant["bytes"] for constant in info.get("constants", ())}
    for node in info.get("nodes", ()):
        names = [name for name in node["inputs"] if name in sizes]
        work = node["macs"] or _elements(info, node)
        for name in names:
            found[name] += work / sum(sizes[each] for each in names)
    return found


def _elements(info: Mapping[str, Any], node: Mapping[str, Any]) -> int:
    """Bytes that a node writes."""
    return sum(int(info["tensors"][number]["bytes"]) for number in node["outputs"] if isinstance(number, int))


def order(models: Iterable[Mapping[str, Any]]) -> list[str]:
    """Sections of all constants of models, the one that gains most first, equal ones by name."""
    every = {name: gain for info in models for name, gain in gains(info).items()}
    return [SECTION + name for name in sorted(every, key=lambda name: (-every[name], name))]
