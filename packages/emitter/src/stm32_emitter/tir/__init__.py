# SPDX-License-Identifier: Apache-2.0
"""Loop nests: building PrimFuncs, lowering them, printing them as C."""
