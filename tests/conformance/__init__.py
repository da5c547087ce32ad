# SPDX-License-Identifier: Apache-2.0
"""Random and damaged models, and the models of the zoo: compiled C against the reference interpreter."""
