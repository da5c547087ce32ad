# SPDX-License-Identifier: Apache-2.0
"""Costs of the MLPerf Tiny models on the emulated boards: Markdown and JSON, compared with the committed figures.

One image per model, option and board; one inference of SystemPerformance, between ai_bench_begin and ai_bench_end.
Instructions are exact; cycles follow the timing table of the Cortex-M4 Technical Reference Manual, without wait states.
A layer's figures are counted in the same image. Stack is measured by painting, with the kernels of the runtime
included; its bound comes from the call graph. Code counts the emitted sources, the runtime and the library members that
they need.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench_report import FILES, GUARDED, NAME, differences, grown, load, markdown
from stm32_board_support import load_board
from stm32_board_support.emulator import run_to_end
from stm32_board_support.toolchain import c_compiler
from stm32_cli import counter
from stm32_cli.main import tell
from stm32_cli.project import memory
from stm32_cli.project.compiler import scratch
from stm32_cli.project.firmware import Build, build_firmware
from stm32_cli.project.measured import from_counts
from stm32_cli.project.models import ModelFolder, find_models

if TYPE_CHECKING:
    from stm32_cli.project.measured import Measurement

ROOT = Path(__file__).resolve().parents[1]
VARIANTS: dict[str, list[str]] = {
    "default": [],
    "constant-channels-on": ["--constant-channels", "on"],
    "constant-channels-off": ["--constant-channels", "off"],
    "speed": ["--optimize", "speed"],
    "size": ["--optimize", "size"],
    "ram": ["--optimize", "ram"],
}
ONLY_FOR = {"constant-channels-on": ("vww",), "constant-channels-off": ("vww",)}
_USAGE = 2


def zoo() -> Path:
    """The folder with the models."""
    folder = Path(os.environ.get("STM32_MODEL_ZOO") or ROOT.parent / "shared" / "models")
    if not (folder / "models").is_dir():
        sys.exit("bench: set STM32_MODEL_ZOO to the folder of the models")
    return folder


def say(text: str) -> None:
    """Tells on stderr what is going on."""
    sys.stderr.write(text + "\n")


def compile_timed(model: Path, folder: Path, variant: str) -> float | None:
    """Compiles in a process of its own, as a user does; seconds, TVM's import included. None: the option is refused."""
    started = time.monotonic()
    argv = [sys.executable, "-m", "stm32_cli", "compile", str(model), "-o", str(folder), "-n", folder.name]
    done = subprocess.run([*argv, "--tuned", "none", *VARIANTS[variant]], check=False, capture_output=True, text=True)
    if done.returncode == _USAGE and variant != "default":
        say(f"{model.stem}, {variant}: {done.stderr.strip().splitlines()[-1]}")
        return None
    if done.returncode != 0:
        sys.exit(f"bench: compiling {model.stem} failed:\n{done.stderr}")
    return round(time.monotonic() - started, 1)


def layers(model: ModelFolder, found: Measurement) -> list[dict[str, Any]]:
    """One row for each layer."""
    return [
        {"name": node["name"], "schedule": node["schedule"]["name"], "macs": node["macs"],
         "instructions": figures.instructions, "cycles": figures.cycles}
        for node, figures in zip(model.info["nodes"], found.nodes, strict=True)
    ]  # fmt: skip


def instructions_m7(found: list[ModelFolder], folder: Path) -> int:
    """Instructions of one inference on the emulated Cortex-M7."""
    build = Build(load_board("qemu-mps2-an500"), "perf", found, folder)
    build_firmware(build)
    return counter.count(build.board, build.elf).instructions


def stack_used(build: Build) -> int | None:
    """Bytes, as SystemPerformance prints them."""
    found = re.search(r"used stack\s*:?\s*([\d,]+)", run_to_end(build.board, build.elf, timeout=600)[1])
    return int(found[1].replace(",", "")) if found else None


