# SPDX-License-Identifier: Apache-2.0
"""Builds firmware images once per session and talks to them."""

import os
import re
import shutil
import subprocess
import sys
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
TOOLS = ("cmake", "ninja", "arm-none-eabi-gcc", "qemu-system-arm", "cc")


class Builder:
    """Configures and builds firmware in folders below one, and remembers what is built."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._built: dict[tuple, Path] = {}

    def configure(self, board="qemu-mps2-an386", app="valid", models=(), **settings) -> Path:
        """Folder of a configured build; each call makes another."""
        build = self.folder / f"b{len(list(self.folder.iterdir()))}"
        dirs = ";".join(str(MODELS.get(model, model)) for model in models)
        values = {"BOARD": board, "APP": app, "MODEL_DIRS": dirs, "PYTHON": sys.executable, **settings}
        values |= {"RUNTIME_DIR": stm32_runtime_c.cmake_dir(), "NANOPB_DIR": NANOPB if app == "valid" else ""}
        argv = ["cmake", "-G", "Ninja", "-S", str(ROOT / "firmware"), "-B", str(build)]
        done = run(argv + [f"-D{key}={value}" for key, value in values.items()])
        assert done.returncode == 0, done.stdout
        return build

    def image(self, **what) -> Path:
        """Project.elf of a build."""
        key = tuple(sorted((name, str(value)) for name, value in what.items()))
        if key not in self._built:
            build = self.configure(**what)
            done = run(["cmake", "--build", str(build)])
            assert done.returncode == 0, done.stdout
            self._built[key] = build / "Project.elf"
        return self._built[key]

    def variant(self, name: str, changes: dict[str, str]) -> Path:
        """A copy of the model tiny under another name, with pieces of its text replaced."""
        target = self.folder / f"model_{name}"
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
    return Builder(tmp_path_factory.mktemp("firmware"))


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
