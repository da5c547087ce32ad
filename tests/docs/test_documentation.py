# SPDX-License-Identifier: Apache-2.0
"""What the documents say exists: links, make targets, commands and their options, Python examples."""

import ast
import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest
from stm32_cli.main import cli

ROOT = Path(__file__).resolve().parents[2]
_listed = subprocess.run(
    ["git", "ls-files", "-z", "*.md"], cwd=ROOT, check=True, capture_output=True, text=True
).stdout.split("\0")
DOCUMENTS = [name for name in _listed if name and (ROOT / name).is_file()]
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"^(?: {4}|\$ ?|`)((?:stm32|make) [^\n`]*)", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def _commands(program: str) -> list[tuple[str, str]]:
    found = []
    for name in DOCUMENTS:
        text = (ROOT / name).read_text(encoding="utf-8")
        for match in _INDENTED.finditer(text):
            line = match[1].partition("  #")[0].partition("|")[0].strip()
            found += [(name, part.strip()) for part in line.split("&&") if part.strip().startswith(program + " ")]
    return found


def _targets() -> set[str]:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return {name for line in re.findall(r"^([a-z][\w -]*):(?!=)", text, re.MULTILINE) for name in line.split()}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    folder = (ROOT / name).parent
    links = _LINK.findall((ROOT / name).read_text(encoding="utf-8"))
    assert [link for link in links if not (folder / link).exists()] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_python_examples_are_python(name: str) -> None:
    for language, body in _BLOCK.findall((ROOT / name).read_text(encoding="utf-8")):
        if language == "python":
            ast.parse(body, filename=name)


def test_make_targets_exist() -> None:
    known = _targets()
    assert {"demo", "test", "setup"} <= known
    for name, line in _commands("make"):
        words = [word for word in shlex.split(line, comments=True)[1:] if re.fullmatch(r"[a-z][a-z-]*", word)]
        assert [word for word in words if word not in known] == [], f"{name}: {line}"


def _options_of(command: click.Command) -> set[str]:
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}


def test_commands_and_options_exist() -> None:
    context = click.Context(cli)
    lines = _commands("stm32")
    assert len(lines) >= 10
    for name, line in lines:
        words = shlex.split(line, comments=True)
        if not re.fullmatch(r"[a-z]+", words[1]):
            continue
        command = cli.get_command(context, words[1])
        assert command is not None, f"{name}: {line}"
        if isinstance(command, click.Group) and words[2:] and words[2] in command.commands:
            command = command.commands[words[2]]
        used = {word.partition("=")[0] for word in words[2:] if re.fullmatch(r"--?[a-z][\w-]*(=.*)?", word)}
        assert used <= _options_of(command), f"{name}: {line}"
