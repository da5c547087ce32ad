# SPDX-License-Identifier: Apache-2.0
"""The hardware check list: firmware that does what it is asked on the board, and a host that asks and judges."""
