# SPDX-License-Identifier: Apache-2.0
"""From a model to an ELF: compiled models on disk, firmware builds, sizes."""
