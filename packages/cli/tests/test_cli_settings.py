# SPDX-License-Identifier: Apache-2.0
"""stm32.toml: what is accepted, what is refused, who wins."""

import pytest
from stm32_cli import settings
from stm32_cli.errors import CliError, Exit

COMMANDS = ["build", "validate"]


def test_common_keys_reach_only_commands_that_have_them() -> None:
    config = settings.parse('board = "b"\nlayout = "fast"\n[validate]\nsamples = 3\n', COMMANDS)
    assert settings.defaults_for("build", ["board", "layout"], config) == {"board": "b", "layout": "fast"}
    assert settings.defaults_for("validate", ["samples", "device"], config) == {"samples": 3}


def test_table_wins_over_common_key() -> None:
    config = settings.parse('board = "a"\n[build]\nboard = "b"\n', COMMANDS)
    assert settings.defaults_for("build", ["board"], config) == {"board": "b"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("board = ", "stm32.toml is not valid TOML"),
        ("bord = 1", "stm32.toml: unknown key 'bord'"),
        ("[biuld]\n", "stm32.toml: unknown table 'biuld'"),
    ],
)
def test_refused_files(text: str, message: str) -> None:
    with pytest.raises(CliError, match=message) as caught:
        settings.parse(text, COMMANDS)
    assert caught.value.exit_code == Exit.USAGE
    assert caught.value.hint


def test_unknown_option_in_a_table() -> None:
    config = settings.parse("[build]\nsampels = 1\n", COMMANDS)
    with pytest.raises(CliError, match=r"\[build\] has no option 'sampels'") as caught:
        settings.defaults_for("build", ["board", "app"], config)
    assert caught.value.hint == "known options: board, app"


def test_environment_names() -> None:
    assert settings.environment_name("build_dir") == "STM32_BUILD_DIR"
