# SPDX-License-Identifier: Apache-2.0
"""Costs of the MLPerf Tiny models on the emulated boards, as Markdown and JSON in docs/.

One image per model and board with default options; one inference of SystemPerformance, between ai_bench_begin and
ai_bench_end. Instructions are exact; cycles follow the timing table of the Cortex-M4 Technical
Reference Manual, without wait states. Stack is measured by painting, with the kernels of the runtime included.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from stm32_board_support import load_board
from stm32_board_support.emulator import run_to_end
from stm32_cli import counter
from stm32_cli.main import tell
from stm32_cli.project import memory
from stm32_cli.project.compiler import scratch
from stm32_cli.project.firmware import Build, build_firmware
from stm32_cli.project.models import find_models

ROOT = Path(__file__).resolve().parents[1]
MODELS = ("ad01", "kws_ref", "resnet", "strww", "vww")
COLUMNS = (
    ("model", "model"), ("compile_s", "compile s"), ("macs", "MACs"), ("instructions", "M4 instructions"),
    ("cycles", "M4 cycles"), ("cycles_per_mac", "cycles/MAC"), ("instructions_m7", "M7 instructions"),
    ("code", "code B"), ("constants", "constants B"), ("activations", "activations B"), ("stack", "stack B"),
)  # fmt: skip


def zoo() -> Path:
    """The folder with the models."""
    folder = Path(os.environ.get("STM32_MODEL_ZOO") or ROOT.parent / "shared" / "models")
    if not (folder / "models").is_dir():
        sys.exit("bench: set STM32_MODEL_ZOO to the folder of the models")
    return folder


def compile_timed(model: Path, folder: Path, name: str) -> float:
    """Compiles in a process of its own, as a user does; seconds, TVM's import included."""
    started = time.monotonic()
    argv = [sys.executable, "-m", "stm32_cli", "compile", str(model), "-o", str(folder), "-n", name]
    subprocess.run(argv, check=True, capture_output=True)
    return time.monotonic() - started


def measure(short: str, work: Path) -> dict[str, Any]:
    """One row of the table."""
    model = zoo() / "models" / f"mlperf_tiny_{short}_int8.tflite"
    seconds = compile_timed(model, work / short, short)
    found = find_models(work / short)
    build = Build(load_board("qemu-mps2-an386"), "perf", found, work / f"{short}_m4")
    build_firmware(build)
    cost, sizes = counter.count(build.board, build.elf), memory.measure(build).sizes
    m7 = Build(load_board("qemu-mps2-an500"), "perf", found, work / f"{short}_m7")
    build_firmware(m7)
    macs = json.loads((work / short / f"{short}.json").read_text())["macs"]
    stack = re.search(r"used stack\s*:?\s*([\d,]+)", run_to_end(build.board, build.elf, timeout=300)[1])
    return {
        "model": model.stem, "compile_s": round(seconds, 1), "macs": macs, "instructions": cost.instructions,
        "cycles": cost.cycles, "cycles_per_mac": round(cost.cycles / macs, 2),
        "instructions_m7": counter.count(m7.board, m7.elf).instructions, "code": sizes.code,
        "constants": sizes.constants, "activations": sizes.activations,
        "stack": int(stack[1].replace(",", "")) if stack else None,
        "functions": {n: [f.instructions, f.cycles] for n, f in sorted(cost.functions.items())},
    }  # fmt: skip


def markdown(rows: list[dict[str, Any]]) -> str:
    """The table, and the five functions of each model that cost most."""
    lines = ["# Benchmarks", "", *(__doc__ or "").strip().splitlines()[2:], ""]
    lines += ["| " + " | ".join(title for _, title in COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    for row in rows:
        cells = [f"{row[k]:,}" if isinstance(row[k], int) else str(row[k]) for k, _ in COLUMNS]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "## Where the cycles go", "| model | function | instructions | cycles |", "|---|---|---|---|"]
    for row in rows:
        top = sorted(row["functions"].items(), key=lambda item: -item[1][1])[:5]
        lines += [f"| {row['model']} | {name} | {insn:,} | {cycles:,} |" for name, (insn, cycles) in top]
    return "\n".join([*lines, "", "Reproduce with `make bench`.", ""])


def main() -> int:
    """Measures and writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--models", nargs="*", default=MODELS, choices=MODELS)
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "docs", help="folder of benchmarks.md and .json")
    args = parser.parse_args()
    try:
        with scratch("stm32-bench-") as work:
            rows = [measure(short, work) for short in args.models]
    except BaseException as error:
        if isinstance(error, SystemExit):
            raise
        return tell(error)
    args.output.mkdir(parents=True, exist_ok=True)
    (args.output / "benchmarks.json").write_text(json.dumps(rows, indent=1) + "\n")
    (args.output / "benchmarks.md").write_text(markdown(rows))
    sys.stdout.write(markdown(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
