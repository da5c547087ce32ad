# SPDX-License-Identifier: Apache-2.0
"""How two outputs differ: bytes, largest and RMS error, L2r, cosine, histogram of integer differences. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ai_runner.errors import InvalidParamError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FLOAT_TOLERANCE", "OutputReport", "compare_outputs", "float_limit", "format_report"]

FLOAT_TOLERANCE = 1e-5
"""Largest accepted error of a float output, as a part of the expected output's range."""


@dataclass(frozen=True)
class OutputReport:
    """Figures of one output over all samples.

    Attributes:
        name: of the output tensor.
        dtype: of its elements, as text.
        elements: compared.
        bytes_compared: elements times their size.
        bytes_differing: bytes that are not equal.
        elements_differing: elements that are not equal (two NaN are).
        max_error: largest absolute difference, in the elements' own unit (LSB for integers).
        rmse: root of the mean squared difference, in that unit.
        l2r: norm of the difference over the norm of the expected output; 0 when both are 0.
        cosine: similarity of the two as vectors, 1 when they point the same way; 1 when both are 0.
        tolerance: largest accepted error: 0 for integers and bool.
        histogram: integer difference (actual - expected) -> number of elements; empty for floats.
        passed: whether no element is beyond the tolerance.
    """

    name: str
    dtype: str
    elements: int
    bytes_compared: int
    bytes_differing: int
    elements_differing: int
    max_error: float
    rmse: float
    l2r: float
    cosine: float
    tolerance: float
    histogram: dict[int, int]
    passed: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dictionary that can be written as JSON."""
        fields = asdict(self)
        fields["histogram"] = {str(key): count for key, count in self.histogram.items()}
        return fields


def compare_outputs(
    expected: NDArray[Any], actual: NDArray[Any], *, name: str = "output", tolerance: float = FLOAT_TOLERANCE,
    allowed: float = 0.0,
) -> OutputReport:  # fmt: skip
    """Compare two arrays of one shape and dtype: integers and bool exactly, floats within a part of the expected range.

    Args:
        expected: what the original computes, any shape.
        actual: what came from the device.
        name: for the report.
        tolerance: for floats, see :func:`float_limit`.
        allowed: a difference that is allowed anyway, in the unit of the elements.

    Raises:
        InvalidParamError: shapes or dtypes differ.
    """
    if expected.shape != actual.shape or expected.dtype != actual.dtype:
        raise InvalidParamError(
            f"{name}: cannot compare {expected.dtype}{list(expected.shape)} with {actual.dtype}{list(actual.shape)}"
        )
    is_float = expected.dtype.kind == "f"
    difference = _difference(expected, actual)
    limit = max(float_limit(expected, tolerance) if is_float else 0.0, allowed)
    largest = float(np.max(np.abs(difference), initial=0.0))
    return OutputReport(
        name=name,
        dtype=str(expected.dtype),
        elements=expected.size,
        bytes_compared=expected.nbytes,
        bytes_differing=int(np.count_nonzero(_bytes_of(expected) != _bytes_of(actual))),
        elements_differing=int(np.count_nonzero(difference)),
        max_error=largest,
        rmse=float(np.sqrt(np.mean(difference.astype(np.float64) ** 2))) if difference.size else 0.0,
        l2r=_l2r(expected, difference),
        cosine=_cosine(expected, actual),
        tolerance=limit,
        histogram={} if is_float else _histogram(difference),
        passed=bool(largest <= limit),
    )


def _bytes_of(value: NDArray[Any]) -> NDArray[np.uint8]:
    return np.frombuffer(np.ascontiguousarray(value).tobytes(), dtype=np.uint8)


def _difference(expected: NDArray[Any], actual: NDArray[Any]) -> NDArray[Any]:
    """Return actual - expected, flat and exact: integers as int64 or Python integers, equal or both NaN floats as 0."""
    if expected.dtype.kind != "f":
        wide = object if expected.dtype.itemsize == 8 else np.int64
        return np.asarray(actual.astype(wide) - expected.astype(wide)).reshape(-1)
    first, second = expected.astype(np.float64).reshape(-1), actual.astype(np.float64).reshape(-1)
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    with np.errstate(invalid="ignore"):
        difference = np.where(same, 0.0, second - first)
    return np.where(np.isnan(difference), np.inf, difference)


def float_limit(expected: NDArray[Any], tolerance: float = FLOAT_TOLERANCE) -> float:
    """Largest accepted error of a float output.

    Args:
        expected: what the original computes, any shape.
        tolerance: part of (max - min) of ``expected``; of max abs when that range is 0.

    Returns:
        That part, or one unit in the last place of the greatest magnitude where it is less: the dtype knows no smaller
        difference.
    """
    finite = expected[np.isfinite(expected)]
    if finite.size == 0:
        return 0.0
    largest = np.max(np.abs(finite))
    span = float(np.max(finite)) - float(np.min(finite)) or float(largest)
    return max(tolerance * span, float(largest - np.nextafter(largest, largest.dtype.type(0))))


def _finite(value: NDArray[Any]) -> NDArray[np.float64]:
    flat = value.astype(np.float64).reshape(-1)
    return np.where(np.isfinite(flat), flat, 0.0)


def _l2r(expected: NDArray[Any], difference: NDArray[Any]) -> float:
    error = float(np.linalg.norm(difference.astype(np.float64)))
    norm = float(np.linalg.norm(_finite(expected)))
    if error == 0.0:
        return 0.0
    return error / norm if norm else float("inf")


def _cosine(expected: NDArray[Any], actual: NDArray[Any]) -> float:
    first, second = _finite(expected), _finite(actual)
    norms = float(np.linalg.norm(first)) * float(np.linalg.norm(second))
    if norms == 0.0:
        return 1.0 if np.array_equal(first, second) else 0.0
    return min(1.0, float(np.dot(first, second)) / norms)


def _histogram(difference: NDArray[Any]) -> dict[int, int]:
    values, counts = np.unique(difference, return_counts=True)
    return {int(value): int(count) for value, count in zip(values, counts, strict=True)}


def format_report(report: OutputReport) -> str:
    """Return the figures of one output as text."""
    verdict = "ok" if report.passed else "DIFFERS"
    lines = [
        f"output {report.name} {report.dtype}: {verdict}",
        f"  bytes      : {report.bytes_compared:,} compared, {report.bytes_differing:,} differ",
        f"  error      : max {report.max_error:.6g}, RMS {report.rmse:.6g}",
        f"  similarity : L2r {report.l2r:.6g}, cosine {report.cosine:.9f}",
    ]
    if report.histogram:
        shown = sorted(report.histogram.items(), key=lambda item: (-item[1], item[0]))[:16]
        more = f", {len(report.histogram) - len(shown)} more" if len(report.histogram) > len(shown) else ""
        lines.append("  difference : " + ", ".join(f"{key:+d}: {count:,}" for key, count in sorted(shown)) + more)
    else:
        lines.append(f"  tolerance  : {report.tolerance:.6g}")
    return "\n".join(lines)
