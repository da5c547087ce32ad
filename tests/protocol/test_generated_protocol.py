# SPDX-License-Identifier: Apache-2.0
"""The committed protocol code is what the pinned generators make of the .proto."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "generate_protocol.py"
INSTALL = (
    "the protocol generators are not installed: python -m venv .cache/protogen && "
    ".cache/protogen/bin/pip install --only-binary :all: grpcio-tools==1.54.3 nanopb==0.4.9.1 "
    "(or set PROTOGEN_PYTHON to the Python of an environment that has them)"
)


def _generator_python() -> str:
    """Return a Python that has the generators: PROTOGEN_PYTHON, .cache/protogen, or this one."""
    cached = ROOT / ".cache" / "protogen" / "bin" / "python"
    return os.environ.get("PROTOGEN_PYTHON") or (str(cached) if cached.exists() else sys.executable)


def test_committed_code_is_generated_code(lacking) -> None:
    result = subprocess.run([_generator_python(), str(SCRIPT), "--check"], capture_output=True, text=True, check=False)
    if result.returncode == 5:
        lacking(INSTALL)
    assert result.returncode == 0, result.stderr
