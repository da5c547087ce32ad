# SPDX-License-Identifier: Apache-2.0
"""The command line as a whole: help without heavy imports, errors as text and exit code, options' precedence."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from stm32_cli import main as cli
from stm32_cli.errors import CliError, Exit, as_cli_error

HEAVY = ("tvm", "numpy", "tflite", "ai_edge_litert", "stm32_emitter", "ai_runner", "msgspec", "elftools", "rich")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], *([name, "--help"] for name in cli.COMMANDS)])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    script = (
        "import sys; from stm32_cli.main import main; code = main(sys.argv[1:]);"
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]; print('loaded', loaded); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded []"


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"\n  {name} " in text for name in cli.COMMANDS)


def test_every_command_exists() -> None:
    group = cli.cli
    context = click.Context(group)
    commands = [group.get_command(context, name) for name in group.list_commands(context)]
    assert all(isinstance(command, click.Command) for command in commands)
    assert [command.params for command in commands if command is None] == []


def test_unknown_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bild"]) == Exit.USAGE
    assert "No such command 'bild'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (CliError("it is so", "do this", Exit.DOES_NOT_FIT), 4, "error: it is so\nhint: do this\n"),
        (CliError("no hint"), 1, "error: no hint\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (click.Abort(), 130, "interrupted\n"),
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/x/y"),
            1,
            "error: No space left on device: /x/y\nhint: check the path, its permissions and the free disk space\n",
        ),
    ],
)
def test_errors_as_text(error: BaseException, code: int, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.tell(error) == code
    assert capsys.readouterr().err == text


def test_unexpected_error_leaves_a_log_and_no_traceback(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(ZeroDivisionError) as caught:
        raise ZeroDivisionError("of all things")
    assert cli.tell(caught.value) == 1
    said = capsys.readouterr().err
    log = next(tmp_path.glob("stm32-error-*.log"))
    assert said == (
        f"error: unexpected ZeroDivisionError: of all things\nhint: this is a defect; please report it with {log}\n"
    )
    assert "Traceback" in log.read_text()


def test_board_errors_are_usage_errors(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.main(["build", "-b", "qemu-mps2-an999", "-d", str(tmp_path / "b")]) == Exit.USAGE
    said = capsys.readouterr()
    assert said.err.startswith("error: there is no board 'qemu-mps2-an999'; did you mean: ")
    assert said.out == ""
    assert not (tmp_path / "b").exists()


def test_runner_errors_keep_code_and_hint() -> None:
    from ai_runner import PortBusyError, SignatureMismatchError

    busy, other = as_cli_error(PortBusyError("busy", "close it")), as_cli_error(SignatureMismatchError("other"))
    assert busy is not None
    assert other is not None
    assert (busy.exit_code, str(busy), busy.hint) == (Exit.LINK_ERROR, "busy", "close it")
    assert other.exit_code == Exit.STEP_FAILED
    assert as_cli_error(ValueError("x")) is None


def _layout_error(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The layout that `stm32 build` was asked for, from its complaint about it."""
    assert cli.main(["build", "-b", "qemu-mps2-an386", "--app", "perf", *arguments]) == Exit.USAGE
    return capsys.readouterr().err.split("has no layout ")[1].split(";")[0]


def test_flag_wins_over_environment_over_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STM32_LAYOUT", raising=False)
    Path("stm32.toml").write_text('layout = "of_file"\n')
    assert _layout_error(capsys) == "'of_file'"
    monkeypatch.setenv("STM32_LAYOUT", "of_environment")
    assert _layout_error(capsys) == "'of_environment'"
    assert _layout_error(capsys, "--layout", "of_flag") == "'of_flag'"
