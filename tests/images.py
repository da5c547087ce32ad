# SPDX-License-Identifier: Apache-2.0
"""Linked images of real boards: what they take of each memory, or why there is none."""

from __future__ import annotations

from stm32_cli.errors import CliError
from stm32_cli.project.firmware import Build, build_firmware
from stm32_cli.project.memory import measure


def linked(build: Build) -> dict[str, int] | str:
    """Memory -> bytes of an image that is built; of one that does not fit, which memory is too small, by how much."""
    try:
        build_firmware(build)
    except CliError as error:
        return _refusal(error)
    return {region.name: region.used for region in measure(build).regions if region.used}


def _refusal(error: CliError) -> str:
    """The reason in a line."""
    lines = [line.strip() for line in str(error).splitlines()]
    needs = [line.partition("; largest")[0] for line in lines if ": needs " in line]
    return "; ".join(needs) or " ".join(lines[:2])
