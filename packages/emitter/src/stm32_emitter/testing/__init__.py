# SPDX-License-Identifier: Apache-2.0
"""Tools for tests: write .tflite files, run the reference interpreter, draw random operator cases, graphs and mutants.

Nothing here is imported by the compiler. Only ``reference`` needs ai-edge-litert, and only when it is used.
"""
