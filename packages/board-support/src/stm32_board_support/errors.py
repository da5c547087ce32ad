# SPDX-License-Identifier: Apache-2.0
"""Errors of this package; each message says what is wrong, where, and what to do."""


class BoardSupportError(Exception):
    """Base of all errors of this package."""


class BoardNotFoundError(BoardSupportError):
    """No board, layout or flash runner of that name."""


class BoardDescriptorError(BoardSupportError):
    """A board.toml cannot be read, or breaks a rule."""


class ToolMissingError(BoardSupportError):
    """A program that is needed is not installed; the message says how to get it."""


class PartNotFoundError(BoardNotFoundError):
    """No part of that number, or several that differ."""


class PartDataMissingError(ToolMissingError):
    """The package with the data of all parts is not installed; the message says how to get it."""


class FlashRefusedError(BoardSupportError):
    """A flash program cannot write this image; the message says why, and which one can."""


class EmulatorError(BoardSupportError):
    """The emulator did not start, or did not end as it should."""


class ElfError(BoardSupportError):
    """A file is not an ELF file that can be read."""
