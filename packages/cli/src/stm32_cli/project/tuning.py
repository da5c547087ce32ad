# SPDX-License-Identifier: Apache-2.0
"""Measures the schedules of a model's layers, and keeps what was measured in a tuning file.

Many layers' schedules are measured by one build: each layer that has an unmeasured one gets it, and the nodes are
counted one by one. Every build's outputs are compared with those of the default schedules, byte by byte, before its
figures are kept; the file is written after each build, so an interrupted run goes on where it was.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from stm32_cli import __version__, console
from stm32_cli.errors import CliError, Exit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from stm32_cli.project.measured import Measurement

    Nodes = Sequence[Mapping[str, Any]]

SCHEMA = 1


@dataclass(frozen=True)
class Trial:
    """One build with chosen schedules.

    Attributes:
        info: content of `<m>.json`.
        measured: cycles by node.
        outputs: what the build computes on fixed inputs; equal bytes mean equal results.
    """

    info: dict[str, Any]
    measured: Measurement
    outputs: bytes


@dataclass
class Cache:
    """A tuning file.

    Attributes:
        path: of the file.
        layers: layer key -> {"best": {goal: schedule}, "measured": {schedule: figures}}.
    """

    path: Path
    layers: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path) -> Cache:
        """Reads the file, if it exists.

        Raises:
            OptionError: it is no tuning file.
        """
        from stm32_emitter.tuning import read_record

        return cls(path, read_record(path) if path.is_file() else {})

    def cycles(self, key: str, schedule: str, board: str) -> int | None:
        """What a schedule of a layer took on a board, None where this version did not measure it there."""
        found = self.layers.get(key, {}).get("measured", {}).get(schedule)
        current = found is not None and (found["board"], found["tool_version"]) == (board, __version__)
        return int(found["cycles"]) if found is not None and current else None

    def keep(self, key: str, schedule: str, figures: dict[str, Any]) -> None:
        """Notes a measurement; `write` stores it."""
        layer = self.layers.setdefault(key, {"best": {}, "measured": {}})
        layer.setdefault("measured", {})[schedule] = figures | {"tool_version": __version__}

    def keep_best(self, key: str, goal: str, schedule: str) -> None:
        """Notes what is best for a goal."""
        self.layers[key].setdefault("best", {})[goal] = schedule

    def write(self) -> None:
        """Stores everything, whole or not at all."""
        part = self.path.with_name(self.path.name + ".part")
        text = json.dumps({"schema": SCHEMA, "layers": self.layers}, indent=1, sort_keys=True)
        part.write_text(text + "\n", encoding="utf-8")
        part.replace(self.path)


@dataclass(frozen=True)
class Tuned:
    """What tuning found for one class of equal layers.

    Attributes:
        key: of the class.
        layers: names of the model's layers in it.
        default: schedule that is chosen without a tuning file.
        best: schedule with the fewest cycles of those that may be taken; the default one where it is among them.
        cycles: schedule -> cycles of one layer.
    """

    key: str
    layers: tuple[str, ...]
    default: str
    best: str
    cycles: dict[str, int]

    @property
    def gain(self) -> int:
        """Cycles that an inference saves."""
        return (self.cycles[self.default] - self.cycles[self.best]) * len(self.layers)


def offers(nodes: Nodes) -> dict[str, list[str]]:
    """Layer key -> schedules that any layer of the class may have."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for node in nodes:
        if node["layer"]:
            found[node["layer"]].update(dict.fromkeys(node["offered"]))
    return {key: list(names) for key, names in found.items()}


