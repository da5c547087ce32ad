# SPDX-License-Identifier: Apache-2.0
"""Where the C runtime of compiled models lies on this machine.

The package holds C99 headers and sources and a CMake package; Python only tells a build where they are. A build
compiles every file of `sources` with `include_dir` on its include path and lets the linker drop what a model does not
use (``-ffunction-sections -fdata-sections``, ``--gc-sections``). On a host, define ``AI_HOST_MODELS`` and link a table
of the models, since no linker script collects them there.
"""

from pathlib import Path

__version__ = "0.1.0"
__all__ = ["cmake_dir", "include_dir", "source_dir", "sources"]

_C = Path(__file__).resolve().parent / "c"


def include_dir() -> Path:
    """Return the absolute path of the folder with ``ai_runtime_api.h`` and the kernel headers, for ``-I``."""
    return _C / "include"


def source_dir() -> Path:
    """Return the absolute path of the folder with the C sources of the runtime and of the kernel library."""
    return _C / "src"


def sources() -> list[Path]:
    """Return the absolute paths of all C files to compile, in alphabetical order, so that a build is reproducible."""
    return sorted(source_dir().glob("*.c"))


def cmake_dir() -> Path:
    """Return the absolute path of the folder with ``stm32_ai_runtime-config.cmake``.

    Use it as ``-Dstm32_ai_runtime_DIR=<path>`` for ``find_package(stm32_ai_runtime CONFIG REQUIRED)``; its parent
    folder is the one for ``add_subdirectory``. Both give the CMake targets ``stm32_ai::runtime`` and
    ``stm32_ai::runtime_observer``.
    """
    return _C / "cmake"
