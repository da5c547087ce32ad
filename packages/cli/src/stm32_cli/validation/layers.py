# SPDX-License-Identifier: Apache-2.0
"""Compares every layer with the original's intermediate tensors, and finds the first that differs."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ai_runner.compare import float_limit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_SOURCE = re.compile(r"(\d+):")


@dataclass(frozen=True)
class LayerReport:
    """One output tensor of one node, over all samples.

    Attributes:
        node: index of the node in the firmware.
        name: the node's name, "<index of the last source operator>:<kind>".
        tensor: name of the tensor in the original model.
        bytes_compared: 0 if it could not be compared.
        bytes_differing: bytes that are not equal.
        max_error: largest absolute difference.
        sample: first sample that is beyond the tolerance, -1 if none is.
        position: index of the first such element in the tensor.
        note: why it could not be compared, "" if it was.
        passed: whether no element is beyond the tolerance (true where it was not compared).
        unread: channels that the compiler removed because no operator reads them; they are not compared.
    """

    node: int
    name: str
    tensor: str
    bytes_compared: int
    bytes_differing: int
    max_error: float
    sample: int
    position: tuple[int, ...]
    note: str
    passed: bool
    unread: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The fields, for JSON."""
        return asdict(self)


def operator_outputs(model: Path) -> list[list[tuple[int, str]]]:
    """For each operator of a .tflite, in its order: index and name of its output tensors."""
    import tflite

    graph = tflite.Model.GetRootAs(model.read_bytes(), 0).Subgraphs(0)
    if graph is None:
        return []
    found = []
    for number in range(graph.OperatorsLength()):
        operator = graph.Operators(number)
        indices = [int(operator.Outputs(i)) for i in range(operator.OutputsLength())]
        found.append([(index, (graph.Tensors(index).Name() or b"").decode(errors="replace")) for index in indices])
    return found


def source_operator(node_name: str) -> int | None:
    """The index of the last source operator of a node; None if its name does not tell."""
    found = _SOURCE.match(node_name)
    return int(found[1]) if found else None


def wanted_tensors(nodes: Sequence[dict[str, Any]], operators: Sequence[Sequence[tuple[int, str]]]) -> list[list[int]]:
    """For each node of a profile, the indices of the tensors that its outputs stand for."""
    wanted = []
    for node in nodes:
        source = source_operator(node["name"])
        known = source is not None and source < len(operators)
        wanted.append([index for index, _ in operators[source]] if known and source is not None else [])
    return wanted


def unread_channels(info: Mapping[str, Any]) -> dict[int, list[int]]:
    """Channels (of the last axis) that a compiled model does not compute since no operator reads them, by node.

    Args:
        info: content of `<name>.json`; empty if it is not known.
    """
    found: dict[int, list[int]] = {}
    for number, node in enumerate(info.get("nodes", ())):
        for buffer in node["outputs"]:
            removed = info["tensors"][buffer].get("removed", {"channels": (), "values": ()})
            pairs = zip(removed["channels"], removed["values"], strict=True)
            channels = [channel for channel, value in pairs if value is None]
            if channels:
                found[number] = channels
    return found


def compare_layer(
    place: tuple[int, str, str],
    expected: Sequence[NDArray[Any]],
    actual: Sequence[NDArray[Any]],
    tolerance: float,
    unread: Sequence[int] = (),
) -> LayerReport:
    """Compares one tensor of all samples.

    Args:
        place: node index, node name, tensor name.
        expected: the original's, one for each sample; none for a variable's handle.
        actual: the target's, likewise.
        tolerance: for floats, part of the expected range; integers must be equal.
        unread: indices of the last axis that are not compared.
    """
    if not expected:
        return _uncompared(place, "the original keeps no values of it")
    first = expected[0]
    if not actual:
        return _uncompared(place, "the firmware sent no data")
    if first.dtype != actual[0].dtype or first.size != actual[0].size:
        what = (
            f"{actual[0].dtype}{list(actual[0].shape)} on the target, {first.dtype}{list(first.shape)} in the original"
        )
        return _uncompared(place, what)
    here = np.stack([value.reshape(first.shape) for value in actual])
    there = np.stack(expected)
    skipped = list(unread)
    there[..., skipped] = here[..., skipped]
    compared = there.nbytes - there[..., skipped].nbytes
    wrong = _beyond(there, here, tolerance)
    at = tuple(int(axis[0]) for axis in np.nonzero(wrong)) if wrong.any() else (-1,)
    differing = int(np.count_nonzero(_octets(there) != _octets(here)))
    error = float(np.max(np.abs(there.astype(np.float64) - here.astype(np.float64)), initial=0.0))
    return LayerReport(*place, compared, differing, error, at[0], at[1:], "", not wrong.any(), len(skipped))


def _octets(value: NDArray[Any]) -> NDArray[np.uint8]:
    return np.frombuffer(np.ascontiguousarray(value).tobytes(), dtype=np.uint8)


def _uncompared(place: tuple[int, str, str], note: str) -> LayerReport:
    return LayerReport(*place, 0, 0, 0.0, -1, (), note, passed=True)


def _beyond(expected: NDArray[Any], actual: NDArray[Any], tolerance: float) -> NDArray[np.bool_]:
    if expected.dtype.kind != "f":
        return np.asarray(expected != actual)
    return np.asarray(np.abs(expected - actual) > float_limit(expected, tolerance))


def compare_layers(
    nodes: Sequence[dict[str, Any]],
    operators: Sequence[Sequence[tuple[int, str]]],
    reference: Callable[[int], Sequence[NDArray[Any]]],
    tolerance: float,
    unread: Mapping[int, Sequence[int]] | None = None,
) -> list[LayerReport]:
    """Compares every output of every node.

    Args:
        nodes: `c_nodes` of a profile with data.
        operators: what `operator_outputs` returned.
        reference: tensor index -> the original's values, one for each sample.
        tolerance: for floats.
        unread: what `unread_channels` returned.
    """
    reports = []
    for number, (node, wanted) in enumerate(zip(nodes, wanted_tensors(nodes, operators), strict=True)):
        names = dict(entry for outputs in operators for entry in outputs)
        if not wanted:
            reports.append(_uncompared((number, node["name"], ""), "the node names no operator of the original"))
        for output, index in enumerate(wanted):
            data = node["data"][output] if output < len(node["data"]) else []
            place, skipped = (number, node["name"], names[index]), (unread or {}).get(number, ())
            reports.append(compare_layer(place, reference(index), data, tolerance, skipped))
    return reports


def first_difference(reports: Sequence[LayerReport]) -> LayerReport | None:
    """The first layer that is beyond the tolerance, in the order of execution."""
    return next((report for report in reports if not report.passed), None)
