# SPDX-License-Identifier: Apache-2.0
"""Both applications with each model of the zoo for the boards: what fits, what it takes, what it answers.

    python -m tests.emulated_chips.campaign [--models NAME ...]

Every image that fits runs from reset on the emulated chip: the Validation firmware answers the first stored sample over
its UART, SystemPerformance reports. What is done is kept in docs/board-images.json and not done again while model,
compiler and firmware stay as they are; docs/board-images.md is written from it. Exit status: 0 every answer is equal,
1 one is not.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import stm32_runtime_c
from ai_runner.compare import compare_outputs
from ai_runner.errors import AiRunnerError
from stm32_board_support import load_board
from stm32_cli.project.firmware import Build
from stm32_cli.project.models import ModelFolder, find_models
from stm32_emitter import compile_model
from stm32_emitter.errors import EmitterError

from tests.images import linked

from .board_page import PLACES, page
from .boards import make_machine, runner_on
from .chip.bus import ChipError
from .chip.machine import Machine

ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT / "docs" / "board-images.json"
PAGE = ROOT / "docs" / "board-images.md"
REPORT_INSTRUCTIONS = 40_000_000
"""A performance report is awaited up to here; of longer ones the banner and the model's description only."""
SECONDS = 40.0
"""Emulated seconds that one inference may take."""
LINE_CYCLES = 540_000_000
"""An input that takes the line longer than that is not sent: every byte is 87 us, and the core polls all the while."""


def _validation(machine: Machine, data: Path) -> dict[str, Any]:
    """What the Validation firmware answers to the first stored sample.

    Returns:
        Nothing where no output is stored; else bytes and differing: of all outputs; passed: 1 if integers are equal and
        floats within 1e-5 of their range; instructions: of the inference. Or left_out: why it was not asked.
    """
    with np.load(data) as stored:
        sample = {key: stored[key][:1] for key in stored.files if re.fullmatch(r"(in|out)\d+", key)}
    if "out0" not in sample:
        return {}
    inputs = [sample[f"in{i}"] for i in range(sum(key.startswith("in") for key in sample))]
    size = sum(array.nbytes for array in inputs)
    if size / 11520 * machine.hz > LINE_CYCLES:
        return {"left_out": f"its input of {size:,} bytes takes the line {size / 11520:.0f} s"}
    with runner_on(machine, timeout=SECONDS) as runner:
        outputs, profile = runner.invoke(inputs, timeout=SECONDS)
    expected = [sample[f"out{i}"] for i in range(len(outputs))]
    reports = [compare_outputs(e, np.asarray(o).reshape(e.shape)) for e, o in zip(expected, outputs, strict=True)]
    return {
        "bytes": sum(report.bytes_compared for report in reports),
        "differing": sum(report.bytes_differing for report in reports),
        "passed": int(all(report.passed for report in reports)),
        "instructions": int(profile["debug"]["counters"]["values"][0][0]),
    }


def _performance(machine: Machine, instructions: int) -> dict[str, str]:
    """How far the performance report is awaited, and that it came; ten inferences for its averages."""
    whole = 10 * instructions <= REPORT_INSTRUCTIONS
    machine.run_until_text("used heap" if whole else "keys:", 4 * REPORT_INSTRUCTIONS)
    return {"report": "whole" if whole else "banner"}


def _image(build: Build) -> dict[str, Any]:
    """Bytes per memory of an image, or why there is none."""
    found = linked(build)
    return {"refused": found} if isinstance(found, str) else {"bytes": found}


def _is_double(machine: Machine, pc: int | None) -> bool:
    """Whether there is an instruction on numbers of double precision: one of coprocessor 11."""
    for address, content in machine.image.segments:
        if pc is not None and address <= pc < address + len(content) - 3:
            at = pc - address
            return content[at + 1] & 0xFC == 0xEC and content[at + 3] & 0x0F == 0x0B
    return False


def _proven(kind: Callable[[Machine], dict[str, Any]], build: Build) -> dict[str, Any]:
    """What an image did on the emulated chip, or which rule it broke."""
    machine = make_machine(build.board.name, build.elf)
    try:
        return kind(machine)
    except (ChipError, AiRunnerError, AssertionError) as error:
        if isinstance(error, ChipError) and "undefined instruction" in str(error) and _is_double(machine, error.pc):
            return {"left_out": f"double precision, which the emulated core lacks ({str(error).splitlines()[0]})"}
        return {"failed": str(error).splitlines()[0]}


