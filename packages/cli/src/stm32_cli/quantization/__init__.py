# SPDX-License-Identifier: Apache-2.0
"""Float models to integers by the quantizers that others keep, and what that costs in accuracy."""
