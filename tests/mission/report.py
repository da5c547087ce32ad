# SPDX-License-Identifier: Apache-2.0
"""Measures the mission's models and writes docs/mission-models.json and .md:  python -m tests.mission.report

Each model is done once; results are kept model by model, so that it can be stopped. The full-size topologies take
minutes each, Inception v3 most of them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.conformance.batch import Outcome, run_batch
from tests.conformance.test_zoo_host import stored
from tests.conformance.toolchain import MACHINES
from tests.mission.models import FULL, REDUCED, TRAINED, Seeded, Trained, quantized
from tests.mission.run import BOARDS, places, run_exactly, run_nearly

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "mission-models.json"
PAGE = ROOT / "docs" / "mission-models.md"
ZOO = Path(os.environ.get("STM32_MODEL_ZOO", ROOT.parent / "shared" / "models"))


def measure_trained(model: Trained, folder: Path, images: Path, before: dict[str, Any]) -> dict[str, Any]:
    """A model of the zoo, against the outputs that are stored with it.

    Args:
        model: which.
        folder: for the model's own files.
        images: for images, of all models.
        before: what is on record of it; its runs on the host are not repeated.
    """
    case = stored(ZOO, model.name)
    return {
        "source": "model zoo, trained",
        "samples": len(case.inputs),
        "host": before.get("host") or _told(run_batch([case], MACHINES["host"], folder)[0]),
        **asdict(places(model.name, case.model, images)),
    }


def measure_seeded(model: Seeded, folder: Path, images: Path, before: dict[str, Any]) -> dict[str, Any]:
    """A topology with seeded weights, against the interpreter of its format; arguments as of the trained ones."""
    report = quantized(model, folder)
    if "host" in before:
        host = before["host"]
    elif model.kind == "tflite":
        host = _told(run_exactly(model, report, folder / "c"))
    else:
        nearness = run_nearly(model, report, folder / "c")
        host = {"status": nearness} if isinstance(nearness, str) else asdict(nearness)
    found = places(model.name, report.request.output.read_bytes(), images)
    return {"source": f"seeded weights, {report.quantizer}", "samples": model.samples, "host": host, **asdict(found)}


def _measure(model: Trained | Seeded, images: Path, before: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        if isinstance(model, Trained):
            return measure_trained(model, Path(folder), images, before)
        return measure_seeded(model, Path(folder), images, before)


def _told(outcome: Outcome) -> dict[str, Any]:
    return {"status": outcome.status, "bytes": outcome.compared, "differing": outcome.differing}


def page(results: dict[str, Any]) -> str:
    """The document."""
    lines = [
        *_HEAD,
        "| model | source | MACs | constants B | RAM B | on the host | " + " | ".join(BOARDS) + " |",
        "|---|---|---|---|---|---|" + "---|" * len(BOARDS),
    ]
    titles = {model.name: model.title for model in (*TRAINED, *FULL, *REDUCED)}
    for name, entry in results.items():
        fits = " | ".join(_images(entry, board) for board in BOARDS)
        lines.append(
            f"| {titles[name]} (`{name}`) | {entry['source']} | {entry['macs']:,} | {entry['constants']:,} | "
            f"{entry['activations']:,} | {_host(entry)} | {fits} |"
        )
    lines += ["", *_NOTES, ""]
    return "\n".join(lines)


_HEAD = (
    "# The mission's models",
    "",
    "Written by `python -m tests.mission.report`. Each model is compiled, run on the host and compared with its",
    "original's interpreter: .tflite byte by byte with LiteRT's reference kernels, .onnx with onnxruntime without",
    "optimisations. Boards: bytes that the Validation firmware with the model takes of each memory, as `stm32 build`",
    "links it in each layout, or why it does not fit. nucleo-f412zg has 1 MB of flash and 256 KB of RAM. disco-h747i",
    "has two banks of 1 MB of flash and, for activations, 512 KB of RAM (axi) in config1, 128 MB of QSPI flash and 32",
    "MB of SDRAM in config4; stack and variables lie in dtcm. *analyzed*: not linked; the layouts that `stm32 analyze`",
    "finds large enough.",
    "",
    "Trained models are those of the model zoo. For the full MobileNet, SqueezeNet at 224 and Inception no trained",
    "file is at hand: they have their published topologies (`tests/mission/topologies.py`) with seeded weights,",
    "quantized to int8 by `stm32 quantize`. Bytes and memory do not depend on what weights mean; accuracy does and is",
    "not told.",
    "",
)
_SAME = ("second_core",)
"""Memories of which every image takes the same."""
_NOTES = (
    "An .onnx model is rounded as onnxruntime's kernels of integers round (docs/frontends.md). Here it is held against",
    "onnxruntime without optimisations, which computes in float32 between the integers: sums fall on the other side of",
    "a tie for a few of a million elements, and nets of random weights carry each on to many. What is told is the",
    "signal-to-noise ratio to the float model of both, so that it can be seen whether compiling costs accuracy beyond",
    "what quantizing costs.",
)


def _host(entry: dict[str, Any]) -> str:
    host = entry["host"]
    if "between" in host:
        return (
            f"{host['compiled']:.1f} dB to the float model, onnxruntime {host['original']:.1f} dB; same class in "
            f"{host['same_class']:.0%} of {entry['samples']}"
        )
    return f"{host['status']}: {host['differing']:,} of {host['bytes']:,} bytes differ, {entry['samples']} samples"


def _images(entry: dict[str, Any], board: str) -> str:
    """The images of a board, one a line; of a model that was not linked what the analysis says."""
    if "images" not in entry:
        return f"analyzed: {', '.join(entry['fits'][board]) or 'no'}"
    return "<br>".join(
        f"{layout}: no: {found}"
        if isinstance(found, str)
        else f"{layout}: {', '.join(f'{memory} {size:,}' for memory, size in found.items() if memory not in _SAME)}"
        for layout, found in entry["images"][board].items()
    )


def _results() -> dict[str, Any]:
    """What the document holds."""
    found: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    return found


def main() -> int:
    """Measures what is missing, or what is named."""
    models = {model.name: model for model in (*TRAINED, *REDUCED, *FULL)}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", help=f"of {', '.join(models)}")
    parser.add_argument(
        "--images", action="store_true", help="compile and link anew; runs on the host stay as they are"
    )
    chosen = parser.parse_args()
    done, mine = _results(), dict[str, Any]()
    with tempfile.TemporaryDirectory() as images:
        for name in chosen.models or [name for name in models if chosen.images or name not in done]:
            start = time.monotonic()
            mine[name] = _measure(models[name], Path(images), done.get(name, {}) if chosen.images else {})
            sys.stderr.write(f"{name}: {mine[name]['host']}, {time.monotonic() - start:.0f} s\n")
            results = _results() | mine
            ordered = {known: results[known] for known in models if known in results}
            RESULTS.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")
            PAGE.write_text(page(ordered), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
