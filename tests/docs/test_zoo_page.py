# SPDX-License-Identifier: Apache-2.0
"""docs/zoo.md says what docs/zoo.json and docs/zoo-costs.md say."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("zoo_table", ROOT / "scripts" / "zoo_table.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert (ROOT / "docs" / "zoo.md").read_text(encoding="utf-8") == script.page(ROOT / "docs"), (
        "run python scripts/zoo_table.py"
    )
