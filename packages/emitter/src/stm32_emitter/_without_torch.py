# SPDX-License-Identifier: Apache-2.0
"""Imports TVM without PyTorch, which TVM imports first where it is installed: two seconds of every command.

The order that TVM wants matters on Windows only, and there it is kept. torch can be imported afterwards.
"""

import sys

if sys.platform != "win32" and "torch" not in sys.modules and "tvm_ffi" not in sys.modules:
    sys.modules["torch"] = None  # type: ignore[assignment] # an import of it fails, which TVM takes for "not installed"
    try:
        import tvm  # noqa: F401
    finally:
        del sys.modules["torch"]
