# SPDX-License-Identifier: Apache-2.0
"""The report of `stm32 quantize` as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stm32_cli.console import plain_table

if TYPE_CHECKING:
    from stm32_cli.quantization.compare import OutputFigures
    from stm32_cli.quantization.run import Report

_HEAD = ("output", "max error", "mean error", "range", "SNR dB", "cosine", "top-1 agrees")


def as_text(report: Report) -> str:
    """Lines of a report."""
    request, figures = report.request, report.comparison
    weights = "per channel" if request.per_channel else "per tensor"
    others = "that were not calibrated with" if report.held_out else "that were calibrated with, too"
    lines = [
        f"{request.output}: {report.sizes[1]:,} B, the float model has {report.sizes[0]:,} B",
        f"quantizer   : {report.quantizer}",
        f"format      : weights int8 {weights}, activations int{request.activation_bits}",
        f"calibrated  : on {report.calibrated} samples of {request.data}",
        f"compared    : quantized with float, on {report.compared} samples {others}",
        plain_table(_HEAD, [_row(entry) for entry in figures.outputs]),
    ]
    if figures.accuracy_float is not None and figures.accuracy_quantized is not None:
        lines.append(
            f"accuracy    : {figures.accuracy_float:.2%} float, {figures.accuracy_quantized:.2%} quantized, "
            f"of {report.compared} labelled samples"
        )
    return "\n".join(lines)


def _row(entry: OutputFigures) -> tuple[str, ...]:
    return (
        entry.name,
        f"{entry.max_error:.6g}",
        f"{entry.mean_error:.6g}",
        f"{entry.float_range:.6g}",
        _given(entry.snr_db, ".1f"),
        _given(entry.cosine, ".6f"),
        _given(entry.top1_agreement, ".2%"),
    )


def _given(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
