# SPDX-License-Identifier: Apache-2.0
"""Each package: sdist, the wheel built from it, installed alone into an empty environment, its own tests run there."""

import email.parser
import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONSTRAINTS = ROOT / "requirements" / "dev.txt"


@dataclass(frozen=True)
class Package:
    """A distribution of the workspace.

    `brings` is what a plain installation brings along, where that is promised. `test_needs` are distributions that its
    tests use besides pytest and hypothesis.
    """

    folder: str
    module: str
    needs: tuple[str, ...] = ()
    brings: frozenset[str] | None = None
    test_needs: tuple[str, ...] = ()


PACKAGES = {
    package.folder: package
    for package in (
        Package("runtime-c", "stm32_runtime_c", brings=frozenset()),
        Package("board-support", "stm32_board_support", brings=frozenset({"msgspec"})),
        Package("ai-runner", "ai_runner", brings=frozenset({"numpy", "pyserial", "protobuf", "cobs"})),
        Package("emitter", "stm32_emitter", ("runtime-c",), test_needs=("ai-edge-litert", "backports-strenum")),
        Package("cli", "stm32_cli", ("runtime-c", "board-support", "ai-runner", "emitter")),
    )
}
HOLDS = {
    "cli": [
        "stm32_cli/firmware/CMakeLists.txt",
        "stm32_cli/firmware/protocol/generated/stm32_ai.pb.c",
        "stm32_cli/counter/icount.c",
    ],
    "board-support": [
        "stm32_board_support/Boards/qemu-mps2-an386/board.toml",
        "stm32_board_support/Boards/common/startup.c",
    ],
    "runtime-c": ["stm32_runtime_c/c/include/ai_runtime_api.h", "stm32_runtime_c/c/src/ai_runtime.c"],
}


def _run(*argv: str | Path, cwd: Path | None = None, timeout: float = 900.0) -> str:
    env = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    words = [str(word) for word in argv]
    done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, argv))}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def build(folder: str, out: Path) -> Path:
    """Makes sdist and the wheel from it; returns the wheel."""
    _run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT / "packages" / folder)
    return next(out.glob("*.whl"))


def _pip(python: Path, *arguments: str | Path) -> str:
    return _run(sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", *arguments)


def _installed(python: Path) -> set[str]:
    listed = _pip(python, "list", "--format", "freeze").splitlines()
    return {line.partition("==")[0].lower() for line in listed if "==" in line}


@pytest.mark.packaging
@pytest.mark.parametrize("name", PACKAGES)
def test_package_alone(name: str, tmp_path: Path) -> None:
    package = PACKAGES[name]
    wheel = build(name, tmp_path / "dist")
    wheels = [wheel, *(build(need, tmp_path / need) for need in package.needs)]
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
        assert not [path for path in HOLDS.get(name, []) if path not in held]
        assert f"{package.module}/py.typed" in held
        metadata = email.parser.Parser().parsestr(
            archive.read(next(path for path in held if path.endswith(".dist-info/METADATA"))).decode()
        )
    assert metadata["License-Expression"] == "Apache-2.0"

    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    _pip(python, "install", "--quiet", "--only-binary", ":all:", "--constraint", CONSTRAINTS, *wheels)
    others = _installed(python) - {metadata["Name"]}
    if package.brings is not None:
        assert others == package.brings
    version = _run(python, "-c", f"import {package.module}; print({package.module}.__version__)", cwd=tmp_path).strip()
    assert version == metadata["Version"]

    tools = ["pytest", "hypothesis", *package.test_needs]
    _pip(python, "install", "--quiet", "--only-binary", ":all:", "--constraint", CONSTRAINTS, *tools)
    shutil.unpack_archive(next((tmp_path / "dist").glob("*.tar.gz")), tmp_path / "sdist")
    tests = next((tmp_path / "sdist").glob("*/tests"))
    arguments = ["-q", "-p", "no:cacheprovider", "--import-mode", "importlib", "--rootdir", tests, tests]
    said = _run(python, "-m", "pytest", *arguments, cwd=tmp_path)
    assert " passed" in said


@pytest.mark.packaging
@pytest.mark.parametrize("name", PACKAGES)
def test_sdist_holds_files_not_links(name: str, tmp_path: Path) -> None:
    build(name, tmp_path)
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as sdist:
        links = [member.name for member in sdist if member.issym() or member.islnk()]
        tops = {member.name.split("/")[1] for member in sdist if "/" in member.name}
    assert links == []
    assert {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "src", "tests"} <= tops
