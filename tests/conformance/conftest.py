# SPDX-License-Identifier: Apache-2.0
"""What the conformance tests need: the repository on the import path, the reference interpreter."""

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))


@pytest.fixture(scope="session", autouse=True)
def reference():
    """The reference interpreter; every test here compares with it or with what it computed."""
    from tests.conftest import lacking

    if find_spec("ai_edge_litert") is None:
        lacking("the reference interpreter is not installed: pip install ai-edge-litert")
