# SPDX-License-Identifier: Apache-2.0
"""Compiles the models that tests.keras.convert wrote, and compares them with LiteRT on the host.

    python -m tests.keras.campaign FOLDER

Writes FOLDER/models.md. What is done is kept in FOLDER/results.json, with the sources it was done with. Exit
status: 0 everything that is compiled is equal, 1 something is not.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np
from stm32_emitter.testing.reference import ReferenceRefusedError

from tests.conformance.toolchain import MACHINES, sources_digest
from tests.keras.page import page

SETS = 3
"""Input sets for each model."""


def inputs_of(details: list[dict[str, Any]], random: np.random.Generator) -> tuple[np.ndarray, ...]:
    """One array for each input: normal, of the whole range of 8 and 16 bit, or below 50 as the models' words."""
    values = []
    for detail in details:
        dtype, shape = np.dtype(detail["dtype"]), tuple(detail["shape"])
        if dtype.kind == "f":
            values.append(random.normal(size=shape).astype(dtype))
        elif dtype.itemsize <= 2:
            limits = np.iinfo(dtype)
            values.append(random.integers(limits.min, limits.max + 1, shape, dtype))
        else:
            values.append(random.integers(0, 50, shape, dtype))
    return tuple(values)


def run(path: Path) -> dict[str, Any]:
    """Compiles and runs one model: status, bytes compared, what differs, and why."""
    from stm32_emitter.testing.reference import Reference

    from tests.conformance.batch import Stored, run_batch

    random, model = np.random.default_rng(5), path.read_bytes()
    details = Reference(model).inputs
    inputs = tuple(inputs_of(details, random) for _ in range(SETS))
    reference = Reference(model)
    expected = tuple(tuple(reference.run(values)) for values in inputs)
    with tempfile.TemporaryDirectory() as folder:
        (outcome,) = run_batch([Stored("model", model, inputs, expected)], MACHINES["host"], Path(folder))
    kept = {"status": outcome.status, "compared": outcome.compared, "differing": outcome.differing}
    return kept | {"detail": outcome.detail[:2000]}


def outcome_of(path: Path) -> dict[str, Any]:
    """The same in a process of its own: a kernel of the interpreter may end it."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(run, path).result()
        except BrokenProcessPool:
            return {"status": "failed", "compared": 0, "differing": 0, "detail": "the process ended"}
        except ReferenceRefusedError as error:
            return {"status": "original", "compared": 0, "differing": 0, "detail": str(error)[:2000]}


def main(arguments: list[str] | None = None) -> int:
    """Runs what is not done, and writes the page."""
    parser = argparse.ArgumentParser(prog="python -m tests.keras.campaign", description=__doc__)
    parser.add_argument("folder", type=Path, help="of the .tflite files, from tests.keras.convert")
    folder = parser.parse_args(arguments).folder
    state, sources = folder / "results.json", sources_digest()
    held = json.loads(state.read_text("utf-8")) if state.exists() else {}
    results: dict[str, dict[str, Any]] = held.get("results", {}) if held.get("sources") == sources else {}
    for path in sorted(folder.glob("*.tflite")):
        if path.name not in results:
            results[path.name] = outcome_of(path)
            print(path.stem, results[path.name]["status"], results[path.name]["detail"][:300], flush=True)  # noqa: T201
            state.write_text(json.dumps({"sources": sources, "results": results}, indent=1), encoding="utf-8")
    refused = json.loads((folder / "refused.json").read_text("utf-8"))
    (folder / "models.md").write_text(page(results, refused), encoding="utf-8")
    return int(any(found["status"] in ("differs", "failed") for found in results.values()))


if __name__ == "__main__":
    sys.exit(main())
