# SPDX-License-Identifier: Apache-2.0
"""Each package: sdist, the wheel built from it, installed alone into an empty environment, and tested there.

All tests of the package run in the workspace. The environment adds what only it can show: every module and every test
can be imported with nothing but what the package asks for, and the chosen tests find the package's files.
"""

import email.parser
import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.shared import build_once

ROOT = Path(__file__).resolve().parents[2]
CONSTRAINTS = ROOT / "requirements" / "dev.txt"


@dataclass(frozen=True)
class Package:
    """A distribution of the workspace.

    Attributes:
        folder: its name below packages/.
        module: what is imported.
        tests: those that run in the empty environment: ways through the package's own files and its dependencies.
        needs: other distributions of the workspace that it needs.
        brings: what a plain installation brings along, where that is promised.
        optional: top-level modules of its extras, which some of its modules import.
    """

    folder: str
    module: str
    tests: tuple[str, ...]
    needs: tuple[str, ...] = ()
    brings: frozenset[str] | None = None
    optional: frozenset[str] = frozenset()


PACKAGES = {
    package.folder: package
    for package in (
        Package(
            "runtime-c", "stm32_runtime_c",
            (
                "test_runtime_package.py::test_accessors_give_existing_absolute_paths",
                "test_runtime_package.py::test_readme_cmake_project_builds[tiny-find_package]",
            ),
            brings=frozenset(),
        ),
        Package(
            "board-support", "stm32_board_support",
            ("test_board_descriptors.py", "test_linker_scripts.py", "test_configure_files.py"),
            brings=frozenset({"msgspec"}),
        ),
        Package(
            "ai-runner", "ai_runner", ("test_command_line.py", "test_samples.py", "test_vectors.py"),
            brings=frozenset({"numpy", "pyserial", "protobuf", "cobs"}),
        ),
        Package(
            "emitter", "stm32_emitter", ("test_written_files.py", "test_edge_models.py"), needs=("runtime-c",),
            optional=frozenset({"ortools"}),
        ),
        Package(
            "cli", "stm32_cli", ("test_cli_main.py", "test_cli_project.py", "test_selftest_image.py"),
            needs=("runtime-c", "board-support", "ai-runner", "emitter"), optional=frozenset({"ortools"}),
        ),
    )
}  # fmt: skip
ENVIRONMENTS = (("runtime-c",), ("board-support",), ("ai-runner",), ("emitter", "cli"))
"""Packages that are installed and tested one after the other in one environment: cli needs all that emitter brings."""
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
IMPORT_ALL = """
import importlib, pkgutil, sys
import {module} as package
for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    if found.name.endswith("__main__"):
        continue
    try:
        importlib.import_module(found.name)
    except ModuleNotFoundError as missing:
        print(found.name, (missing.name or "").partition(".")[0])
"""
"""Prints each module that cannot be imported, and what it lacks."""

Distribution = Callable[[str], Path]
"""Package -> folder with its sdist and its wheel."""


def _run(*argv: str | Path, cwd: Path | None = None, timeout: float = 900.0, **environment: str) -> str:
    env = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")} | environment
    words = [str(word) for word in argv]
    done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, argv))}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="session")
def distribution(shelf: Path) -> Distribution:
    """Makes the sdist of a package and the wheel from it, once for all tests of a run."""

    def built(name: str) -> Path:
        folder = shelf / f"dist-{name}"

        def build() -> Path:
            _run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT / "packages" / name)
            return folder

        return build_once(folder, build)

    return built


@pytest.fixture(scope="session")
def tools(shelf: Path) -> Path:
    """A folder with what runs tests, for all environments: none of it counts as installed there."""
    folder = shelf / "test-tools"

    def install() -> Path:
        _install("pytest", "hypothesis", target=folder / "modules")
        return folder / "modules"

    return build_once(folder, install)


def _wheel(folder: Path) -> Path:
    return next(folder.glob("*.whl"))


def _install(*what: str | Path, **where: Path) -> None:
    """Installs distributions at the pinned versions; ``where`` is python=, an environment's, or target=, a folder."""
    place = [word for name, value in where.items() for word in (f"--{name}", str(value))]
    first, last = (place, []) if "python" in where else ([], place)
    options = ["--quiet", "--no-compile", "--only-binary", ":all:", "--constraint", CONSTRAINTS, *last]
    _run(sys.executable, "-m", "pip", "--disable-pip-version-check", *first, "install", *options, *what)


def _installed(python: Path) -> set[str]:
    listed = "import importlib.metadata as m; print(*(found.name for found in m.distributions()))"
    return set(_run(python, "-c", listed).lower().split())


def _metadata(package: Package, wheel: Path) -> dict[str, str]:
    """Of a wheel that holds the files that it should."""
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
        assert not [path for path in HOLDS.get(package.folder, []) if path not in held]
        assert f"{package.module}/py.typed" in held
        text = archive.read(next(path for path in held if path.endswith(".dist-info/METADATA"))).decode()
    return dict(email.parser.Parser().parsestr(text).items())


def _check_imports(package: Package, python: Path, folder: Path) -> None:
    """Every module is imported, but for those of extras."""
    lacking = _run(python, "-c", IMPORT_ALL.format(module=package.module), cwd=folder).splitlines()
    assert [line for line in lacking if line.split()[1] not in package.optional] == []


def _check_tests(package: Package, python: Path, sdist: Path, tools: Path, folder: Path) -> None:
    """All tests of the sdist are collected, the chosen ones pass."""
    shutil.unpack_archive(sdist, folder / "sdist")
    tests = folder / "sdist" / sdist.name.removesuffix(".tar.gz") / "tests"
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode", "importlib", "--rootdir", tests]
    collected = _run(*command, "--collect-only", tests, cwd=folder, PYTHONPATH=str(tools))
    assert " tests collected" in collected
    said = _run(*command, *(f"{tests}/{name}" for name in package.tests), cwd=folder, PYTHONPATH=str(tools))
    assert " passed" in said


@pytest.mark.packaging
@pytest.mark.parametrize("names", ENVIRONMENTS, ids="-".join)
def test_packages_alone(names: tuple[str, ...], distribution: Distribution, tools: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    for package in (PACKAGES[name] for name in names):
        folder = distribution(package.folder)
        metadata = _metadata(package, _wheel(folder))
        assert metadata["License-Expression"] == "Apache-2.0"
        _install(*(_wheel(distribution(one)) for one in (package.folder, *package.needs)), python=python)
        if package.brings is not None:
            assert _installed(python) - {metadata["Name"]} == package.brings
        version = f"import {package.module}; print({package.module}.__version__)"
        assert _run(python, "-c", version, cwd=tmp_path).strip() == metadata["Version"]
        _check_imports(package, python, tmp_path)
        _check_tests(package, python, next(folder.glob("*.tar.gz")), tools, tmp_path)


@pytest.mark.packaging
@pytest.mark.parametrize("name", PACKAGES)
def test_sdist_holds_files_not_links(name: str, distribution: Distribution) -> None:
    with tarfile.open(next(distribution(name).glob("*.tar.gz"))) as sdist:
        links = [member.name for member in sdist if member.issym() or member.islnk()]
        tops = {member.name.split("/")[1] for member in sdist if "/" in member.name}
    assert links == []
    assert {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "src", "tests"} <= tops
