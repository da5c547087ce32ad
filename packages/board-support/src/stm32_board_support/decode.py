# SPDX-License-Identifier: Apache-2.0
"""Reads a board.toml; what is wrong is told with its key and line."""

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from stm32_board_support.errors import BoardDescriptorError
from stm32_board_support.schema import Descriptor
from stm32_board_support.toml_lines import Key, key_line, key_text

_PLACE = re.compile(r" - at (?:`key` in )?`\$([^`]*)`$")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_UNKNOWN = re.compile(r"unknown field `([^`]+)`")


def complaint(path: Path, text: str, key: Key, message: str) -> str:
    """One fault as it is told: board, file, line, key, what is wrong."""
    where = f"{path}:{key_line(text, key)}: {key_text(key)}: " if key else f"{path}:1: "
    return f"board {path.parent.name}: {where}{message}"


def decode(path: Path) -> tuple[Descriptor, str]:
    """Reads a file.

    Returns:
        The descriptor, whose types are right, and the file's text.

    Raises:
        BoardDescriptorError: it cannot be read, or a key is unknown, missing or of a wrong type.
    """
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise BoardDescriptorError(f"board {path.parent.name}: {path}: {error}") from error
    try:
        return _convert(data), text
    except msgspec.ValidationError as error:
        message = str(error)
        raise BoardDescriptorError(complaint(path, text, _key(data, message), _PLACE.sub("", message))) from error


def _convert(data: dict[str, Any]) -> Descriptor:
    return msgspec.convert(data, Descriptor, str_keys=True)


def _key(data: dict[str, Any], message: str) -> Key:
    """The key that msgspec complains of; it writes [...] for any key of a table with free names."""
    place = _PLACE.search(message)
    steps = [name or index for name, index in _STEP.findall(place[1])] if place else []
    key: Key = ()
    for step in steps:
        key = (*key, int(step) if step.isdigit() else _culprit(data, key, message) if step == "..." else step)
    if "`key` in" in message:
        key = (*key, _culprit(data, key, message))
    unknown = _UNKNOWN.search(message)
    return (*key, unknown[1]) if unknown else key


def _culprit(data: dict[str, Any], table: Key, message: str) -> str:
    """Which entry of a table the message is about: the first that alone brings the same message."""
    entries = _at(data, table)
    for name in entries:
        try:
            _convert(_with_only(data, table, name))
        except msgspec.ValidationError as error:
            if str(error) == message:
                return str(name)
    return str(next(iter(entries)))


def _at(data: Any, key: Key) -> Any:
    for part in key:
        data = data[part]
    return data


def _with_only(data: Any, table: Key, name: str) -> Any:
    """The data, with one entry left in a table."""
    if not table:
        return {name: data[name]}
    head, rest = table[0], table[1:]
    if isinstance(head, int):
        return [_with_only(item, rest, name) if i == head else item for i, item in enumerate(data)]
    return {**data, head: _with_only(data[head], rest, name)}
