# SPDX-License-Identifier: Apache-2.0
"""`stm32 flash`."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from stm32_cli import console, options
from stm32_cli.errors import usage


def find_build_dir(build_dir: str | None) -> Path:
    """The build folder that is meant: the named one, else the only or newest one under build/.

    Raises:
        CliError: there is none; exit code 2.
    """
    from stm32_cli.project import record

    if build_dir:
        return Path(build_dir).absolute()
    found = [
        file.parent for file in Path("build").glob(f"*/{record.FILE_NAME}") if (file.parent / "Project.elf").is_file()
    ]
    if not found:
        raise usage(
            "nothing is built in build/", "build it with: stm32 build MODEL_DIR -b BOARD, or name the folder with -d"
        )
    return max(found, key=lambda folder: (folder / "Project.elf").stat().st_mtime).absolute()


@click.command(help="Write the built firmware to a board, and reset it.")
@options.option("-d", "--build-dir", default=None, help="Build folder.  [default: the newest under build/]")
@options.runner
@options.probe
@click.option("--dry-run", is_flag=True, help="Print the exact commands, for a shell, and do nothing.")
def command(build_dir: str | None, runner: str | None, probe: str, *, dry_run: bool) -> None:
    """Flashes a board."""
    from stm32_cli.project.flash import carry_out, plan_flash

    plan = plan_flash(find_build_dir(build_dir), runner, probe, dry_run=dry_run)
    if dry_run:
        console.result("\n".join(shlex.join(argv) for argv in plan.commands))
    else:
        carry_out(plan)
