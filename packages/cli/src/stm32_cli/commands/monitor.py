# SPDX-License-Identifier: Apache-2.0
"""`stm32 monitor`."""

from __future__ import annotations

from pathlib import Path

import click

from stm32_cli import console, options


@click.command(
    help="Show what a board writes to its serial line; keys that are pressed go to it. A board that is unplugged is "
    "waited for. Ctrl-C ends it."
)
@options.option(
    "-d", "--device", default="serial", show_default=True, help="serial[:PORT[:BAUD]], socket:HOST:PORT, a port."
)
@options.probe
@options.console_log
@click.option("--seconds", type=click.FloatRange(min=0), default=None, help="End by itself.")
@click.option("--once", is_flag=True, help="End with an error when the line breaks, instead of waiting for it.")
def command(*, device: str, probe: str, log: Path | None, seconds: float | None, once: bool) -> None:
    """Shows serial text."""
    from ai_runner.drivers import open_transport

    from stm32_cli.project.follow import follow
    from stm32_cli.project.lines import find_line, reopening_line

    found = find_line(device, probe)
    line = open_transport(found) if once else reopening_line(found)
    console.message(f"{line.name}: Ctrl-C ends")
    try:
        follow(line, seconds, log=log)
    finally:
        line.close()
