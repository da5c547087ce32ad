# SPDX-License-Identifier: Apache-2.0
"""On which line of a TOML file a key stands; Python's parser does not tell.

The text must be valid TOML: only as much of the grammar is read as finds the ends of keys and values.
"""

import re

Key = tuple[str | int, ...]
"""Keys from the outermost table inward; an int is the place of an item in an array."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRINGS = (
    re.compile(r'"""(?:\\.|[^\\])*?"""(?!")', re.DOTALL),
    re.compile(r"'''.*?'''(?!')", re.DOTALL),
    re.compile(r'"(?:\\.|[^"\\\n])*"'),
    re.compile(r"'[^'\n]*'"),
)
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_SPACE = re.compile(r"[ \t]*")


def _string_end(text: str, at: int) -> int:
    """The end of a string that begins at a place; the place itself if none does."""
    return next((found.end() for pattern in _STRINGS if (found := pattern.match(text, at))), at)


def _skip(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


class _Reader:
    """Walks over a file from statement to statement."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines: dict[Key, int] = {}
        self._table: Key = ()

    def _line(self, at: int) -> int:
        return self.text.count("\n", 0, at) + 1

    def _name(self, at: int) -> tuple[Key, int]:
        """A dotted key at a place: its parts, and the place behind."""
        parts: list[str] = []
        while True:
            end = _string_end(self.text, at)
            if end == at:
                end = _skip(_BARE, self.text, at)
                parts.append(self.text[at:end])
            else:
                parts.append(self.text[at + 1 : end - 1])
            after = _skip(_DOT, self.text, end)
            if after == end:
                return tuple(parts), end
            at = after

    def _value(self, key: Key, at: int) -> int:
        """Passes a value, and notes the lines of an array's items; the place behind."""
        depth, item, fresh = 0, 0, False
        while at < len(self.text):
            if fresh:
                at = _skip(_BLANK, self.text, at)
                self.lines.setdefault((*key, item), self._line(at))
                fresh = False
            char = self.text[at]
            end = _string_end(self.text, at)
            if end > at:
                at = end
                continue
            if char == "\n" and depth == 0:
                return at
            if char == "#":
                at = _skip(_BLANK, self.text, at) if depth else self.text.find("\n", at) % (len(self.text) + 1)
                continue
            if char in "[{":
                depth += 1
                fresh = depth == 1 and char == "["
            elif char in "]}":
                depth -= 1
            elif char == "," and depth == 1:
                item += 1
                fresh = True
            at += 1
        return at

    def read(self) -> dict[Key, int]:
        """Line, from 1, of every key, table and array item."""
        at = 0
        while (at := _skip(_BLANK, self.text, at)) < len(self.text):
            line = self._line(at)
            if self.text[at] == "[":
                at += 2 if self.text.startswith("[[", at) else 1
                self._table, at = self._name(_skip(_SPACE, self.text, at))
                for length in range(1, len(self._table) + 1):
                    self.lines.setdefault(self._table[:length], line)
                at = self.text.find("\n", at) % (len(self.text) + 1)
                continue
            name, at = self._name(at)
            key = self._table + name
            for length in range(len(self._table) + 1, len(key) + 1):
                self.lines.setdefault(key[:length], line)
            at = self._value(key, self.text.index("=", at) + 1)
        return self.lines


def key_line(text: str, key: Key) -> int:
    """The line of a key, or of the nearest table or array around it that is written down; 1 for the file itself.

    Args:
        text: a valid TOML file.
        key: e.g. ("layouts", "default", "weights", 0).
    """
    lines = _Reader(text).read()
    return next((lines[key[:length]] for length in range(len(key), 0, -1) if key[:length] in lines), 1)


def key_text(key: Key) -> str:
    """A key as people write it: layouts.default.weights[0]."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key)
    return text.removeprefix(".")
