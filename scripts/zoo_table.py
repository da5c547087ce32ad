# SPDX-License-Identifier: Apache-2.0
"""Writes docs/zoo.md: every model of the zoo, its formats, whether it is exact on host and boards, what it needs.

python scripts/zoo_table.py --record host mps2-an386   # runs what docs/zoo.json does not have, then writes the page
python scripts/zoo_table.py --record host --again kws  # runs models again whose names have one of these parts
python scripts/zoo_table.py                            # writes the page from docs/zoo.json and docs/zoo-costs.md

A model runs with the samples that lie beside it, on emulated boards with as many as BUDGET products allow.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from stm32_emitter import ModelRefused, compile_model
from stm32_emitter.frontends.tflite.reader import read_model
from stm32_emitter.frontends.tflite.support import FORMATS, format_of

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
BUDGET = 30_000_000
"""Multiply-accumulates per model and board; one sample runs in any case."""
MOST = 1_000_000_000
"""Models with more of them do not run on an emulated board."""
MACHINES = ("host", "mps2-an386", "mps2-an500")
HEAD = """# The model zoo
Written by `python scripts/zoo_table.py`, which says what it runs; do not edit. *Differing*: of the bytes compared those
that are not equal, for float outputs those elements that are off by more than 1e-5 of the output's range. *RAM*: the
pool, with inputs and outputs. *Constants*: weights and quantization as linked; *code*: of the model's own files for a
Cortex-M4; the runtime's kernels that it calls come on top (docs/board-images.md has whole images). Cycles: Cortex-M4,
docs/zoo-costs.md. `-`: not run. Options are the default ones.

"""


def formats(path: Path) -> list[str]:
    """Number formats of a model's operators, the most frequent first; ONNX models: whether they are quantized."""
    if path.suffix == ".onnx":
        return ["QDQ" if b"QuantizeLinear" in path.read_bytes() else "float32"]
    kinds = [format_of(operator) for operator in read_model(path.read_bytes()).operators]
    known = [kind for kind in kinds if kind in FORMATS]
    return sorted(set(known), key=lambda kind: (-known.count(kind), kind))


def described(path: Path) -> dict[str, Any]:
    """What the compiler says of a model."""
    record: dict[str, Any] = {"formats": formats(path), "refused": ""}
    try:
        model = compile_model(path)
    except ModelRefused as refusal:
        return record | {"refused": str(refusal).splitlines()[0]}
    ram = model.info["planned_bytes"] + model.info["context_bytes"]
    return record | {"macs": model.macs, "ram": ram, "constants": model.params_size}


