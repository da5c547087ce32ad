# SPDX-License-Identifier: Apache-2.0
"""ONNX models; the package `onnx` (extra `onnx`) is imported only when one is read."""

from stm32_emitter.frontends.onnx.importer import import_onnx

__all__ = ["import_onnx"]
