# SPDX-License-Identifier: Apache-2.0
"""Programs of torch.export; the package `torch` (extra `torch`) is imported only when one is read."""

from stm32_emitter.frontends.torch.importer import import_torch
from stm32_emitter.frontends.torch.program import is_program

__all__ = ["import_torch", "is_program"]
