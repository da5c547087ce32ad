# SPDX-License-Identifier: Apache-2.0
"""Runs a model on a target and compares what it computes with the original model's interpreter or stored outputs."""
