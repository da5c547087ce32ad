# SPDX-License-Identifier: Apache-2.0
"""`stm32 doctor`."""

from __future__ import annotations

import platform
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from stm32_cli import console
from stm32_cli.errors import tool_missing, usage

if TYPE_CHECKING:
    from stm32_cli.project.inventory import Finding


@click.command(help="List the tools and plug-ins that are used: version, place, how to get what is missing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(*, as_json: bool) -> None:
    """Lists tools and plug-ins; exit code 5 if a required tool is missing, else 2 if a plug-in cannot be loaded."""
    from stm32_cli.project.inventory import inspect

    findings = inspect()
    if as_json:
        console.result_json([asdict(finding) for finding in findings])
    else:
        console.result(f"Python {platform.python_version()} at {sys.executable}, {platform.platform()}")
        rows = [[f.name, f.version or "missing", f.needed_for, _place(f)] for f in findings]
        console.result(console.plain_table(["tool", "version", "needed for", "found at"], rows))
    for finding in findings:
        if not finding.found:
            console.message(f"{finding.name} is missing, needed for {finding.needed_for}: {finding.install}")
        elif finding.problem:
            console.message(finding.problem)
    missing = [finding.name for finding in findings if finding.required and not finding.found]
    if missing:
        raise tool_missing(f"missing: {', '.join(missing)}", "the lines above say how to get them")
    broken = [finding.name for finding in findings if finding.problem]
    if broken:
        raise usage(f"not usable: {', '.join(broken)}", "mend or uninstall it: stm32 compile fails while it is there")


def _place(finding: Finding) -> str:
    """The last cell of a row."""
    if finding.problem:
        return "fails to load"
    return finding.where or ("" if finding.required else "optional")
