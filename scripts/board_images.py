# SPDX-License-Identifier: Apache-2.0
"""Both applications with each model of the zoo for the real boards: what fits and what it takes, docs/board-images.md.

One image per board, layout, application and model, with default options. What does not fit is listed with the reason
that `stm32 build` gives.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PLACES = (("nucleo-f412zg", "default"), ("disco-h747i", "config1"), ("disco-h747i", "config4"))
APPS = ("perf", "valid")
PROOF = """## What of this is proven, and how

| board, layout | models | by |
|---|---|---|
| all | all | linked: no memory is exceeded, sections lie where the layout says |
| nucleo-f412zg; disco-h747i config1, config4 | those of tests/emulated_chips | the same images run from reset on |
| | | emulated chips: banner, the Validation conversation over the UART, every output byte |
| qemu-netduinoplus2 (the F4 port on an STM32F405) | kws, strww, ad01 | QEMU: every output byte |
| qemu-mps2-an386, -an500 (the same kernels) | the zoo but squeezenet11_384 | QEMU: every output byte; |
| | | cycles: docs/benchmarks.md, docs/zoo-costs.md |
| boards on a desk | none | not tried, no board is at hand: `stm32 selftest -b BOARD` is the list to go through |"""


def stm32(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command `stm32` of this environment."""
    argv = [sys.executable, "-m", "stm32_cli", *arguments]
    return subprocess.run(argv, check=False, capture_output=True, text=True)


def reason(done: subprocess.CompletedProcess[str]) -> str:
    """Why a command failed: its message and, where a memory is too small, the line that says by how much."""
    lines = [line.strip() for line in done.stderr.splitlines()]
    at = next((i for i, line in enumerate(lines) if line.startswith("error: ")), None)
    if at is None:
        return f"exit {done.returncode}"
    needs = [line.partition("; largest")[0] for line in lines[at + 1 :] if ": needs " in line]
    first = lines[at + 1] if lines[at].endswith(":") and at + 1 < len(lines) else ""
    return "; ".join(needs) or f"{lines[at].removeprefix('error: ')} {first}".strip()


def build(folder: Path, board: str, layout: str, app: str, work: Path) -> dict[str, int] | str:
    """Bytes per memory of an image, or why there is none."""
    target = work / f"{board}_{layout}_{app}"
    done = stm32("build", str(folder), "-b", board, "--layout", layout, "--app", app, "-d", str(target), "--json")
    if done.returncode != 0:
        return reason(done)
    report: dict[str, Any] = json.loads(done.stdout)
    return {region["name"]: int(region["used"]) for region in report["regions"] if region["used"]}


def cell(images: list[dict[str, int] | str]) -> str:
    """Both applications of one model on one layout."""
    refused = [image for image in images if isinstance(image, str)]
    if refused:
        return f"refused: {refused[0]}"
    found = [image for image in images if isinstance(image, dict)]
    names = [name for name in found[0] if name != "second_core"]
    return ", ".join(f"{name} {' / '.join(f'{image[name]:,}' for image in found)}" for name in names)


def row(path: Path) -> str:
    """The line of the table for a model."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        done = stm32("compile", str(path), "-o", str(work / "m"), "-n", "m")
        if done.returncode != 0:
            cells = [f"not compiled: {reason(done)}"] + [""] * (len(PLACES) - 1)
        else:
            cells = [cell([build(work / "m", board, layout, app, work) for app in APPS]) for board, layout in PLACES]
    line = f"| {path.stem} | {' | '.join(cells)} |"
    print(line, file=sys.stderr)
    return line


def rows(models: list[Path]) -> list[str]:
    """A line for each model, as many at a time as there are cores."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(row, models))


def page(lines: list[str], selected: bool) -> str:
    """The whole document; `selected`: of some models only."""
    places = " | ".join(f"{board}, {layout}" for board, layout in PLACES)
    head = ["# Images for the real boards", "", *(__doc__ or "").strip().splitlines()[2:], ""]
    head += [
        "Bytes per memory: SystemPerformance / Validation. Flash holds code, weights (but for config4) and initial"
    ]
    head += ["values; dtcm and ram hold stack and variables, ram the activations, too.", ""]
    head += ["A selection of the models; without `--models` the script builds all.", ""] if selected else []
    head += [f"| model | {places} |", "|" + "---|" * (len(PLACES) + 1)]
    return "\n".join([*head, *lines, "", PROOF, "", "Reproduce with `python scripts/board_images.py`."]) + "\n"


def main() -> int:
    """Builds, and writes the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--zoo", type=Path, default=ROOT.parent / "shared" / "models")
    parser.add_argument("--models", nargs="*", default=[], help="names without suffix; none: all .tflite files")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "board-images.md")
    options = parser.parse_args()
    chosen = [
        p for p in sorted((options.zoo / "models").glob("*.tflite")) if not options.models or p.stem in options.models
    ]
    options.output.write_text(page(rows(chosen), bool(options.models)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
