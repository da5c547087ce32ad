# SPDX-License-Identifier: Apache-2.0
"""The full conformance campaign: random models of every operator and random graphs against the reference interpreter.

    python -m tests.conformance.campaign --seeds 0 --count 200

It may be interrupted and started again with the same arguments: what is done is kept in build/conformance/state.json.
Parts with a case that is not equal are done again, and all of them when the emitter or the runtime changed. At the end,
and when it is interrupted, what was run goes into tests/conformance/RESULTS.md and RESULTS.json; rows of what was not
run stay. Exit status: 0 everything equal, 1 something differs, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.conformance.toolchain import BUILD, MACHINES, ROOT, ToolMissing, sources_digest

GRAPHS, PRUNED, LOOPS = "graphs", "pruned-graphs", "loops"
"""Stand in the place of an operator for random graphs: of several operators, with channels of zeros, with loops."""


_SPAWN = multiprocessing.get_context("spawn")


class SourcesChanged(RuntimeError):  # noqa: N818
    """The emitter, the runtime or the tests were edited while the campaign ran: its results would be of neither."""


@dataclass(frozen=True, order=True)
class Part:
    """Some cases of one operator on one machine."""

    machine: str
    op: str
    dtype: str
    first: int
    count: int
    schedule: str = ""

    @property
    def key(self) -> str:
        """How it is called in the state file."""
        forced = f"/{self.schedule}" if self.schedule else ""
        return f"{self.machine}/{self.op}/{self.dtype}/{self.first}+{self.count}{forced}"


@dataclass(frozen=True)
class PartResult:
    """Counts of one part; ``problems`` tells of each case that is not equal."""

    cases: int
    equal: int
    compared: int
    differing: int
    problems: tuple[tuple[str, str, str], ...]
    seconds: float


def parts(
    machines: Sequence[str], ops: Sequence[str], dtypes: Sequence[str], seeds: range, chunk: int, schedule: str = ""
) -> list[Part]:
    """All parts of a campaign: one machine after the other, and on each all operators' first cases before others.

    An operator has the formats that its converter declares.
    """
    return [
        Part(machine, op, dtype, first, min(chunk, seeds.stop - first), schedule)
        for machine in machines
        for first in range(seeds.start, seeds.stop, chunk)
        for op in ops
        for dtype in formats_of(op, dtypes)
    ]


def formats_of(op: str, dtypes: Sequence[str]) -> list[str]:
    """Those of ``dtypes`` in which there are cases of an operator, or graphs."""
    from stm32_emitter.testing.cases import DTYPES, operators
    from stm32_emitter.testing.graphs import FAMILIES
    from stm32_emitter.testing.loops import LOOP_DTYPES

    if op == LOOPS:
        return [dtype for dtype in dtypes if dtype in LOOP_DTYPES]
    if op == PRUNED:
        return [dtype for dtype in dtypes if dtype == "int8"]
    if op == GRAPHS:
        return [family for family in FAMILIES if family in dtypes or family not in DTYPES]
    return [dtype for dtype in dtypes if op in operators(dtype)]


def run_part(part: Part, sources: str) -> PartResult:
    """Makes, compiles, runs and compares the cases of a part.

    Raises:
        SourcesChanged: ``sources`` is not their digest any more.
    """
    from stm32_emitter.operators.schedule import ANY_LAYER
    from stm32_emitter.testing.cases import cases
    from stm32_emitter.testing.graphs import graphs, pruned_graphs
    from stm32_emitter.testing.loops import loops

    from tests.conformance.batch import run_batch

    start = time.monotonic()
    folder = BUILD / "work" / part.key.replace("/", "-")
    if part.op == PRUNED:
        source = pruned_graphs(part.first, part.count)
    elif part.op == GRAPHS:
        source = graphs(part.first, part.count, part.dtype)
    elif part.op == LOOPS:
        source = loops(part.first, part.count, part.dtype)
    else:
        source = cases(part.op, part.first, part.count, part.dtype)
    options = {"tuned": {ANY_LAYER: part.schedule}} if part.schedule else None
    outcomes = run_batch(list(source), MACHINES[part.machine], folder, options=options)
    if sources_digest() != sources:
        raise SourcesChanged
    problems = tuple((o.name, o.status, o.detail) for o in outcomes if o.status != "equal")
    if not problems:
        shutil.rmtree(folder)
    return PartResult(
        len(outcomes), len(outcomes) - len(problems), sum(o.compared for o in outcomes),
        sum(o.differing for o in outcomes), problems, time.monotonic() - start,
    )  # fmt: skip


class State:
    """What is done, by part; every change is written at once."""

    def __init__(self, path: Path, sources: str) -> None:
        self._path, self._sources = path, sources
        held = json.loads(path.read_text("utf-8")) if path.exists() else {}
        self._done: dict[str, dict[str, Any]] = held["parts"] if held.get("sources") == sources else {}

    def result(self, part: Part) -> PartResult | None:
        """The result of a part, or None if it is still to be done."""
        found = self._done.get(part.key)
        if found is None:
            return None
        problems = tuple((p[0], p[1], p[2]) for p in found["problems"])
        return PartResult(**{**found, "problems": problems})

    def add(self, part: Part, result: PartResult) -> None:
        """Keeps the result of a part; a part with problems is done again next time."""
        if result.problems:
            return
        self._done[part.key] = asdict(result)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(".tmp")
        held = {"sources": self._sources, "parts": self._done}
        temporary.write_text(json.dumps(held, indent=1, sort_keys=True), encoding="utf-8")
        temporary.replace(self._path)


def results_of(todo: Sequence[Part], jobs: int, sources: str) -> Iterator[tuple[Part, PartResult]]:
    """Runs parts in ``jobs`` processes; yields each as it is finished.

    A reference kernel may end its process. The parts that were running then are run again, each in a process alone.
    """
    left = list(todo)
    while left:
        running: list[Part] = []
        try:
            for part, result in _together(tuple(left), jobs, sources, running):
                left.remove(part)
                yield part, result
        except BrokenProcessPool:
            for part in running:
                left.remove(part)
                yield part, _alone(part, sources)


def _together(todo: Iterable[Part], jobs: int, sources: str, running: list[Part]) -> Iterator[tuple[Part, PartResult]]:
    """The same in one pool, until a process of it ends; ``running`` tells what has begun and not finished."""
    waiting, found = iter(todo), dict[Future[PartResult], Part]()
    with ProcessPoolExecutor(jobs, mp_context=_SPAWN, max_tasks_per_child=40) as pool:
        while True:
            for part in waiting:
                found[pool.submit(run_part, part, sources)] = part
                running.append(part)
                if len(found) > jobs:
                    break
            if not found:
                return
            for future in wait(found, return_when=FIRST_COMPLETED)[0]:
                result = future.result()
                part = found.pop(future)
                running.remove(part)
                yield part, result


def _alone(part: Part, sources: str) -> PartResult:
    """One part; a problem if its process ends."""
    with ProcessPoolExecutor(1, mp_context=_SPAWN) as pool:
        try:
            return pool.submit(run_part, part, sources).result()
        except BrokenProcessPool:
            return PartResult(part.count, 0, 0, 0, ((part.key, "failed", "the process of these cases ended"),), 0.0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the campaign."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    seeds = range(options.seeds, options.seeds + options.count)
    every = parts(options.machines, options.ops, options.dtypes, seeds, options.chunk, options.schedule)
    sources = sources_digest()
    state = State(options.state, sources)
    commit = commit_of(ROOT)
    results = {part: found for part in every if (found := state.result(part)) is not None}
    todo = [part for part in every if part not in results]
    print(f"{len(every)} parts, {len(results)} of them done already", flush=True)  # noqa: T201
    try:
        for part, result in results_of(todo, options.jobs, sources):
            results[part] = result
            state.add(part, result)
            _tell(part, result, len(results), len(every))
    except SourcesChanged:
        print("the emitter, the runtime or these tests were edited meanwhile: start again", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command goes on where this one stopped", file=sys.stderr)  # noqa: T201
    if not options.no_report:
        from tests.conformance.report import write_report

        write_report(results, commit, options.output)
    bad = sum(len(result.problems) for result in results.values())
    print(f"{sum(r.cases for r in results.values())} cases, {bad} of them not equal")  # noqa: T201
    return 130 if len(results) < len(every) else 1 if bad else 0


def commit_of(folder: Path) -> str:
    """Abbreviated commit of a working tree, with ``+`` where files differ from it; "unknown" without git."""
    command = ["git", "describe", "--always", "--abbrev=9", "--exclude=*", "--dirty=+"]
    try:
        return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _tell(part: Part, result: PartResult, done: int, total: int) -> None:
    line = f"[{done}/{total}] {part.key}: {result.equal} of {result.cases} equal, {result.compared} bytes"
    print(f"{line}, {result.seconds:.0f} s", flush=True)  # noqa: T201
    for name, status, detail in result.problems[:5]:
        print(f"    {name} {status}: {detail[:1500]}", flush=True)  # noqa: T201


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    from stm32_emitter.testing.cases import DTYPES, GENERATORS

    parser = argparse.ArgumentParser(prog="python -m tests.conformance.campaign", description=__doc__)
    parser.add_argument("--seeds", type=int, default=0, help="first seed (default 0)")
    parser.add_argument("--count", type=int, default=200, help="cases per operator, element type and machine")
    parser.add_argument(
        "--ops", nargs="+", default=[*sorted(GENERATORS), GRAPHS, PRUNED, LOOPS], help="operators, or graphs"
    )
    parser.add_argument("--dtypes", nargs="+", default=list(DTYPES), choices=DTYPES)
    parser.add_argument("--machines", nargs="+", default=["host"], choices=list(MACHINES))
    parser.add_argument("--chunk", type=int, default=40, help="cases in one program")
    parser.add_argument("--schedule", default="", help="a schedule that every layer takes that has it, such as d8-2x4")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--state", type=Path, default=BUILD / "state.json", help="what is done already")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent, help="folder of RESULTS.md and .json")
    parser.add_argument("--no-report", action="store_true", help="leave RESULTS.md and RESULTS.json alone")
    options = parser.parse_args(arguments)
    try:
        for machine in options.machines:
            MACHINES[machine].require()
    except ToolMissing as error:
        parser.error(str(error))
    return options


if __name__ == "__main__":
    sys.exit(main())
