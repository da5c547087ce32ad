# SPDX-License-Identifier: Apache-2.0
"""What is known of the channels of a tensor, and how operators hand it on.

A channel is an index of a tensor's last axis. Every rule here is about 8-bit tensors of rank 1 or more. The pass that
uses them is :mod:`stm32_emitter.passes.constant_channels`.
"""
