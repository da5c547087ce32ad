# SPDX-License-Identifier: Apache-2.0
"""docs/emitter.md shows what really comes out of its model."""

import re
from pathlib import Path
from typing import Any

from stm32_emitter import compile_model

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "emitter.md").read_text(encoding="utf-8")


def test_emitted_lines_are_those_of_the_document() -> None:
    found: dict[str, Any] = {}
    (source,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    exec(source, found)  # noqa: S102 - the document's own example
    files = compile_model(found["model"], name="doc").files
    emitted = {line.strip() for content in files.values() for line in content.decode("latin-1").splitlines()}
    plan = TEXT[TEXT.index("    memory plan: offset") :].split("\n\n")[0]
    shown = [*re.findall(r"```c\n(.*?)```", TEXT, re.DOTALL), plan]
    assert len(shown) == 4
    assert [line for part in shown for line in part.splitlines() if line.strip() not in emitted] == []
