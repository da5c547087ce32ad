# SPDX-License-Identifier: Apache-2.0
"""Figures of a comparison, against values computed by hand."""

import json
import math

import numpy as np
import pytest
from ai_runner import InvalidParamError
from ai_runner.compare import compare_outputs, format_report
from hypothesis import given
from hypothesis import strategies as st


def test_equal_integers():
    value = np.arange(-5, 5, dtype=np.int8).reshape(2, 5)
    report = compare_outputs(value, value.copy(), name="y")
    assert report.passed
    assert (report.elements, report.bytes_compared, report.bytes_differing, report.elements_differing) == (10, 10, 0, 0)
    assert (report.max_error, report.rmse, report.l2r) == (0, 0, 0)
    assert report.cosine == pytest.approx(1)
    assert report.histogram == {0: 10}
    assert "output y int8: ok" in format_report(report)


def test_different_integers():
    expected = np.array([3, 4, 0, -128], np.int8)
    actual = np.array([3, 5, -2, 127], np.int8)
    report = compare_outputs(expected, actual)
    assert not report.passed
    assert (report.bytes_differing, report.elements_differing) == (3, 3)
    assert report.histogram == {-2: 1, 0: 1, 1: 1, 255: 1}
    assert report.max_error == 255
    assert report.rmse == pytest.approx(math.sqrt((1 + 4 + 255**2) / 4))
    assert report.l2r == pytest.approx(math.sqrt(1 + 4 + 255**2) / math.sqrt(9 + 16 + 128**2))
    assert report.cosine == pytest.approx(
        (9 + 20 - 128 * 127) / (np.linalg.norm([3, 4, 128]) * np.linalg.norm([3, 5, 2, 127]))
    )
    text = format_report(report)
    assert "DIFFERS" in text
    assert "-2: 1, +0: 1, +1: 1, +255: 1" in text


def test_wide_integers_are_exact():
    expected, actual = np.array([2**63 - 1, 0], np.int64), np.array([-(2**63), 0], np.int64)
    report = compare_outputs(expected, actual)
    assert report.histogram == {-(2**64) + 1: 1, 0: 1}
    unsigned = compare_outputs(np.array([2**64 - 1], np.uint64), np.array([2**64 - 2], np.uint64))
    assert unsigned.histogram == {-1: 1}
    assert not unsigned.passed


def test_int16_counts_bytes():
    report = compare_outputs(np.array([256, 1], np.int16), np.array([512, 1], np.int16))
    assert (report.bytes_compared, report.bytes_differing) == (4, 1)


def test_float_tolerance_is_a_part_of_the_range():
    expected = np.array([-1.0, 0.0, 3.0], np.float32)
    near, far = expected + np.float32(3.9e-5), expected + np.float32(4.2e-5)
    assert compare_outputs(expected, near).passed
    assert not compare_outputs(expected, far).passed
    assert compare_outputs(expected, far, tolerance=1e-4).passed
    assert compare_outputs(expected, far).tolerance == pytest.approx(4e-5)
    constant = np.full(4, 100.0, np.float32)
    assert compare_outputs(constant, constant + np.float32(0.0005)).passed
    assert not compare_outputs(constant, constant + np.float32(0.002)).passed


def test_float_tolerance_is_a_unit_in_the_last_place_at_least():
    """Outputs of a saturated sigmoid: their range is smaller than what float32 can tell apart."""
    expected = np.array([0.9997, 0.9997], np.float32)
    expected[1] = np.nextafter(expected[0], np.float32(1))
    assert compare_outputs(expected, expected[::-1].copy()).passed
    assert not compare_outputs(expected, expected + 2 * np.spacing(expected)).passed


def test_the_greatest_float_has_a_limit():
    expected = np.array([np.finfo(np.float32).max, 0], np.float32)
    assert not compare_outputs(expected, np.zeros_like(expected)).passed


def test_float_specials():
    expected = np.array([np.nan, np.inf, -np.inf, 1.0], np.float32)
    assert compare_outputs(expected, expected.copy()).passed
    for wrong in ([0, np.inf, -np.inf, 1], [np.nan, 1, -np.inf, 1], [np.nan, np.inf, -np.inf, np.nan]):
        report = compare_outputs(expected, np.array(wrong, np.float32))
        assert not report.passed
        assert report.max_error == math.inf


def test_bool_and_empty():
    report = compare_outputs(np.array([True, False]), np.array([True, True]))
    assert report.histogram == {0: 1, 1: 1}
    assert not report.passed
    assert compare_outputs(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32)).passed
    assert compare_outputs(np.float32(2).reshape(()), np.float32(2).reshape(())).passed


def test_other_shape_or_dtype():
    for other in (np.zeros((1, 2), np.int8), np.zeros(2, np.int16)):
        with pytest.raises(InvalidParamError, match="cannot compare"):
            compare_outputs(np.zeros(2, np.int8), other)


@given(st.lists(st.tuples(st.integers(-128, 127), st.integers(-128, 127)), max_size=50))
def test_figures_agree_with_each_other(pairs):
    expected = np.array([a for a, _ in pairs], np.int8)
    actual = np.array([b for _, b in pairs], np.int8)
    report = compare_outputs(expected, actual)
    assert report.passed == (pairs == [(a, a) for a, _ in pairs])
    assert sum(report.histogram.values()) == len(pairs)
    assert report.elements_differing == sum(n for d, n in report.histogram.items() if d)
    assert report.max_error == max((abs(d) for d in report.histogram), default=0)
    assert json.loads(json.dumps(report.to_dict()))["elements"] == len(pairs)
