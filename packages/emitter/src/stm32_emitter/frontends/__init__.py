# SPDX-License-Identifier: Apache-2.0
"""From a model file to Relax with quantize and dequantize."""
