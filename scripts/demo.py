# SPDX-License-Identifier: Apache-2.0
"""The main job, once, end to end: model -> C -> firmware -> emulated Cortex-M4 -> every output byte compared."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from stm32_board_support import load_board
from stm32_cli import console, counter
from stm32_cli.errors import Exit
from stm32_cli.main import tell
from stm32_cli.project import memory
from stm32_cli.project.compiler import CompileOptions, compile_file, scratch
from stm32_cli.project.firmware import Build, build_firmware
from stm32_cli.project.models import ModelFolder, find_models
from stm32_cli.validation.run import Request, validate
from stm32_cli.validation.target import Destination, Plan

if TYPE_CHECKING:
    from stm32_board_support import Board
    from stm32_cli.validation.report import ValidationReport

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "digits"
MODEL = EXAMPLE / "digits_int8.tflite"
DIGITS = EXAMPLE / "digits_test.npz"


@dataclass(frozen=True)
class Accuracy:
    """How many of the labelled digits are read right."""

    target: int
    reference: int
    total: int


def labels_and_reference(count: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The labels of the first digits, and what the reference interpreter reads."""
    with np.load(DIGITS) as stored:
        labels, outputs = stored["labels"][:count], stored["out0"][:count]
    return labels, outputs.reshape(len(labels), -1).argmax(axis=1)


def measure(board: Board, model: ModelFolder, work: Path) -> tuple[memory.SizeReport, counter.Cost]:
    """Sizes and costs of SystemPerformance, which runs the model as a product would."""
    build = Build(board, "perf", [model], work / "perf", settings=(("RUNS", "2"),))
    build_firmware(build)
    with console.step("counting the instructions of one inference"):
        cost = counter.count(board, build.elf)
    return memory.measure(build), cost


def accuracy(report: ValidationReport, outputs: np.ndarray[Any, Any]) -> Accuracy:
    """Compares what target and reference read with the labels."""
    labels, reference = labels_and_reference(report.samples)
    target = outputs.reshape(report.samples, -1).argmax(axis=1)
    return Accuracy(int((target == labels).sum()), int((reference == labels).sum()), report.samples)


def result_text(report: ValidationReport, read: Accuracy, sizes: memory.SizeReport, cost: counter.Cost) -> str:
    """The summary that the demo prints."""
    size = sizes.sizes
    macs = int(report.info["macc"])
    rows = [
        ("digits", f"{read.total} labelled test digits, none of them trained on"),
        ("accuracy on target", f"{100 * read.target / read.total:.2f} % ({read.target} right)"),
        ("accuracy of reference", f"{100 * read.reference / read.total:.2f} % ({read.reference} right)"),
        ("bytes that differ", f"{report.bytes_differing} of {report.bytes_compared:,}"),
        ("instructions", f"{cost.instructions:,} per inference ({cost.instructions / macs:.2f} per MAC)"),
        ("Cortex-M4 cycles", f"{cost.cycles:,} per inference (modelled, no wait states)"),
        ("flash", f"{size.code + size.constants:,} B (code {size.code:,}, constants {size.constants:,})"),
        ("RAM", f"{size.activations:,} B activations"),
        ("stack", f"{report.profile['debug']['stack_usage']:,} B used by ai_run"),
    ]
    return "\n".join(f"{name:<22}: {value}" for name, value in rows)


def run(board_name: str, samples: int) -> int:
    """Runs the demo; returns the exit code."""
    started = time.monotonic()
    board = load_board(board_name)
    with scratch("stm32-demo-") as work:
        compiled = compile_file(MODEL, CompileOptions(board.descriptor.core, "digits"))
        folder = Path(compiled.write(work / "digits"))
        plan = Plan(MODEL, CompileOptions(), folder, work)
        report = validate(Request(Destination("board", board=board_name), samples, DIGITS), plan)
        sizes, cost = measure(board, find_models(folder)[0], work)
    console.result(result_text(report, accuracy(report, report.values[0]), sizes, cost))
    if not report.passed:
        console.message("error: the target does not compute what the reference computes")
        return Exit.OUTPUTS_DIFFER
    console.result(f"every output byte equals the reference's; {time.monotonic() - started:.0f} s")
    return Exit.OK


def main() -> int:
    """Reads the arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--board", default="qemu-mps2-an386", help="an emulated board (default: %(default)s)")
    parser.add_argument("--samples", type=int, default=400, help="test digits, 1 to 400 (default: %(default)s)")
    args = parser.parse_args()
    try:
        return run(args.board, args.samples)
    except BaseException as error:
        if isinstance(error, SystemExit):
            raise
        return tell(error)


if __name__ == "__main__":
    sys.exit(main())
