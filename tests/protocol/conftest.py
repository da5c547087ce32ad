# SPDX-License-Identifier: Apache-2.0
"""Builds the C side of the protocol for this machine, once for each compiler."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROTOCOL = ROOT / "firmware" / "protocol"
WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion", "-Wsign-conversion", "-Wshadow"]
WARNINGS += ["-Wcast-qual", "-Wcast-align", "-Wundef", "-Wdouble-promotion", "-Wvla"]
WARNINGS += ["-Wstrict-prototypes", "-Wmissing-prototypes"]
SOURCES = ["ai_frame31.c", "ai_checked.c", "ai_link.c"]


@pytest.fixture(scope="session")
def lacking():
    """Skips a test that lacks something, or fails it where nothing may be skipped (STM32_REQUIRE_ALL, CI)."""

    def lack(reason):
        if os.environ.get("STM32_REQUIRE_ALL") == "1" or os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(f"{reason} (nothing may be skipped here: STM32_REQUIRE_ALL or CI is set)")
        pytest.skip(reason)

    return lack


@pytest.fixture(scope="session")
def vectors():
    return json.loads((PROTOCOL / "vectors.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def c_warnings():
    return WARNINGS


@pytest.fixture(scope="session")
def c_sources():
    return [PROTOCOL / name for name in SOURCES]


@pytest.fixture(scope="session", params=["gcc", "clang"])
def driver_program(request, tmp_path_factory, lacking):
    """The test driver, built with the address and undefined-behaviour sanitizers."""
    compiler = shutil.which(request.param)
    if compiler is None:
        lacking(f"{request.param} is not installed")
    program = tmp_path_factory.mktemp(request.param) / "protocol_driver"
    sources = [str(PROTOCOL / name) for name in SOURCES] + [str(Path(__file__).with_name("protocol_driver.c"))]
    sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1"]
    subprocess.run([compiler, *WARNINGS, *sanitize, f"-I{PROTOCOL}", *sources, "-o", str(program)], check=True)
    return program


class Driver:
    """A running test driver: one step in, its lines out."""

    def __init__(self, program, mode):
        self._process = subprocess.Popen(
            [str(program), mode], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        if mode == "link":
            self._answers()

    def step(self, line):
        """Return [word, value] of each line that answers."""
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._answers()

    def _answers(self):
        answers = []
        while (line := self._process.stdout.readline().strip()) != ".":
            assert line, f"the driver ended: {self._process.wait(10)}"
            word, _, value = line.partition(" ")
            answers.append((word, value))
        return answers

    def transmitted(self, line):
        """Step and return what went to the line."""
        return b"".join(bytes.fromhex(value) for word, value in self.step(line) if word == "tx")

    def close(self):
        self._process.stdin.close()
        status = self._process.wait(10)
        self._process.stdout.close()
        assert status == 0


@pytest.fixture
def start(driver_program):
    drivers = []

    def begin(mode):
        drivers.append(Driver(driver_program, mode))
        return drivers[-1]

    yield begin
    for driver in drivers:
        driver.close()
