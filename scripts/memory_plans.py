# SPDX-License-Identifier: Apache-2.0
"""Compares the memory plans of all models of a zoo with the optimum, and writes docs/memory-plans.md.

python scripts/memory_plans.py                     # 60 s for each model that the solver does not finish earlier
python scripts/memory_plans.py --seconds 5 -o /tmp/plans.md kws_ref resnet
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from stm32_emitter import ModelRefused, compile_model
from stm32_emitter.planning.constraints import separations
from stm32_emitter.planning.optimum import optimum
from stm32_emitter.planning.plan import plan_memory

ROOT = Path(__file__).resolve().parents[1]
HEAD = """# Memory plans beside the optimum
Bytes of the planned part of the pool (the instance context comes on top), options as by default. *Disjoint*: buffers
that are alive at one node have no byte in common. *Planned*: kernels overwrite their input as far as their loops allow.
*Optimum*: of the same constraints, by CP-SAT; a bound where it did not finish within {seconds:g} s.
Written by `python scripts/memory_plans.py`.

| model | buffers | disjoint | planned | optimum | planned / optimum |
|---|---:|---:|---:|---:|---:|
"""


def rows(models: list[Path], seconds: float) -> Iterator[str]:
    """A row of the table for each model that compiles."""
    for path in models:
        try:
            program = compile_model(path).program
        except ModelRefused:
            continue
        safe = separations(program)
        plan, disjoint = plan_memory(program.buffers, separations=safe), plan_memory(program.buffers)
        best = optimum(program.buffers, safe, seconds)
        exact = f"{best.bytes:,}" if best.proven else f">= {best.bound:,}"
        ratio = plan.bytes / (best.bytes if best.proven else max(best.bound, 1))
        yield (
            f"| {path.stem} | {len(program.buffers)} | {disjoint.bytes:,} | {plan.bytes:,} | {exact} | {ratio:.3f} |"
        )


def main() -> None:
    """Writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="parts of names of models (default: all)")
    parser.add_argument("--zoo", type=Path, default=ROOT.parent / "shared" / "models", help="the model zoo's folder")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each model")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "docs" / "memory-plans.md")
    given = parser.parse_args()
    models = sorted((given.zoo / "models").glob("*.tflite"))
    chosen = [path for path in models if not given.names or any(name in path.stem for name in given.names)]
    lines = []
    for row in rows(chosen, given.seconds):
        print(row, flush=True)
        lines.append(row)
    given.output.write_text(HEAD.format(seconds=given.seconds) + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
