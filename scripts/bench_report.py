# SPDX-License-Identifier: Apache-2.0
"""The tables of `make bench`, and the comparison with what was committed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "benchmarks"
FILES = {
    "ad01": "mlperf_tiny_ad01_int8",
    "kws_ref": "mlperf_tiny_kws_ref_int8",
    "resnet": "mlperf_tiny_resnet_int8",
    "strww": "mlperf_tiny_strww_int8",
    "vww": "mlperf_tiny_vww_int8",
    "resnet_float": "mlperf_tiny_resnet_float",
}
GUARDED = 0.02
COMPARED = ("instructions", "cycles", "instructions_m7", "code", "constants", "activations", "stack", "stack_bound")
# Upper bounds to reach: M4 cycles, M4 instructions, activations; None: no bound is set.
TARGETS: dict[str, tuple[int | None, int | None, int | None]] = {
    "ad01": (340_000, 250_000, 1_024),
    "kws_ref": (3_700_000, 2_900_000, 9_500),
    "resnet": (14_000_000, 11_200_000, 35_500),
    "strww": (1_050_000, 850_000, 5_000),
    "vww": (6_500_000, 5_200_000, 38_500),
    "resnet_float": (50_000_000, 24_000_000, None),
}
UNFOLDED = {"vww": (10_800_000, 8_600_000, None)}
# TensorFlow Lite Micro with CMSIS-NN, counted the same way in August 2026: cycles, instructions, arena, code at -Os.
TFLM: dict[str, tuple[int | None, int, int, int]] = {
    "ad01": (721_888, 582_240, 3_024, 23_100),
    "kws_ref": (9_192_390, 7_697_200, 22_820, 46_484),
    "resnet": (35_511_948, 29_860_720, 54_996, 43_616),
    "strww": (2_689_847, 2_225_760, 16_596, 44_396),
    "vww": (29_108_741, 24_101_480, 100_708, 46_484),
    "resnet_float": (None, 88_068_520, 199_120, 89_996),
}
_APP_TARGETS = {"valid": ("Validation", 20_480), "perf": ("SystemPerformance", 16_384)}


def load(file: Path) -> dict[str, Any]:
    """What was committed; empty if it is not there or of another form."""
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and found.get("schema") == 1 else {}


def rows_of(record: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Model, variant and row, of all rows that were measured on their own."""
    for short, variants in record.get("models", {}).items():
        for variant, row in variants.items():
            if "same_as" not in row:
                yield short, variant, row


def _pairs(before: dict[str, Any], after: dict[str, Any]) -> Iterator[tuple[str, str, int, int]]:
    """Row, figure, value before, value after, of all figures that are in both."""
    old = {(short, variant): row for short, variant, row in rows_of(before)}
    for short, variant, row in rows_of(after):
        for key in COMPARED:
            was = old.get((short, variant), {}).get(key)
            if was is not None and row.get(key) is not None:
                yield f"{short}, {variant}", key, was, row[key]


def _change(was: int, now: int) -> str:
    return f"{now - was:+,} ({(now - was) / was:+.1%})" if was else f"{now - was:+,}"


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """One line for each figure that changed."""
    lines = [f"{name}: {key} {was:,} -> {now:,}, {_change(was, now)}"
             for name, key, was, now in _pairs(before, after) if was != now]  # fmt: skip
    if before and before.get("compiler") != after["compiler"]:
        lines.insert(0, f"other compiler: {before.get('compiler')} -> {after['compiler']}; figures are not comparable")
    return lines


