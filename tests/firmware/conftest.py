# SPDX-License-Identifier: Apache-2.0
"""Builds firmware images once per session and talks to them."""

import os
import re
import shutil
import subprocess
import sys
import time
import zlib
from contextlib import contextmanager
from pathlib import Path

import pytest
import stm32_runtime_c
from stm32_board_support import Emulator, load_board

ROOT = Path(__file__).resolve().parents[2]
NANOPB = Path(os.environ.get("NANOPB_DIR") or ROOT / ".cache" / "nanopb")
TINY = ROOT / "packages" / "runtime-c" / "tests" / "c" / "tiny"
ODD = Path(__file__).parent / "models" / "odd"
MODELS = {"tiny": TINY, "odd": ODD}
BUILD_SECONDS = 600
TOOLS = ("cmake", "ninja", "arm-none-eabi-gcc", "qemu-system-arm", "cc")


class Builder:
    """Configures and builds firmware in folders below one, which the workers of a test run share."""

    def __init__(self, folder: Path, own: str) -> None:
        self.folder = folder
        self._own = own
        self._count = 0

    def configure(self, **what) -> Path:
        """Folder of a configured build; each call makes another."""
        self._count += 1
        return self._configure(self.folder / f"{self._own}{self._count}", **what)

    def _configure(self, build: Path, board="qemu-mps2-an386", app="valid", models=(), **settings) -> Path:
        dirs = ";".join(str(MODELS.get(model, model)) for model in models)
        values = {"BOARD": board, "APP": app, "MODEL_DIRS": dirs, "PYTHON": sys.executable, **settings}
        values |= {"RUNTIME_DIR": stm32_runtime_c.cmake_dir(), "NANOPB_DIR": NANOPB if app == "valid" else ""}
        argv = ["cmake", "-G", "Ninja", "-S", str(ROOT / "firmware"), "-B", str(build)]
        done = run(argv + [f"-D{key}={value}" for key, value in values.items()])
        assert done.returncode == 0, done.stdout
        return build

    def image(self, **what) -> Path:
        """Project.elf of a build; the first worker that asks for it builds it, the others wait."""
        key = repr(sorted((name, str(value)) for name, value in what.items()))
        build = self.folder / f"image_{zlib.crc32(key.encode()):08x}"
        finished = build / "finished"
        try:
            build.mkdir()
        except FileExistsError:
            end = time.monotonic() + BUILD_SECONDS
            while not finished.exists():
                assert time.monotonic() < end, f"{build} was not built by another worker"
                time.sleep(0.1)
            assert finished.read_text() == "", finished.read_text()
            return build / "Project.elf"
        said = "configuring failed"
        try:
            self._configure(build, **what)
            done = run(["cmake", "--build", str(build)])
            said = "" if done.returncode == 0 else done.stdout
        finally:
            finished.write_text(said)
        assert said == "", said
        return build / "Project.elf"

    def variant(self, name: str, changes: dict[str, str]) -> Path:
        """A copy of the model tiny under another name, with pieces of its text replaced."""
        target = self.folder / f"model_{name}_{self._own}"
        target.mkdir(exist_ok=True)
        for file in TINY.iterdir():
            text = file.read_text()
            for old, new in changes.items():
                text = text.replace(old, new)
            text = text.replace("tiny", name).replace("TINY", name.upper())
            (target / file.name.replace("tiny", name)).write_text(text)
        return target


def run(argv: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


@pytest.fixture(scope="session")
def builder(tmp_path_factory):
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (make setup installs them)")
    if not (NANOPB / "pb_encode.c").is_file():
        pytest.skip("nanopb's C sources are missing (make setup fetches them, or set NANOPB_DIR)")
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if worker else base) / "firmware"
    shared.mkdir(exist_ok=True)
    return Builder(shared, worker or "main")


@contextmanager
def _host_process(elf: Path):
    with subprocess.Popen([str(elf), "--listen", "0"], stderr=subprocess.PIPE, text=True) as process:
        try:
            port = re.search(r"127\.0\.0\.1:(\d+)", process.stderr.readline())[1]
            yield f"socket:127.0.0.1:{port}"
        finally:
            process.kill()


@pytest.fixture
def running():
    """A context manager: a running image, as the descriptor of its console."""

    @contextmanager
    def start(board: str, elf: Path):
        if board == "host":
            with _host_process(elf) as description:
                yield description
        else:
            with Emulator(load_board(board), elf) as emulator:
                yield emulator.description

    return start