def _place(models: list[ModelFolder], board: str, layout: str, work: Path, data: Path) -> dict[str, Any]:
    """Both applications on a layout of a board."""
    found: dict[str, Any] = {}
    for app in ("valid", "perf"):
        build = Build(load_board(board), app, models, work / f"{board}-{layout}-{app}", layout)
        found[app] = _image(build)
        if "refused" in found[app]:
            continue
        if app == "valid" and data.exists():
            found[app]["proof"] = _proven(lambda machine: _validation(machine, data), build)
        elif app == "perf":
            cost = found["valid"].get("proof", {}).get("instructions", REPORT_INSTRUCTIONS)
            found[app]["proof"] = _proven(lambda machine, cost=cost: _performance(machine, cost), build)
    return found


def _emit(path: Path, work: Path) -> dict[str, list[ModelFolder]]:
    """The model's C for each board, in the same folders for every model."""
    found = {}
    for board in dict.fromkeys(board for board, _ in PLACES):
        target = load_board(board).descriptor.core
        found[board] = find_models(compile_model(path, target=target, name="m").write(work / board / "m", force=True))
    return found


def _digest(emitted: dict[str, list[ModelFolder]]) -> str:
    """12 hexadecimal digits that tell apart what images are made of."""
    folders = [model.path for models in emitted.values() for model in models]
    folders += [Path(stm32_runtime_c.include_dir()).parent, ROOT / "firmware", ROOT / "Boards"]
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(p for p in folder.rglob("*") if p.suffix in (".c", ".h", ".toml", ".in", ".txt", ".cmake")):
            digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def examine(path: Path, data: Path, before: dict[str, Any], work: Path) -> dict[str, Any]:
    """A model on all layouts.

    Args:
        path: of the .tflite file.
        data: its stored samples; without the file nothing is compared.
        before: what is on record of it; returned if it still holds.
        work: for builds; used again for the next model, which saves what does not change.
    """
    try:
        emitted = _emit(path, work)
    except EmitterError as error:
        return {"refused": str(error).splitlines()[0]}
    digest = _digest(emitted)
    if before.get("digest") == digest:
        return before
    images = {f"{board}/{layout}": _place(emitted[board], board, layout, work, data) for board, layout in PLACES}
    return {"digest": digest, "images": images}


def _work(path: Path, data: Path, before: dict[str, Any]) -> dict[str, Any]:
    """A model, in a work folder that is this process's own."""
    return examine(path, data, before, Path(tempfile.gettempdir()) / f"stm32-board-images-{os.getpid()}")


def _failures(record: dict[str, Any]) -> Iterator[str]:
    """What differs or failed."""
    for model, found in record.items():
        for place, apps in found.get("images", {}).items():
            for app, image in apps.items():
                proof = image.get("proof", {})
                if "failed" in proof or proof.get("passed") == 0:
                    yield f"{model} {place} {app}: {proof}"


def _load() -> dict[str, Any]:
    return json.loads(RECORD.read_text("utf-8")) if RECORD.exists() else {}


def _save(record: dict[str, Any]) -> None:
    part = RECORD.with_suffix(".part")
    part.write_text(json.dumps(dict(sorted(record.items())), indent=1) + "\n", "utf-8")
    part.replace(RECORD)
    PAGE.write_text(page(record), "utf-8")


def main() -> int:
    """Does what is not done, writes both files after each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zoo", type=Path, default=ROOT.parent / "shared" / "models")
    parser.add_argument("--models", nargs="*", default=[], help="names without suffix; none: all .tflite files")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    record, names = _load(), set(options.models)
    chosen = [path for path in sorted((options.zoo / "models").glob("*.tflite")) if not names or path.stem in names]
    data = [options.zoo / "data" / f"{path.stem}.npz" for path in chosen]
    with ProcessPoolExecutor(options.workers) as pool:
        found = pool.map(_work, chosen, data, [record.get(path.stem, {}) for path in chosen])
        for path, images in zip(chosen, found, strict=True):
            record[path.stem] = images
            _save(record)
            sys.stdout.write(f"{path.stem}\n")
            sys.stdout.flush()
    failures = list(_failures(record))
    sys.stdout.writelines(f"{failure}\n" for failure in failures)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