def measure(short: str, folder: Path, work: Path, seconds: float) -> dict[str, Any]:
    """One row of the table, from a compiled model."""
    found = find_models(folder)
    build = Build(load_board("qemu-mps2-an386"), "perf", found, work / f"{folder.name}_m4")
    build_firmware(build)
    costs, report = counter.count_nodes(build.board, build.elf, found[0].name), memory.measure(build)
    sizes = report.sizes
    macs = found[0].info["macs"]
    text = (build.folder / "Project.map").read_text(encoding="utf-8", errors="replace")
    return {
        "model": FILES[short], "compile_s": seconds, "macs": macs, "instructions": costs.total.instructions,
        "cycles": costs.total.cycles, "cycles_per_mac": round(costs.total.cycles / macs, 2),
        "instructions_m7": instructions_m7(found, work / f"{folder.name}_m7"), "code": sizes.code,
        "constants": sizes.constants, "activations": sizes.activations, "stack": stack_used(build),
        "stack_bound": report.stack.get("ai_run"),
        "split": memory.code_split(text, [found[0].name]),
        "layers": layers(found[0], from_counts(build.board.name, found[0], costs)),
        "functions": {n: [f.instructions, f.cycles] for n, f in sorted(costs.total.functions.items())},
    }  # fmt: skip


def measure_variants(short: str, variants: list[str], work: Path) -> dict[str, dict[str, Any]]:
    """Variant -> row, of those that are implemented and differ from the default."""
    rows: dict[str, dict[str, Any]] = {}
    signatures: dict[int, str] = {}
    model = zoo() / "models" / f"{FILES[short]}.tflite"
    for variant in variants:
        if short not in ONLY_FOR.get(variant, (short,)):
            continue
        folder = work / f"{short}_{variant.replace('-', '_')}"
        seconds = compile_timed(model, folder, variant)
        if seconds is None:
            continue
        (compiled,) = find_models(folder)
        # The signature covers the options, too; two variants are equal when their kernels, plan and constants are.
        key = hash((folder / f"{compiled.name}_lib.c").read_text().replace(compiled.name, "")
                   + (folder / f"{compiled.name}_data.c").read_text().replace(compiled.name, "")
                   + str(compiled.info["planned_bytes"]))  # fmt: skip
        if key in signatures:
            rows[variant] = {"same_as": signatures[key]}
            continue
        signatures[key] = variant
        say(f"measuring {short}, {variant}")
        rows[variant] = measure(short, folder, work, seconds)
    return rows


def firmware_sizes(work: Path) -> dict[str, int]:
    """Flash of the applications without a model."""
    sizes = {}
    for app in ("valid", "perf"):
        build = Build(load_board("qemu-mps2-an386"), app, [], work / f"empty_{app}")
        build_firmware(build)
        sizes[app] = next(region.used for region in memory.measure(build).regions if ".text" in region.sections)
    return sizes


def compiler_version() -> str:
    """Of arm-none-eabi-gcc: figures of different ones cannot be compared."""
    compiler = c_compiler(load_board("qemu-mps2-an386"))
    return subprocess.run([compiler, "-dumpversion"], check=True, capture_output=True, text=True).stdout.strip()


def write(folder: Path, record: dict[str, Any]) -> None:
    """Writes both files."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{NAME}.json").write_text(json.dumps(record, indent=1) + "\n")
    (folder / f"{NAME}.md").write_text(markdown(record, __doc__ or ""))


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", nargs="*", default=list(FILES), choices=list(FILES))
    parser.add_argument("--variants", nargs="*", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "build" / "bench", help="folder of the results")
    parser.add_argument(
        "--update", action="store_true", help=f"accept: write the measured rows into docs/{NAME}.json and .md"
    )
    return parser.parse_args()


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measures everything that was asked for."""
    with scratch("stm32-bench-") as work:
        models = {short: measure_variants(short, args.variants, work) for short in args.models}
        return {"schema": 1, "compiler": compiler_version(), "firmware": firmware_sizes(work), "models": models}


def main() -> int:
    """Measures, writes, compares; 1 if a figure is worse than the committed one by more than it may be."""
    args = arguments()
    try:
        record = run(args)
    except BaseException as error:
        if isinstance(error, SystemExit):
            raise
        return tell(error)
    write(args.output, record)
    sys.stdout.write(markdown(record, __doc__ or ""))
    before = load(ROOT / "docs" / f"{NAME}.json")
    say("\n".join(["", "against docs/benchmarks.json:", *(differences(before, record) or ["no difference"])]))
    if args.update:
        kept = {**before.get("models", {})}
        for short, rows in record["models"].items():
            kept[short] = {**kept.get(short, {}), **rows}
        write(ROOT / "docs", {**record, "models": {short: kept[short] for short in FILES if short in kept}})
        say("accepted in docs/")
        return 0
    worse = grown(before, record)
    if worse:
        say("\n".join([f"worse by more than {GUARDED:.0%}; make bench UPDATE=1 accepts it:", *worse]))
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