class Session:
    """One run of `stm32 tune`.

    Args:
        attempt: makes a build with the named schedules (layer key -> schedule) and measures it.
        cache: tuning file.
        board: name of the board.
        goal: value of `optimize`.
        memory: bytes of the pool with the named schedules; "balanced" takes none that need more than the default ones.
    """

    def __init__(
        self,
        attempt: Callable[[Mapping[str, str]], Trial],
        cache: Cache,
        board: str,
        goal: str,
        memory: Callable[[Mapping[str, str]], int],
    ) -> None:
        self._attempt = attempt
        self._memory = memory
        self._cache = cache
        self._board = board
        self._goal = goal

    def run(self, nodes: Nodes) -> list[Tuned]:
        """Measures what is not measured yet.

        Args:
            nodes: of the model as it is compiled without a tuning file.

        Raises:
            CliError: a schedule gives other bytes than the default one; exit code 7.
        """
        offered = offers(nodes)
        if any(True for _ in self._missing(offered)):
            console.message(f"default schedules; {self._state(offered)}")
            default = self._attempt({})
            self._store(default, {})
            while chosen := dict(self._missing(offered)):
                console.message(f"{len(chosen)} other schedules at once; {self._state(offered)}")
                trial = self._attempt(chosen)
                if trial.outputs != default.outputs:
                    raise _other_bytes(chosen, trial.info["nodes"])
                self._store(trial, chosen)
        return self._conclude(nodes, offered)

    def _missing(self, offered: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
        """The next unmeasured schedule of each class that has one."""
        for key, names in offered.items():
            for name in names:
                if self._cache.cycles(key, name, self._board) is None:
                    yield key, name
                    break

    def _state(self, offered: Mapping[str, Sequence[str]]) -> str:
        pairs = [(key, name) for key, names in offered.items() for name in names]
        done = sum(self._cache.cycles(*pair, self._board) is not None for pair in pairs)
        return f"{done} of {len(pairs)} measured"

    def _store(self, trial: Trial, chosen: Mapping[str, str]) -> None:
        """Keeps the fewest cycles that any layer of a class took, for each schedule that the build really has."""
        found: dict[tuple[str, str], list[int]] = defaultdict(list)
        for node, figures in zip(trial.info["nodes"], trial.measured.nodes, strict=True):
            if node["layer"]:
                found[node["layer"], node["schedule"]["name"]].append(figures.cycles)
        for (key, name), cycles in found.items():
            self._cache.keep(key, name, {"cycles": min(cycles), "board": self._board})
        for key, name in chosen.items():
            if (key, name) not in found:
                raise CliError(f"schedule {name} of {key} was not built", "this is a defect; please report it")
        self._cache.write()

    def _conclude(self, nodes: Nodes, offered: Mapping[str, Sequence[str]]) -> list[Tuned]:
        rows = []
        for key, names in offered.items():
            members = [node for node in nodes if node["layer"] == key]
            cycles = {name: self._cache.cycles(key, name, self._board) or 0 for name in names}
            default = str(members[0]["schedule"]["name"])
            best = min(names, key=lambda name: (cycles[name], name != default))
            rows.append(Tuned(key, tuple(str(node["name"]) for node in members), default, best, cycles))
        if self._goal == "balanced":
            rows = self._within_memory(rows)
        for row in rows:
            self._cache.keep_best(row.key, self._goal, row.best)
        self._cache.write()
        return rows

    def _within_memory(self, rows: Sequence[Tuned]) -> list[Tuned]:
        """For each class the fastest schedule with which the pool does not grow; those that gain most come first."""
        changed = sorted((row for row in rows if row.gain > 0), key=lambda row: -row.gain)
        limit = self._memory({}) if changed else 0
        taken: dict[str, str] = {}
        for row in changed:
            names = sorted(row.cycles, key=row.cycles.__getitem__)
            faster = names[: names.index(row.default)]
            fitting = (name for name in faster if self._memory({**taken, row.key: name}) <= limit)
            taken[row.key] = next(fitting, row.default)
        return [replace(row, best=taken.get(row.key, row.best)) for row in rows]


def _other_bytes(chosen: Mapping[str, str], nodes: Nodes) -> CliError:
    tried = [f"{node['name']} {chosen[node['layer']]}" for node in nodes if node["layer"] in chosen]
    return CliError(
        f"the outputs differ from the default schedules'; one of these is not exact: {', '.join(tried)}",
        "this is a defect; please report it with the model",
        Exit.OUTPUTS_DIFFER,
    )
