# SPDX-License-Identifier: Apache-2.0
"""The result of a validation, as text and as JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stm32_cli.console import plain_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ai_runner.compare import OutputReport
    from numpy.typing import NDArray

    from stm32_cli.validation.layers import LayerReport


@dataclass(frozen=True)
class ValidationReport:
    """What a validation found.

    Attributes:
        model: file that was validated.
        target: description of where it ran.
        reference: what the outputs were compared with.
        samples: inferences.
        outputs: figures of each output.
        info: what the firmware tells about model and device.
        profile: of the inferences.
        counter: what the target counts, e.g. "instructions" or "cycles".
        layers: figures of each layer, empty unless asked for.
        values: what the target computed, one array for each output, shape (samples, *tensor shape).
    """

    model: str
    target: str
    reference: str
    samples: int
    outputs: Sequence[OutputReport]
    info: dict[str, Any]
    profile: dict[str, Any]
    counter: str
    layers: Sequence[LayerReport] = field(default_factory=tuple)
    values: Sequence[NDArray[Any]] = field(default_factory=tuple)

    @property
    def passed(self) -> bool:
        """Whether every output and every layer is within its tolerance."""
        return all(output.passed for output in self.outputs) and all(layer.passed for layer in self.layers)

    @property
    def bytes_compared(self) -> int:
        """Of all outputs."""
        return sum(report.bytes_compared for report in self.outputs)

    @property
    def bytes_differing(self) -> int:
        """Of all outputs."""
        return sum(report.bytes_differing for report in self.outputs)

    @property
    def counts(self) -> list[int]:
        """What the target counted for each sample."""
        return [int(values[0]) for values in self.profile["debug"]["counters"]["values"] if values]

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        debug = self.profile["debug"]
        found = {
            "passed": self.passed,
            "model": self.model,
            "target": self.target,
            "reference": self.reference,
            "samples": self.samples,
            "bytes_compared": self.bytes_compared,
            "bytes_differing": self.bytes_differing,
            "outputs": [report.to_dict() for report in self.outputs],
            "durations_ms": debug["exec_times"],
            "counter": {"unit": self.counter, "values": self.counts},
            "stack_bytes": debug["stack_usage"],
            "layer_times": [
                {"name": node["name"], "durations_ms": node["c_durations"], "counters": node["counters"]["values"]}
                for node in self.profile["c_nodes"]
            ],
            "layers": [layer.to_dict() for layer in self.layers],
            "firmware": self.info,
        }
        return {key: finite(value) for key, value in found.items()}


def finite(value: Any) -> Any:
    """Replaces numbers that JSON has no word for (infinite, not a number) by None, at any depth."""
    if isinstance(value, dict):
        return {key: finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _average(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _cost_lines(report: ValidationReport) -> list[str]:
    times, counts = report.profile["debug"]["exec_times"], report.counts
    lines = []
    if times:
        lines.append(f"duration    : {_average(times):.3f} ms (min {min(times):.3f}, max {max(times):.3f})")
    if counts:
        spread = f"min {min(counts):,}, max {max(counts):,}"
        lines.append(f"{report.counter:<12}: {round(_average(counts)):,} per inference ({spread})")
    macs = report.info.get("macc") or 0
    if counts and macs:
        lines.append(f"MACs        : {macs:,}, {_average(counts) / macs:.2f} {report.counter} per MAC")
    stack = report.profile["debug"]["stack_usage"]
    lines.append(f"stack       : {stack:,} B used" if stack > 0 else "stack       : not measured")
    return lines


def _layer_times(report: ValidationReport) -> list[str]:
    nodes = report.profile["c_nodes"]
    if not nodes:
        return []
    total = sum(_average(node["c_durations"]) for node in nodes) or 1.0
    rows = []
    for number, node in enumerate(nodes):
        time = _average(node["c_durations"])
        count = _average([values[0] for values in node["counters"]["values"] if values])
        rows.append([str(number), node["name"], f"{time:.3f}", f"{100 * time / total:.1f}", f"{round(count):,}"])
    return ["", plain_table(["node", "name", "ms", "%", report.counter], rows)]


def _layer_lines(report: ValidationReport) -> list[str]:
    if not report.layers:
        return []
    rows = []
    for layer in report.layers:
        verdict = layer.note or ("equal" if not layer.bytes_differing else "ok" if layer.passed else "DIFFERS")
        if layer.unread:
            verdict += f" (but for {layer.unread} channels that no operator reads)"
        figures = [f"{layer.bytes_compared:,}", f"{layer.bytes_differing:,}", f"{layer.max_error:.6g}"]
        rows.append([str(layer.node), layer.name, *figures, verdict])
    return ["", plain_table(["node", "name", "bytes", "differ", "max error", "result"], rows)]


def first_difference_text(layer: LayerReport) -> str:
    """One sentence about the first layer that differs."""
    place = ", ".join(str(axis) for axis in layer.position)
    return (
        f"the first layer that differs is node {layer.node} {layer.name!r} (tensor {layer.tensor!r}): "
        f"{layer.bytes_differing:,} of {layer.bytes_compared:,} bytes, first at sample {layer.sample}, "
        f"element [{place}], largest difference {layer.max_error:.6g}"
    )


def as_text(report: ValidationReport) -> str:
    """The report as it is printed."""
    from ai_runner.compare import format_report

    verdict = "passed" if report.passed else "FAILED"
    name, signature = report.info.get("name", ""), report.info.get("signature") or "none"
    lines = [
        f"model       : {report.model} as {name!r}, signature {signature}",
        f"target      : {report.target}",
        f"compared to : {report.reference}",
        f"samples     : {report.samples}",
        *_cost_lines(report),
        "",
        *(format_report(output) for output in report.outputs),
        *_layer_times(report),
        *_layer_lines(report),
        "",
        f"{verdict}: {report.bytes_differing:,} of {report.bytes_compared:,} output bytes differ",
    ]
    return "\n".join(lines)
