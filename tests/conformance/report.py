# SPDX-License-Identifier: Apache-2.0
"""The committed summary of a campaign."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.conformance.toolchain import MACHINES

if TYPE_CHECKING:
    from tests.conformance.campaign import Part, PartResult


@dataclass
class Row:
    """Sums for one operator and number format on one machine; seeds are ``first`` to ``stop - 1``."""

    first: int
    stop: int
    commit: str
    cases: int = 0
    equal: int = 0
    compared: int = 0
    differing: int = 0


def write_report(results: Mapping[Part, PartResult], commit: str, folder: Path) -> None:
    """Adds what ran to RESULTS.json and writes RESULTS.md from it; other machines' and operators' rows stay."""
    path = folder / "RESULTS.json"
    rows = json.loads(path.read_text("utf-8")) if path.exists() else {}
    for (machine, op, dtype), row in _sums(results, commit).items():
        rows.setdefault(machine, {}).setdefault(op, {})[dtype] = vars(row)
    path.write_text(json.dumps(rows, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    (folder / "RESULTS.md").write_text(_markdown(rows), encoding="utf-8")


def _sums(results: Mapping[Part, PartResult], commit: str) -> dict[tuple[str, str, str], Row]:
    """Rows of the parts whose seeds follow each other from the first one on."""
    sums: dict[tuple[str, str, str], Row] = {}
    for part, result in sorted(results.items()):
        row = sums.setdefault((part.machine, part.op, part.dtype), Row(part.first, part.first, commit))
        if part.first != row.stop:
            continue
        row.stop += part.count
        row.cases += result.cases
        row.equal += result.equal
        row.compared += result.compared
        row.differing += result.differing
    return sums


def _markdown(rows: dict[str, dict[str, dict[str, dict[str, Any]]]]) -> str:
    lines = [
        "# Conformance campaign",
        "",
        f"Reference: the interpreter of ai-edge-litert {_version('ai-edge-litert')} with BUILTIN_REF; five input sets",
        "for each case. Operators that it lacks (COS, ELU, ROUND, SUM of int8 and int16) are computed by LiteRT's",
        "other kernels. A case is equal if every byte of an integer output is, and every element of a float output",
        "within 1e-5 of the output's range, or one unit in its last place. Case number s is made again from operator,",
        "number format and s. The models of a batch are compiled as one file under the project's strict flags, -Werror",
        "included. The last column is the commit that was run, with + where files differed from it. What a row does",
        "not have was not run.",
        "",
        "Made by `python -m tests.conformance.campaign --machines MACHINE --seeds FIRST --count N`.",
    ]
    for machine in [name for name in MACHINES if name in rows]:
        described = MACHINES[machine]
        total = [row for types in rows[machine].values() for row in types.values()]
        cases, equal = sum(row["cases"] for row in total), sum(row["equal"] for row in total)
        lines += ["", f"## {machine}: {cases} cases, {equal} equal", ""]
        lines += [f"`{described.compiler} {' '.join(described.flags)}`", ""]
        lines += ["| operator | format | seeds | cases | equal | bytes compared | differing | commit |"]
        lines += ["|---|---|---|---:|---:|---:|---:|---|"]
        for op, types in rows[machine].items():
            for dtype, row in types.items():
                seeds = f"{row['first']} to {row['stop'] - 1}"
                lines.append(
                    f"| {op} | {dtype} | {seeds} | {row['cases']} | {row['equal']} | {row['compared']} "
                    f"| {row['differing']} | {row.get('commit') or row['sources']} |"
                )
    return "\n".join(lines) + "\n"


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "unknown"
