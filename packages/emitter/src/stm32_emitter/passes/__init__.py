# SPDX-License-Identifier: Apache-2.0
"""Passes: pure functions from IRModule to IRModule."""
