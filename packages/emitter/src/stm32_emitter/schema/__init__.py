# SPDX-License-Identifier: Apache-2.0
"""JSON Schemas of what the emitter writes: ``<m>.json`` and ``<m>_report.json``."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any, Literal


def load_schema(name: Literal["model", "report"] = "model") -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of ``<m>.json`` (``"model"``) or ``<m>_report.json`` (``"report"``)."""
    text = resources.files(__name__).joinpath(f"{name}.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