def run(path: Path, machine: str, macs: int) -> dict[str, Any]:
    """Runs a model on a machine of the conformance tests with its stored samples."""
    from tests.conformance.batch import Stored, run_batch
    from tests.conformance.test_zoo_host import stored
    from tests.conformance.toolchain import MACHINES as TOOLS

    if not (path.parents[1] / "data" / f"{path.stem}.npz").is_file():
        return {"status": "no stored outputs"}
    if machine != "host" and macs > MOST:
        return {"status": "too large to be emulated"}
    model = stored(path.parents[1], path.stem, path.suffix[1:])
    samples = len(model.inputs) if machine == "host" else max(1, min(len(model.inputs), BUDGET // max(macs, 1)))
    model = Stored(model.name, model.model, model.inputs[:samples], model.expected[:samples])
    with tempfile.TemporaryDirectory() as folder:
        (outcome,) = run_batch([model], TOOLS[machine], Path(folder), keep=True)
        record = {"status": outcome.status, "samples": samples, "compared": outcome.compared}
        if machine == "mps2-an386" and outcome.compared:
            record["code"] = _code(Path(folder) / f"{model.name}_unity.o")
        return record | {"differing": outcome.differing, "commit": _commit()}


def _commit() -> str:
    from tests.conformance.campaign import commit_of

    return commit_of(ROOT)


def _code(file: Path) -> int:
    """Bytes of executable sections."""
    argv = ["arm-none-eabi-size", "-A", str(file)]
    listed = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    return sum(int(size) for size in re.findall(r"^\.text\S*\s+(\d+)", listed, re.MULTILINE))


def record_all(paths: Iterable[Path], machines: list[str], again: list[str], file: Path) -> None:
    """Runs what is not recorded yet; every result is written at once."""
    held: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    for path in paths:
        entry = held.setdefault(path.stem, {})
        if "formats" not in entry or any(part in path.stem for part in again) or entry.get("refused"):
            entry.clear()
            entry.update(described(path))
        for machine in machines if not entry["refused"] else []:
            if machine not in entry:
                entry[machine] = run(path, machine, entry["macs"])
                print(f"{path.stem} {machine}: {entry[machine]}", flush=True)
        file.write_text(json.dumps(held, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def cycles(page: str) -> dict[str, str]:
    """Model -> Cortex-M4 cycles as docs/zoo-costs.md has them."""
    return dict(re.findall(r"^\| (\S+) \| [\d,]+ \| ([\d,]+) \| [\d.-]+ \|$", page, re.MULTILINE))


def rows(held: dict[str, Any], costs: dict[str, str]) -> Iterator[str]:
    """The table."""
    yield f"| model | formats | imported | {' | '.join(MACHINES)} | RAM | constants | code | cycles |"
    yield "|---|---|---|" + "---|" * len(MACHINES) + "---:|" * 4
    for name, entry in sorted(held.items()):
        sizes = [entry.get("ram"), entry.get("constants"), entry.get("mps2-an386", {}).get("code")]
        cells = [result(entry.get(machine)) for machine in MACHINES]
        numbers = ["-" if size is None else f"{size:,}" for size in sizes]
        cells = [", ".join(entry["formats"]), entry["refused"] or "yes", *cells, *numbers, costs.get(name, "-")]
        yield f"| {name} | {' | '.join(cells)} |"


def result(ran: dict[str, Any] | None) -> str:
    """One cell: how many bytes were compared and how many differ."""
    if ran is None:
        return "-"
    if not ran.get("compared"):
        return str(ran["status"])
    return f"{ran['status']}: {ran['differing']} of {ran['compared']:,}"


def summary(held: dict[str, Any]) -> str:
    """The counts of all models."""
    taken = [entry for entry in held.values() if not entry["refused"]]
    parts = [f"{len(held)} models, {len(taken)} of them imported"]
    for machine in MACHINES:
        ran = [entry[machine] for entry in taken if entry.get(machine, {}).get("compared")]
        parts.append(f"{machine}: {sum(r['status'] == 'equal' for r in ran)} of {len(ran)} that ran are equal")
    commits = {r["commit"] for entry in taken for m in MACHINES if (r := entry.get(m)) and "commit" in r}
    return "; ".join(parts) + f". Commits: {', '.join(sorted(commits))}."


def page(folder: Path) -> str:
    """The document of zoo.json and zoo-costs.md of a folder."""
    held = json.loads((folder / "zoo.json").read_text(encoding="utf-8"))
    costs = cycles((folder / "zoo-costs.md").read_text(encoding="utf-8"))
    return HEAD + summary(held) + "\n\n" + "\n".join(rows(held, costs)) + "\n"


def main() -> None:
    """Records and writes."""
    from bench import zoo

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", nargs="*", choices=MACHINES, help="run models on these machines")
    parser.add_argument("--again", nargs="*", default=[], help="parts of names of models to run again")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "docs", help="folder of zoo.md and zoo.json")
    given = parser.parse_args()
    file = given.output / "zoo.json"
    if given.record is not None:
        found = (zoo() / "models").iterdir()
        record_all(sorted(p for p in found if p.suffix in (".tflite", ".onnx")), given.record, given.again, file)
    (given.output / "zoo.md").write_text(page(given.output), encoding="utf-8")


if __name__ == "__main__":
    main()
