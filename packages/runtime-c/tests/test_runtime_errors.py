# SPDX-License-Identifier: Apache-2.0
"""error_cases.toml against the runtime: every function with every wrong argument, under the sanitizers."""

import tomllib
from pathlib import Path

import pytest

TABLE = tomllib.loads((Path(__file__).parent / "error_cases.toml").read_text(encoding="utf-8"))


def _handle_cases() -> list[tuple[str, str]]:
    cases = []
    for state, error in TABLE["states"].items():
        live = state == "live"
        for function, (accepted, refused) in TABLE["functions"].items():
            cases.append((f"{function} {state}", f"{accepted if live else refused}|{error}"))
        for function, (accepted, refused) in TABLE["destroyers"].items():
            after = TABLE["states"]["destroyed"] if live else error
            cases.append((f"{function} {state}", f"{accepted if live else refused}|{after}"))
    return cases


def _create_cases() -> list[tuple[str, str]]:
    create = TABLE["create"]
    return [
        (f"{function} {condition}", f"ERROR handle=NULL|{error}")
        for function in create["functions"]
        for condition, error in create["refused"].items()
    ]


CASES = [*_handle_cases(), *_create_cases(), *((c["call"], f"{c['gives']}|{c['error']}") for c in TABLE["case"])]


@pytest.fixture(scope="module", params=["gcc", "clang"])
def answers(request, c_tools, tmp_path_factory) -> dict[str, str]:
    """What the runtime answers to all cases, asked in one process, so that no case leaves a trace in the next."""
    binary = tmp_path_factory.mktemp("probe") / "probe"
    flags = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-DAI_HOST_MODELS"]
    sources = [c_tools.folder / name for name in ("probe.c", "faulty.c", "host_models.c")]
    c_tools.compile(request.param, *flags, *sources, *c_tools.models, *c_tools.runtime, "-o", binary)
    calls = [call for call, _ in CASES]
    result = c_tools.run(binary, text="\n".join(calls) + "\n")
    assert result.returncode == 0, result.stdout + result.stderr
    return dict(zip(calls, result.stdout.splitlines(), strict=True))


@pytest.mark.parametrize(("call", "expected"), CASES, ids=[call.replace(" ", "-") for call, _ in CASES])
def test_answer(answers, call, expected):
    assert answers[call] == expected
