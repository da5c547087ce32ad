# SPDX-License-Identifier: Apache-2.0
"""All files of a model as bytes."""

from __future__ import annotations

import json
from typing import Any

from stm32_emitter.codegen.data import data_header, data_source
from stm32_emitter.codegen.descriptor import model_header, model_source
from stm32_emitter.codegen.external import external_files
from stm32_emitter.codegen.library import library_source
from stm32_emitter.codegen.model import Model
from stm32_emitter.codegen.report import report_record, report_text
from stm32_emitter.codegen.report_html import report_html


def model_files(model: Model, record: dict[str, Any], params: bytes) -> dict[str, bytes]:
    """File name -> content. ``params`` is the content of ``<m>.params``."""
    name = model.name
    text = {
        f"{name}.h": model_header(model),
        f"{name}.c": model_source(model, record["signature"]),
        f"{name}_data.h": data_header(model),
        f"{name}_data.c": data_source(model),
        f"{name}_lib.c": library_source(model),
        **external_files(model),
        f"{name}.json": _json(record),
        f"{name}_report.json": _json(report_record(record)),
        f"{name}_report.txt": report_text(record),
        f"{name}_report.html": report_html(record),
    }
    return {key: value.encode() for key, value in text.items()} | {f"{name}.params": params}


def _json(record: dict[str, Any]) -> str:
    return json.dumps(record, indent=1, sort_keys=True) + "\n"
