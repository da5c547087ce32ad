# SPDX-License-Identifier: Apache-2.0
"""The command `stm32`: compiles, builds, flashes, runs and validates neural networks on STM32 and emulated boards."""

__version__ = "0.1.0"
