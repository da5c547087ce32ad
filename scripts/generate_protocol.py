# SPDX-License-Identifier: Apache-2.0
"""Generate the protocol's Python and C code from firmware/protocol/stm32_ai.proto.

The generators are not dependencies of the project. Install the pinned pair into a virtual environment of its own and
run with it:

    python -m venv .cache/protogen
    .cache/protogen/bin/pip install --only-binary :all: grpcio-tools==1.54.3 nanopb==0.4.9.1
    .cache/protogen/bin/python scripts/generate_protocol.py

grpcio-tools is old on purpose: generated Python refuses a protobuf runtime older than its generator, and what this one
(protoc 3.21) makes runs with protobuf 4.21 to 7. ``--check`` compares instead of writing and exits with 1 when a
committed file differs.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROTO_DIR = ROOT / "firmware" / "protocol"
NAME = "stm32_ai"
PINNED = {"grpcio-tools": "1.54.3", "nanopb": "0.4.9.1"}
SPDX_PY = "# SPDX-License-Identifier: Apache-2.0\n"
SPDX_C = "/* SPDX-License-Identifier: Apache-2.0 */\n"
TARGETS = {
    f"{NAME}_pb2.py": ROOT / "packages" / "ai-runner" / "src" / "ai_runner" / "protocol",
    f"{NAME}_pb2.pyi": ROOT / "packages" / "ai-runner" / "src" / "ai_runner" / "protocol",
    f"{NAME}.pb.h": PROTO_DIR / "generated",
    f"{NAME}.pb.c": PROTO_DIR / "generated",
}


def missing_generators() -> list[str]:
    """Return what has to be installed, as ``name==version``; empty when the pinned pair is there."""
    missing = []
    for name, version in PINNED.items():
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            found = ""
        if found != version:
            missing.append(f"{name}=={version}")
    return missing


# grpc_tools of this age asks pkg_resources, which setuptools no longer has, for the path of one folder.
STAND_IN = """
import importlib.util, pathlib
def resource_filename(package, name):
    return str(pathlib.Path(importlib.util.find_spec(package).origin).parent / name)
"""


def _run(out: Path, module: str, *args: str) -> None:
    environment = dict(os.environ)
    if importlib.util.find_spec("pkg_resources") is None:
        folder = out / "stand_in"
        folder.mkdir(exist_ok=True)
        (folder / "pkg_resources.py").write_text(STAND_IN, encoding="utf-8")
        environment["PYTHONPATH"] = str(folder)
    subprocess.run([sys.executable, "-m", module, *args], check=True, cwd=PROTO_DIR, env=environment)


def generate(out: Path) -> dict[str, str]:
    """Run both generators into ``out`` and return file name -> text with the licence line on top."""
    proto = f"{NAME}.proto"
    _run(out, "grpc_tools.protoc", f"-I{PROTO_DIR}", f"--python_out={out}", f"--pyi_out={out}", proto)
    _run(out, "nanopb.generator.nanopb_generator", "--quiet", "--strip-path", f"--output-dir={out}", proto)
    texts = {}
    for name in TARGETS:
        head = SPDX_C if name.endswith((".h", ".c")) else SPDX_PY
        if name.endswith(".pyi"):
            head += "# mypy: ignore-errors\n"  # a field is called str, and Mapping has no arguments
        texts[name] = head + (out / name).read_text(encoding="utf-8")
    return texts


def main() -> int:
    """Write or compare the generated files; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the committed files, write nothing")
    check = parser.parse_args().check
    missing = missing_generators()
    if missing:
        print(f"generators missing: pip install --only-binary :all: {' '.join(missing)}", file=sys.stderr)
        return 5
    try:
        with tempfile.TemporaryDirectory() as folder:
            texts = generate(Path(folder))
    except subprocess.CalledProcessError as error:
        print(f"a generator failed: {error}", file=sys.stderr)
        return 1
    differing = []
    for name, text in texts.items():
        path = TARGETS[name] / name
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            differing.append(str(path.relative_to(ROOT)))
    if differing:
        print(f"not what the generators make: {', '.join(differing)}; run this script without --check", file=sys.stderr)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
