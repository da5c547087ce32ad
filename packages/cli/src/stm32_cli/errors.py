# SPDX-License-Identifier: Apache-2.0
"""What a command may fail with, and the exit code of each failure."""

from enum import IntEnum


class Exit(IntEnum):
    """The documented exit codes."""

    OK = 0
    STEP_FAILED = 1
    USAGE = 2
    MODEL_REFUSED = 3
    DOES_NOT_FIT = 4
    TOOL_MISSING = 5
    LINK_ERROR = 6
    OUTPUTS_DIFFER = 7
    INTERRUPTED = 130


class CliError(Exception):
    """A failure that is told to the user.

    Args:
        message: what is wrong and where.
        hint: what to do about it, "" if the message says it.
        exit_code: of the process.
    """

    def __init__(self, message: str, hint: str = "", exit_code: Exit = Exit.STEP_FAILED) -> None:
        super().__init__(message)
        self.hint = hint
        self.exit_code = exit_code


def usage(message: str, hint: str = "") -> CliError:
    """Wrong arguments or files."""
    return CliError(message, hint, Exit.USAGE)


def tool_missing(message: str, hint: str = "") -> CliError:
    """A program or library that is not installed."""
    return CliError(message, hint, Exit.TOOL_MISSING)


# Errors of the packages below, by name, so that telling one costs no import of a package that was not in use.
_FOREIGN = {
    "stm32_board_support.errors.ToolMissingError": Exit.TOOL_MISSING,
    "stm32_board_support.errors.BoardNotFoundError": Exit.USAGE,
    "stm32_board_support.errors.BoardDescriptorError": Exit.USAGE,
    "stm32_board_support.cube.CubePackageError": Exit.USAGE,
    "stm32_board_support.copying.BoardExistsError": Exit.USAGE,
    "stm32_board_support.errors.FlashRefusedError": Exit.USAGE,
    "stm32_board_support.errors.BoardSupportError": Exit.STEP_FAILED,
    "stm32_emitter.errors.MissingPackage": Exit.TOOL_MISSING,
    "stm32_emitter.errors.ModelRefused": Exit.MODEL_REFUSED,
    "stm32_emitter.errors.EmitterError": Exit.USAGE,
}


def as_cli_error(error: BaseException) -> CliError | None:
    """Another package's documented error as one of this package; None for what no package documents."""
    if isinstance(error, CliError):
        return error
    for kind in type(error).__mro__:
        name = f"{kind.__module__}.{kind.__qualname__}"
        if name == "ai_runner.errors.AiRunnerError":
            message, hint, code = (getattr(error, key) for key in ("message", "hint", "exit_code"))
            return CliError(message, hint, Exit(code))
        if name == "stm32_board_support.errors.BoardDescriptorError":  # a line for each fault
            return CliError(str(error), exit_code=_FOREIGN[name])
        if name == "stm32_emitter.errors.ModelRefusedForReasons":
            summary, hints = (getattr(error, key) for key in ("summary", "hints"))
            return CliError(summary, "\n".join(hints), Exit.MODEL_REFUSED)
        if name in _FOREIGN:
            message, _, hint = str(error).partition("\n")
            return CliError(message, hint, _FOREIGN[name])
    return None
