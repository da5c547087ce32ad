# SPDX-License-Identifier: Apache-2.0
"""The serial protocol without I/O: frames of both modes, messages, element formats."""
