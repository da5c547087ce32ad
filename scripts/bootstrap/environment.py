# SPDX-License-Identifier: Apache-2.0
"""The virtual environments: pinned tools and libraries, and the workspace's packages as editable installs."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from problem import SetupError, run, say

STAMP = ".setup-complete"
TORCH_STAMP = ".setup-torch"
PROTOCOL_PYTHON = (3, 11)


def _fingerprint(root: Path, sources: list[Path]) -> str:
    """Changes when anything changes that an environment is made from."""
    digest = hashlib.sha256(sys.version.encode())
    for path in sources:
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _is_usable(python: Path) -> bool:
    try:
        return subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _base_python() -> str:
    """The Python outside of any virtual environment: the one in use may be in the folder that is made anew."""
    inside = sys.prefix != sys.base_prefix
    return str(Path(sys.executable).resolve()) if inside else sys.executable


def _create(venv: Path) -> None:
    python = _base_python()
    say(f"making the virtual environment {venv.name} with Python {sys.version.split()[0]}")
    shutil.rmtree(venv, ignore_errors=True)
    run([python, "-m", "venv", str(venv)], "install Python's venv module: sudo apt-get install python3-venv")


def _pip(venv: Path, *arguments: str, hint: str) -> None:
    argv = [str(venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    run(argv, hint, env=os.environ | {"PIP_REQUIRE_VIRTUALENV": "1"})


def _ensure(root: Path, venv: Path, requirements: Path, editable: list[Path]) -> None:
    """Makes an environment, or brings an older one up to date; does nothing when it is complete."""
    stamp = venv / STAMP
    wanted = _fingerprint(root, [requirements, *(folder / "pyproject.toml" for folder in editable)])
    current = stamp.read_text(encoding="utf-8") if stamp.is_file() else None
    usable = _is_usable(venv / "bin" / "python")
    if current == wanted and usable:
        return
    if current is None or not usable:
        _create(venv)
    with _stamped(stamp, wanted):
        _install(root, venv, requirements, editable)


@contextmanager
def _stamped(stamp: Path, wanted: str) -> Iterator[None]:
    """Removes the stamp before the first change and writes it after the last: an interrupted set-up starts over."""
    stamp.unlink(missing_ok=True)
    yield
    stamp.write_text(wanted, encoding="utf-8")


def _install(root: Path, venv: Path, requirements: Path, editable: list[Path]) -> None:
    hint = "check the network and the free disk space, then run `make setup` again"
    say(f"installing the pinned packages of {requirements.relative_to(root)} (one to three minutes)")
    _pip(venv, "install", "--quiet", "--only-binary", ":all:", "-r", str(requirements), hint=hint)
    if editable:
        say(f"installing the workspace's packages: {', '.join(folder.name for folder in editable)}")
        words = [word for folder in editable for word in ("-e", str(folder))]
        _pip(venv, "install", "--quiet", "--no-deps", "--no-build-isolation", *words, hint=hint)
        _pip(venv, "check", hint="a pin of requirements/dev.txt does not satisfy a package's pyproject.toml")


def ensure(root: Path, venv: Path) -> None:
    """Sees to the development environment.

    Raises:
        SetupError: a command failed.
    """
    packages = sorted(path.parent for path in root.glob("packages/*/pyproject.toml"))
    _ensure(root, venv, root / "requirements" / "dev.txt", packages)


def ensure_torch(root: Path, venv: Path) -> None:
    """Adds PyTorch to the development environment; what is there already is not touched.

    Raises:
        SetupError: a command failed.
    """
    requirements, stamp = root / "requirements" / "torch.txt", venv / TORCH_STAMP
    wanted = _fingerprint(root, [requirements])
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    with _stamped(stamp, wanted):
        say(f"installing PyTorch of {requirements.relative_to(root)} (one to two minutes)")
        hint = "check the network and 2 GB of free disk space, then run it again; or leave WITH_TORCH=1 out"
        _pip(venv, "install", "--quiet", "--only-binary", ":all:", "-r", str(requirements), hint=hint)


def ensure_generators(root: Path, venv: Path) -> None:
    """Sees to the environment of the protocol's generators; they have wheels for one Python only.

    A failure is only told: the generated code is committed, and nothing but the test that compares it needs them.
    """
    if sys.version_info[:2] != PROTOCOL_PYTHON:
        return
    try:
        _ensure(root, venv, root / "requirements" / "protocol.txt", [])
    except SetupError as error:
        say(f"note: no protocol generators (only the test of the generated code needs them): {error}")
