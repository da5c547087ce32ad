# SPDX-License-Identifier: Apache-2.0
"""The unit tests and the error table on an emulated Cortex-M4: 32-bit pointers, short enums, the linker's section."""

import tomllib
from pathlib import Path

import pytest

FLAGS = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=soft", "-ffunction-sections", "-fdata-sections"]


@pytest.fixture
def boot(c_tools, tmp_path):
    """Give a function that links a program for the emulated board and returns the command that runs it."""

    def build(sources: list[Path], *flags: str) -> list[object]:
        target = c_tools.folder / "target"
        elf = tmp_path / "program.elf"
        qemu = c_tools.need("qemu-system-arm")
        link = ["-nostartfiles", "--specs=rdimon.specs", "-Wl,--gc-sections", "-Wl,--no-warn-rwx-segments"]
        script = ["-T", target / "target.ld"]
        own = [target / "start.c", *sources, *c_tools.models, *c_tools.runtime]
        c_tools.compile("arm-none-eabi-gcc", *FLAGS, *flags, *link, *script, *own, "-o", elf)
        machine = ["-M", "mps2-an386", "-display", "none", "-serial", "none", "-monitor", "none", "-kernel", elf]
        return [qemu, *machine, "-semihosting-config", "enable=on,target=native"]

    return build


@pytest.mark.emulator
@pytest.mark.parametrize("level", ["-O0", "-Os"])
@pytest.mark.parametrize(("program", "defines"), [("api_tests", []), ("observer_tests", ["-DAI_OBSERVER"])])
def test_c_unit_tests_on_the_target(*, c_tools, boot, program, defines, level):
    sources = [c_tools.folder / f"{program}.c", c_tools.folder / "fixtures.c"]
    result = c_tools.run(*boot(sources, level, *defines))
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 failures" in result.stdout


@pytest.mark.emulator
def test_error_table_on_the_target(c_tools, boot):
    table = tomllib.loads((Path(__file__).parent / "error_cases.toml").read_text(encoding="utf-8"))
    calls = [case["call"] for case in table["case"]]
    calls += [f"{function} {state}" for function in table["functions"] for state in table["states"]]
    command = boot([c_tools.folder / "probe.c", c_tools.folder / "faulty.c"], "-Os")
    answers = c_tools.run(*command, text="\n".join(calls) + "\n")
    assert answers.returncode == 0, answers.stdout + answers.stderr
    expected = [f"{case['gives']}|{case['error']}" for case in table["case"]]
    expected += [
        f"{answer[0] if state == 'live' else answer[1]}|{error}"
        for answer in table["functions"].values()
        for state, error in table["states"].items()
    ]
    assert dict(zip(calls, answers.stdout.splitlines(), strict=True)) == dict(zip(calls, expected, strict=True))
