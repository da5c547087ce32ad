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

from tests.conformance.batch import run_batch
from tests.conformance.test_zoo_host import stored
from tests.conformance.toolchain import MACHINES
from tests.mission.models import FULL, REDUCED, TRAINED, Seeded, Trained, quantized
from tests.mission.run import BOARDS, places, run_exactly, run_nearly

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "mission-models.json"
PAGE = ROOT / "docs" / "mission-models.md"
ZOO = Path(os.environ.get("STM32_MODEL_ZOO", ROOT.parent / "shared" / "models"))


def measure_trained(model: Trained, folder: Path) -> dict[str, Any]:
    """A model of the zoo, against the outputs that are stored with it."""
    case = stored(ZOO, model.name)
    (outcome,) = run_batch([case], MACHINES["host"], folder)
    return {
        "source": "model zoo, trained",
        "samples": len(case.inputs),
        "host": {"status": outcome.status, "bytes": outcome.compared, "differing": outcome.differing},
        **asdict(places(model.name, case.model)),
    }


def measure_seeded(model: Seeded, folder: Path) -> dict[str, Any]:
    """A topology with seeded weights, against the interpreter of its format."""
    report = quantized(model, folder)
    result: dict[str, Any] = {"source": f"seeded weights, {report.quantizer}", "samples": model.samples}
    if model.kind == "tflite":
        outcome = run_exactly(model, report, folder / "c")
        result["host"] = {"status": outcome.status, "bytes": outcome.compared, "differing": outcome.differing}
    else:
        nearness = run_nearly(model, report, folder / "c")
        result["host"] = {"status": nearness} if isinstance(nearness, str) else asdict(nearness)
    return result | asdict(places(model.name, report.request.output.read_bytes()))


def page(results: dict[str, Any]) -> str:
    """The document."""
    lines = [
        *_HEAD,
        "| model | source | MACs | constants B | RAM B | on the host | " + " | ".join(BOARDS) + " |",
        "|---|---|---|---|---|---|" + "---|" * len(BOARDS),
    ]
    titles = {model.name: model.title for model in (*TRAINED, *FULL, *REDUCED)}
    for name, entry in results.items():
        fits = " | ".join(", ".join(entry["fits"][board]) or "no" for board in BOARDS)
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
    "optimisations. Layouts are those that `stm32 analyze` finds large enough for the model and the Validation",
    "firmware: nucleo-f412zg has 1 MB of flash and 256 KB of RAM, disco-h747i in config1 2 MB and 512 KB inside the",
    "chip, in config4 128 MB of QSPI flash and 32 MB of SDRAM.",
    "",
    "Trained models are those of the model zoo. For the full MobileNet, SqueezeNet at 224 and Inception no trained",
    "file is at hand: they have their published topologies (`tests/mission/topologies.py`) with seeded weights,",
    "quantized to int8 by `stm32 quantize`. Bytes and memory do not depend on what weights mean; accuracy does and is",
    "not told.",
    "",
)
_NOTES = (
    "An .onnx model is within one step of its quantization at each operator, not at the end: onnxruntime computes in",
    "float between the integers and rounds once, the compiled model computes in integers and rounds as LiteRT does.",
    "About one element in 300 of a layer comes out one step apart, and the next layers carry that on. What is told is",
    "the signal-to-noise ratio to the float model of both, so that it can be seen whether compiling costs accuracy",
    "beyond what quantizing costs.",
)


def _host(entry: dict[str, Any]) -> str:
    host = entry["host"]
    if "between" in host:
        return (
            f"{host['compiled']:.1f} dB to the float model, onnxruntime {host['original']:.1f} dB; same class in "
            f"{host['same_class']:.0%} of {entry['samples']}"
        )
    return f"{host['status']}: {host['differing']:,} of {host['bytes']:,} bytes differ, {entry['samples']} samples"


def _results() -> dict[str, Any]:
    """What the document holds."""
    found: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    return found


def main() -> int:
    """Measures what is missing, or what is named."""
    models = {model.name: model for model in (*TRAINED, *REDUCED, *FULL)}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", help=f"of {', '.join(models)}")
    chosen = parser.parse_args().models
    done = _results()
    mine: dict[str, Any] = {}
    for name in chosen or [name for name in models if name not in done]:
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            model = models[name]
            measure = measure_trained if isinstance(model, Trained) else measure_seeded
            mine[name] = measure(model, Path(folder))
        sys.stderr.write(f"{name}: {mine[name]['host']}, {time.monotonic() - start:.0f} s\n")
        results = _results() | mine
        ordered = {known: results[known] for known in models if known in results}
        RESULTS.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")
        PAGE.write_text(page(ordered), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
