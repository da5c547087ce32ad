# SPDX-License-Identifier: Apache-2.0
"""Runs a model on the host and holds it against its original's interpreter; tells which boards hold it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from stm32_board_support import load_board
from stm32_cli.project import analysis
from stm32_cli.project.firmware import Build
from stm32_cli.project.models import find_models
from stm32_cli.quantization.model import RunnableModel
from stm32_cli.quantization.run import Report
from stm32_emitter import CompiledModel, compile_model

from tests.conformance.batch import Array, Outcome, Stored, run_batch
from tests.conformance.toolchain import MACHINES
from tests.images import linked
from tests.mission.models import CALIBRATION, Seeded, images, inputs_of

BOARDS = ("nucleo-f412zg", "disco-h747i")


@dataclass(frozen=True)
class Run:
    """A model whose outputs the reference interpreter computes."""

    name: str
    model: bytes
    inputs: tuple[tuple[Array, ...], ...]


@dataclass(frozen=True)
class Nearness:
    """Float outputs of a quantized .onnx model, compiled and in onnxruntime; all are signal-to-noise ratios in dB.

    Attributes:
        compiled: of the compiled model against the float model.
        original: of onnxruntime's run of the quantized model against the float model.
        between: of the compiled model against onnxruntime's run.
        same_class: share of samples with the same largest element in the last two.
        largest: difference of the last two, in steps of the output's quantization.
    """

    compiled: float
    original: float
    between: float
    same_class: float
    largest: float


def run_exactly(model: Seeded, report: Report, folder: Path) -> Outcome:
    """A quantized .tflite model against the reference interpreter."""
    run = Run(model.name, report.request.output.read_bytes(), inputs_of(model, report))
    (outcome,) = run_batch([run], MACHINES["host"], folder)
    return outcome


def run_nearly(model: Seeded, report: Report, folder: Path) -> Nearness | str:
    """A quantized .onnx model against onnxruntime; what went wrong, if anything did."""
    samples = images(model, CALIBRATION + model.samples)[CALIBRATION:]
    exact, wanted = (RunnableModel(path).run([samples])[0] for path in (report.request.model, report.request.output))
    stored = Stored(
        model.name, report.request.output.read_bytes(), tuple((x,) for x in samples), tuple((y,) for y in wanted)
    )
    (outcome,) = run_batch([stored], MACHINES["host"], folder)
    if outcome.status not in ("equal", "differs"):
        return outcome.detail
    record = np.dtype([("model", "<u4"), ("y", np.float32, wanted[0].shape)])
    found = np.fromfile(folder / "results.bin", record)["y"]
    same = np.argmax(found.reshape(len(found), -1), 1) == np.argmax(wanted.reshape(len(wanted), -1), 1)
    step = float(np.min(np.diff(np.unique(wanted))))
    return Nearness(
        ratio(exact, found), ratio(exact, wanted), ratio(wanted, found), float(np.mean(same)),
        float(np.abs(found - wanted).max()) / step,
    )  # fmt: skip


def ratio(wanted: np.ndarray, found: np.ndarray) -> float:
    """10 log10(sum of squares / sum of squares of the differences); 200 without a difference."""
    noise = float(np.sum(np.square(found.astype(np.float64) - wanted)))
    return 10 * float(np.log10(np.sum(np.square(wanted.astype(np.float64))) / noise)) if noise else 200.0


@dataclass(frozen=True)
class Places:
    """What a model takes and where it fits.

    Attributes:
        macs: multiply-accumulates.
        constants: bytes, as linked.
        activations: bytes of a pool.
        fits: board -> layouts that hold the model and the Validation firmware after ``stm32 analyze``.
        images: board -> layout, the default one first -> bytes per memory of the linked Validation firmware, or why
            there is none.
    """

    macs: int
    constants: int
    activations: int
    fits: dict[str, list[str]]
    images: dict[str, dict[str, dict[str, int] | str]]


def places(name: str, model: bytes, work: Path) -> Places:
    """Compiles a model for the boards' cores and links it in each layout; figures are those of the first board.

    ``work`` is used again for the next model, which saves what does not change.
    """
    fits: dict[str, list[str]] = {}
    images: dict[str, dict[str, dict[str, int] | str]] = {}
    needs: list[tuple[CompiledModel, analysis.Needs]] = []
    for board in map(load_board, BOARDS):
        compiled = compile_model(model, name=name, target=board.descriptor.core)
        report = json.loads(compiled.files[f"{compiled.name}_report.json"])
        needs.append((compiled, analysis.needs_of(compiled.info, report)))
        layouts = analysis.fits(needs[-1][1], board, compiled.name)
        fits[board.name] = [entry.layout for entry in layouts if entry.fits]
        found = find_models(compiled.write(work / board.name, force=True))
        folder = work / f"{board.name}-build"  # one for all layouts: what differs is the linker script
        images[board.name] = {
            entry.layout: linked(Build(board, "valid", found, folder, entry.layout)) for entry in layouts
        }
    compiled, first = needs[0]
    return Places(compiled.macs, first.constants, first.activations, fits, images)
