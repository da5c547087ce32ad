# SPDX-License-Identifier: Apache-2.0
"""The firmware on the HAL of a user's STM32Cube package, in place of our own code for clock and console."""

from pathlib import Path

import msgspec

from stm32_board_support.errors import BoardSupportError
from stm32_board_support.linker import output_sections
from stm32_board_support.schema import Board, Vendor

_COMMON = (
    "",
    "_cortex",
    "_dma",
    "_dma_ex",
    "_flash",
    "_flash_ex",
    "_gpio",
    "_pwr",
    "_pwr_ex",
    "_rcc",
    "_rcc_ex",
    "_uart",
)
# Family -> modules of its HAL that clock and console need.
MODULES = {"STM32F4xx": _COMMON, "STM32H7xx": (*_COMMON, "_uart_ex")}
SERIES = tuple(MODULES)
"""Series of Cube packages that a board can be built on."""
_CORE_HEADERS = ("Drivers/CMSIS/Include", "Drivers/CMSIS/Core/Include")


class CubePackageError(BoardSupportError):
    """A folder is no STM32Cube package for the board, or the board or its layout cannot be built on one."""


def _need(path: Path, root: Path) -> Path:
    if not path.exists():
        raise CubePackageError(
            f"{root} is not complete: {path.relative_to(root)} is missing; unpack the STM32Cube package whole"
        )
    return path


def _drivers(root: Path, series: str, board: str) -> Path:
    """The HAL's folder.

    Raises:
        CubePackageError: the folder is none, holds no HAL, or that of another series.
    """
    drivers = root / "Drivers"
    package = f"STM32Cube{series[5:7]}"
    hint = f"name the folder of {package}, which holds Drivers/{series}_HAL_Driver"
    if not root.is_dir():
        raise CubePackageError(f"{root} is no folder; {hint}")
    if (drivers / f"{series}_HAL_Driver").is_dir():
        return drivers / f"{series}_HAL_Driver"
    others = sorted(path.name.removesuffix("_HAL_Driver") for path in drivers.glob("STM32*_HAL_Driver"))
    if others:
        held = ", ".join(others)
        raise CubePackageError(f"{root} holds the HAL of {held}, but {board} has an {series[:7]}; {hint}")
    raise CubePackageError(f"{root} is no STM32Cube package; {hint}")


def _refuse_external(board: Board, layout_name: str) -> None:
    layout = board.layout(layout_name)
    used = {section.memory for section in output_sections(layout)}
    external = sorted(name for name in used if board.memories[name].external)
    if external:
        raise CubePackageError(
            f"layout {layout_name or board.descriptor.default_layout} of {board.name} uses {', '.join(external)}, "
            "which only our own port starts; choose a layout inside of the chip, or leave the Cube package out"
        )


def on_cube(board: Board, root: Path, layout_name: str = "") -> Board:
    """The board, built on the HAL of a Cube package.

    Args:
        board: a board whose board.toml has a table [cube].
        root: the package's folder, as unpacked.
        layout_name: key of the board's layouts, "" for the default.

    Returns:
        The same board with another port, and with the package's sources and include folders.

    Raises:
        CubePackageError: no such board, layout or package; the message says what would do.
    """
    cube = board.descriptor.cube
    if cube is None:
        raise CubePackageError(f"{board.name} has no table [cube] in its board.toml: it is built on its own port only")
    hal = _drivers(root, cube.series, board.name)
    _refuse_external(board, layout_name)
    small = cube.series.lower()
    device = root / "Drivers" / "CMSIS" / "Device" / "ST" / cube.series
    headers = next((root / folder for folder in _CORE_HEADERS if (root / folder).is_dir()), root / _CORE_HEADERS[0])
    for header in (hal / "Inc" / f"{small}_hal.h", hal / "Inc" / f"{small}_hal_conf_template.h"):
        _need(header, root)
    sources = [_need(hal / "Src" / f"{small}_hal{module}.c", root) for module in MODULES[cube.series]]
    sources.append(_need(device / "Source" / "Templates" / f"system_{small}.c", root))
    folders = [hal / "Inc", _need(device / "Include", root), _need(headers, root)]
    port = msgspec.structs.replace(board.descriptor.port, sources=cube.sources, include_dirs=cube.include_dirs)
    port = msgspec.structs.replace(port, defines=[*port.defines, "USE_HAL_DRIVER", *cube.defines])
    descriptor = msgspec.structs.replace(board.descriptor, port=port)
    vendor = Vendor([path.as_posix() for path in sources], [path.as_posix() for path in folders])
    return Board(descriptor, board.folder, board.named, vendor)
