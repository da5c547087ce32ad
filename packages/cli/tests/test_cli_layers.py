# SPDX-License-Identifier: Apache-2.0
"""Comparing layers: the first that differs is found and described; what cannot be compared is said."""

from typing import Any

import numpy as np
import pytest
from stm32_cli.validation import layers
from stm32_cli.validation.report import finite, first_difference_text

OPERATORS = [[(3, "conv")], [(4, "relu")], [(6, "pool")]]
REFERENCE = {
    3: [np.zeros((1, 2), np.int8)] * 2,
    4: [np.array([[1, 2]], np.int8), np.array([[3, 4]], np.int8)],
    6: [np.array([5.0], np.float32), np.array([7.0], np.float32)],
}


def _node(name: str, *data: Any) -> dict[str, Any]:
    return {"name": name, "data": [list(data)]}


def _compare(*nodes: dict[str, Any]) -> list[layers.LayerReport]:
    return layers.compare_layers(nodes, OPERATORS, REFERENCE.__getitem__, 1e-5)


def test_equal_layers_pass() -> None:
    reports = _compare(_node("1:RELU", *REFERENCE[4]), _node("2:POOL", *REFERENCE[6]))
    assert [report.passed for report in reports] == [True, True]
    assert [report.bytes_compared for report in reports] == [4, 8]
    assert layers.first_difference(reports) is None


def test_a_tensor_of_which_the_original_keeps_no_values_is_told() -> None:
    (report,) = layers.compare_layers([_node("0:VAR_HANDLE", np.zeros(1, np.int8))], [[(3, "state")]], lambda _: [], 0)
    assert (report.passed, report.bytes_compared) == (True, 0)
    assert report.note == "the original keeps no values of it"


def test_first_difference_is_named_with_its_place() -> None:
    wrong = [np.array([[1, 2]], np.int8), np.array([[3, 6]], np.int8)]
    reports = _compare(_node("0:CONV_2D", *REFERENCE[3]), _node("1:RELU", *wrong), _node("2:POOL", *REFERENCE[6]))
    found = layers.first_difference(reports)
    assert found is reports[1]
    assert first_difference_text(reports[1]) == (
        "the first layer that differs is node 1 '1:RELU' (tensor 'relu'): 1 of 4 bytes, first at sample 1, "
        "element [0, 1], largest difference 2"
    )


def test_float_layers_have_a_tolerance() -> None:
    near = [value + np.float32(1e-5) for value in REFERENCE[6]]
    far = [value + np.float32(1e-3) for value in REFERENCE[6]]
    assert _compare(_node("2:POOL", *near))[0].passed
    assert not _compare(_node("2:POOL", *far))[0].passed


@pytest.mark.parametrize(
    ("node", "note"),
    [
        (_node("softmax", np.zeros(1)), "the node names no operator of the original"),
        (_node("7:ADD", np.zeros(1)), "the node names no operator of the original"),
        (_node("1:RELU"), "the firmware sent no data"),
        (
            _node("1:RELU", *[np.zeros((1, 3), np.int8)] * 2),
            "int8[1, 3] on the target, int8[1, 2] in the original",
        ),
    ],
)
def test_what_cannot_be_compared_is_said(node: dict[str, Any], note: str) -> None:
    report = _compare(node)[0]
    assert report.note == note
    assert report.bytes_compared == 0
    assert report.passed


def test_channels_that_nobody_reads_are_not_compared() -> None:
    info = {
        "nodes": [{"outputs": [0]}, {"outputs": [2, 1]}],
        "tensors": [
            {"removed": {"channels": [0], "values": [5]}}, {}, {"removed": {"channels": [0, 1], "values": [7, None]}},
        ],
    }  # fmt: skip
    unread = layers.unread_channels(info)
    assert unread == {1: [1]}
    assert layers.unread_channels({}) == {}
    nodes = [
        _node("0:CONV_2D", *REFERENCE[3]),
        _node("1:RELU", *[value + np.array([0, 9], np.int8) for value in REFERENCE[4]]),
    ]
    assert layers.first_difference(layers.compare_layers(nodes, OPERATORS, REFERENCE.__getitem__, 1e-5)) is not None
    reports = layers.compare_layers(nodes, OPERATORS, REFERENCE.__getitem__, 1e-5, unread)
    assert [(r.passed, r.bytes_compared, r.unread) for r in reports] == [(True, 4, 0), (True, 2, 1)]
    nodes[1]["data"][0][1][0, 0] += 1
    reports = layers.compare_layers(nodes, OPERATORS, REFERENCE.__getitem__, 1e-5, unread)
    assert (reports[1].passed, reports[1].bytes_differing, reports[1].position) == (False, 1, (0, 0))


def test_numbers_that_json_has_no_word_for() -> None:
    assert finite({"a": float("inf"), "b": [1.5, float("nan")], "c": "x"}) == {"a": None, "b": [1.5, None], "c": "x"}
