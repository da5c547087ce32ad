# SPDX-License-Identifier: Apache-2.0
"""What `make demo` runs."""

from __future__ import annotations

import runpy
from pathlib import Path

if __name__ == "__main__":
    runpy.run_path(str(Path(__file__).resolve().parents[2] / "scripts" / "demo.py"), run_name="__main__")
