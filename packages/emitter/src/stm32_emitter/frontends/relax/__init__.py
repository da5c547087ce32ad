# SPDX-License-Identifier: Apache-2.0
"""Relax modules of other TVM flows whose images are channels first."""

from stm32_emitter.frontends.relax.importer import import_relax, is_channels_first

__all__ = ["import_relax", "is_channels_first"]
