# SPDX-License-Identifier: Apache-2.0
"""System packages: what is missing on this machine, and its installation on Debian and Ubuntu."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from problem import EXIT_TOOL_MISSING, SetupError, run, say

APT_OPTIONS = ("-y", "-q", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300")


@dataclass(frozen=True)
class Need:
    """One thing that the project uses from the system, and the Debian package that brings it."""

    what: str
    package: str
    present: bool


def _compiles(compiler: str, *arguments: str) -> bool:
    """Whether a compiler is there and finds the C library's headers."""
    if shutil.which(compiler) is None:
        return False
    source = "#include <stdint.h>\n#include <string.h>\nint x;\n"
    argv = [compiler, *arguments, "-x", "c", "-fsyntax-only", "-"]
    return subprocess.run(argv, input=source, text=True, capture_output=True, check=False).returncode == 0


def _sanitizes() -> bool:
    """Whether clang has the runtime libraries of its sanitizers (also where there is no clang to ask)."""
    if shutil.which("clang") is None:
        return True
    argv = ["clang", "-fsanitize=address,undefined", "-x", "c", "-", "-o", os.devnull]
    return (
        subprocess.run(
            argv, input="int main(void) { return 0; }", text=True, capture_output=True, check=False
        ).returncode
        == 0
    )


def _sanitizer_package() -> str:
    if shutil.which("clang") is None:
        return "libclang-rt-dev"
    version = subprocess.run(["clang", "-dumpversion"], text=True, capture_output=True, check=False).stdout
    return f"libclang-rt-{version.partition('.')[0]}-dev"


def _venv_package() -> str:
    return f"python3.{sys.version_info.minor}-venv"


def needs() -> list[Need]:
    """Looks at this machine."""
    has_venv = importlib.util.find_spec("venv") is not None and importlib.util.find_spec("ensurepip") is not None
    return [
        Need("git", "git", shutil.which("git") is not None),
        Need("gcc and the C library's headers", "build-essential", _compiles("cc") and _compiles("gcc")),
        Need("clang", "clang", _compiles("clang")),
        Need("clang's sanitizers", _sanitizer_package(), _sanitizes()),
        Need("arm-none-eabi-gcc", "gcc-arm-none-eabi", shutil.which("arm-none-eabi-gcc") is not None),
        Need("newlib for Arm", "libnewlib-arm-none-eabi", _compiles("arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb")),
        Need("qemu-system-arm", "qemu-system-arm", shutil.which("qemu-system-arm") is not None),
        Need("Python's venv module", _venv_package(), has_venv),
    ]


def _like_debian() -> bool:
    try:
        text = Path("/etc/os-release").read_text(encoding="utf-8")
    except OSError:
        return False
    return "debian" in text or "ubuntu" in text


def root_prefix() -> list[str] | None:
    """The words before a command that needs root: none, sudo, or None when it cannot be had without asking."""
    if os.geteuid() == 0:
        return []
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    ):
        return ["sudo", "-n", "env", "DEBIAN_FRONTEND=noninteractive"]
    return None


def _install(packages: list[str], prefix: list[str], command: str) -> None:
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    say(f"installing system packages: {' '.join(packages)} (a few minutes)")
    run(
        [*prefix, "apt-get", "update", "-q"], f"check the network and the package sources, then run: {command}", env=env
    )
    run([*prefix, "apt-get", "install", *APT_OPTIONS, *packages], f"run it by hand to see more: {command}", env=env)


def _missing() -> list[Need]:
    return [need for need in needs() if not need.present]


def _install_missing(missing: list[Need]) -> None:
    """Installs packages on Debian and Ubuntu, or says which."""
    packages = sorted({need.package for need in missing})
    what = ", ".join(need.what for need in missing)
    if not _like_debian() or shutil.which("apt-get") is None:
        hint = "install them with this system's package manager (names: README.md, 'Other systems'), then run it again"
        raise SetupError(f"missing on this machine: {what}", hint, EXIT_TOOL_MISSING)
    command = f"sudo apt-get update && sudo apt-get install {' '.join(packages)}"
    prefix = root_prefix()
    if prefix is None:
        raise SetupError(f"missing on this machine: {what}", f"run: {command}", EXIT_TOOL_MISSING)
    _install(packages, prefix, command)


def ensure() -> None:
    """Installs what is missing, or says what to install.

    Some packages are named after the version of another one, so there is a second look after the first installation.

    Raises:
        SetupError: something is missing and cannot be installed from here; its hint is the command that does.
    """
    for _ in range(2):
        missing = _missing()
        if not missing:
            return
        _install_missing(missing)
    still = [need for need in _missing() if need.package != _venv_package()]
    if still:
        names = ", ".join(f"{need.what} ({need.package})" for need in still)
        command = f"sudo apt-get install {' '.join(need.package for need in still)}"
        raise SetupError(f"installed, but still not usable: {names}", f"look at: {command}", EXIT_TOOL_MISSING)