def grown(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Figures that are worse than they may be; none if another compiler was used."""
    if before.get("compiler") != after["compiler"]:
        return []
    return [f"{name}: {key} {was:,} -> {now:,}, {_change(was, now)}"
            for name, key, was, now in _pairs(before, after) if now > was * (1 + GUARDED)]  # fmt: skip


def _table(head: list[str], rows: list[list[Any]]) -> list[str]:
    def line(cells: list[Any]) -> str:
        return "| " + " | ".join(_cell(cell) for cell in cells) + " |"

    return [line(head), "|" + "---|" * len(head), *map(line, rows), ""]


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _bound(short: str, variant: str) -> tuple[int | None, int | None, int | None]:
    """Of a row: without folded channels the slower bound holds."""
    return UNFOLDED[short] if short in UNFOLDED and variant == "constant-channels-off" else TARGETS[short]


def _against(value: int | None, bound: int | None) -> str:
    if bound is None:
        return "-"
    if value is None:
        return f"{bound:,} not shown"
    return f"{bound:,} {'met' if value <= bound else f'missed by {value / bound - 1:.1%}'}"


def _speed(record: dict[str, Any]) -> list[str]:
    rows = []
    for short, variant, row in rows_of(record):
        cycles, instructions, _ = _bound(short, variant)
        rows.append([
            short, variant, row["macs"], row["cycles"], _against(row["cycles"], cycles), row["cycles_per_mac"],
            row["instructions"], _against(row["instructions"], instructions), row["instructions_m7"],
            f"{row['instructions_m7'] / row['instructions']:.3f}", TFLM[short][0], TFLM[short][1],
        ])  # fmt: skip
    head = ["model", "options", "MACs", "M4 cycles", "target", "per MAC", "M4 instructions", "target"]
    return _table([*head, "M7 instructions", "M7/M4", "TFLM cycles", "TFLM instructions"], rows)


def _sizes(record: dict[str, Any]) -> list[str]:
    rows = [
        [short, variant, row["activations"], _against(row["activations"], _bound(short, variant)[2]), TFLM[short][2],
         row["stack"], row["stack_bound"], _against(row["stack_bound"], 512), row["code"], TFLM[short][3],
         row["constants"], row["compile_s"]]
        for short, variant, row in rows_of(record)
    ]  # fmt: skip
    head = [
        "model",
        "options",
        "activations",
        "target",
        "TFLM arena",
        "stack",
        "bound",
        "target",
        "code",
        "TFLM code -Os",
    ]
    return _table([*head, "constants", "compile s"], rows)


def _split(record: dict[str, Any]) -> list[str]:
    parts = ("model", "kernels", "runtime", "libc", "app")
    rows = [
        [short, variant, *(row["split"][part] for part in parts), row["constants"]]
        for short, variant, row in rows_of(record)
    ]
    return _table(["model", "options", *parts, "constants"], rows)


def _same(record: dict[str, Any]) -> list[str]:
    same = [f"{short}: {variant} = {row['same_as']}" for short, rows in record["models"].items()
            for variant, row in rows.items() if "same_as" in row]  # fmt: skip
    return [f"Options that change nothing: {'; '.join(same)}.", ""] if same else []


def _layers(record: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    for short, variant, row in rows_of(record):
        if variant == "default":
            cells = [
                [e["name"], e["schedule"], e["macs"], e["instructions"], e["cycles"],
                 f"{e['cycles'] / e['macs']:.2f}" if e["macs"] else "-"]
                for e in row["layers"]
            ]  # fmt: skip
            head = ["layer", "schedule", "MACs", "M4 instructions", "M4 cycles", "cycles/MAC"]
            lines += [f"### {short}", *_table(head, cells)]
    return lines


def _functions(record: dict[str, Any]) -> list[str]:
    rows = [
        [short, name, instructions, cycles]
        for short, variant, row in rows_of(record)
        if variant == "default"
        for name, (instructions, cycles) in sorted(row["functions"].items(), key=lambda item: -item[1][1])[:5]
    ]
    return _table(["model", "function", "instructions", "cycles"], rows)


def _firmware(record: dict[str, Any]) -> list[str]:
    rows = [[_APP_TARGETS[app][0], size, _against(size, _APP_TARGETS[app][1])] for app, size in
            record["firmware"].items()]  # fmt: skip
    return _table(["firmware without a model", "flash", "target"], rows)


def markdown(record: dict[str, Any], about: str) -> str:
    """All tables. ``about`` is the text that says how it was measured; its first line is left out."""
    lines = [
        "# Benchmarks", "", *about.strip().splitlines()[2:], f"Compiler: arm-none-eabi-gcc {record['compiler']}.", "",
        "## Speed, one inference", *_speed(record), *_same(record),
        "## Memory, bytes", *_sizes(record), *_firmware(record),
        "## Who brings the code, bytes", *_split(record),
        "## Layers, default options", *_layers(record),
        "## Functions that cost most, default options", *_functions(record),
        "`make bench` measures anew into build/bench, prints what changed against this page's figures, and fails where",
        f"one is worse by more than {GUARDED:.0%}; `make bench UPDATE=1` accepts the measured ones.", "",
    ]  # fmt: skip
    return "\n".join(lines)
