# SPDX-License-Identifier: Apache-2.0
"""Model files and modules of other flows -> Relax as the passes want it."""

from stm32_emitter.frontends.detect import Source, import_model

__all__ = ["Source", "import_model"]
