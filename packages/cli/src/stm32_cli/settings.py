# SPDX-License-Identifier: Apache-2.0
"""stm32.toml: defaults for options.

An option on the command line wins over its environment variable, that one over the file.

board = "nucleo-f412zg"      # for every command with such an option
board_path = ["../boards"]   # more folders with boards, relative to this file

[validate]                   # for one command
samples = 100
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from stm32_cli.errors import usage

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

FILE_NAME = "stm32.toml"
ENVIRONMENT_PREFIX = "STM32_"
BOARD_PATH = "board_path"
# Options that several commands share and that may stand outside of a table.
COMMON = (
    "board",
    "layout",
    "build_dir",
    "cpu",
    "optimize",
    "constant_channels",
    "tuned",
    "runner",
    "probe",
    "device",
    "x_cube_path",
    "plugins",
    BOARD_PATH,
)


def environment_name(option: str) -> str:
    """The variable of an option, e.g. STM32_BOARD."""
    return ENVIRONMENT_PREFIX + option.upper()


def parse(text: str, commands: Collection[str]) -> dict[str, Any]:
    """Reads stm32.toml.

    Args:
        text: content of the file.
        commands: names of tables that may occur.

    Returns:
        The file's tables and common keys.

    Raises:
        CliError: not TOML, or a key that no command has; exit code 2.
    """
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise usage(f"{FILE_NAME} is not valid TOML: {error}", "correct it or remove it") from error
    for key, value in found.items():
        is_table = isinstance(value, dict)
        if (is_table and key not in commands) or (not is_table and key not in COMMON):
            known = ", ".join(commands) if is_table else ", ".join(COMMON)
            what = "table" if is_table else "key"
            raise usage(f"{FILE_NAME}: unknown {what} {key!r}", f"known {what}s: {known}")
    return found


def board_path(config: Mapping[str, Any]) -> list[str]:
    """The folders of boards that stm32.toml names.

    Raises:
        CliError: it is neither a text nor a list of them; exit code 2.
    """
    value = config.get(BOARD_PATH, [])
    folders = [value] if isinstance(value, str) else value
    if not isinstance(folders, list) or not all(isinstance(folder, str) for folder in folders):
        raise usage(f"{FILE_NAME}: {BOARD_PATH} is no list of folders", f'e.g. {BOARD_PATH} = ["../boards"]')
    return folders


def defaults_for(command: str, options: Collection[str], config: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults that stm32.toml gives to one command.

    Args:
        command: its name.
        options: its option names, e.g. "build_dir".
        config: what `parse` returned.

    Raises:
        CliError: the command's table has a key that is none of its options; exit code 2.
    """
    table = config.get(command, {})
    unknown = [key for key in table if key not in options]
    if unknown:
        raise usage(f"{FILE_NAME}: [{command}] has no option {unknown[0]!r}", f"known options: {', '.join(options)}")
    common = {key: config[key] for key in COMMON if key in config and key in options}
    return {**common, **table}
