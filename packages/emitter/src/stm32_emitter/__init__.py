# SPDX-License-Identifier: Apache-2.0
"""Compiles neural networks to plain C for STM32 microcontrollers, through Apache TVM."""

__version__ = "0.1.0"
