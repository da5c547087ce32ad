# SPDX-License-Identifier: Apache-2.0
"""Program and plan -> the files of a model."""
