# SPDX-License-Identifier: Apache-2.0
"""Strict models of STM32 peripherals, by the reference manuals RM0402 (STM32F412) and RM0399 (STM32H747)."""
