# SPDX-License-Identifier: Apache-2.0
"""Custom operators of TFLite: their names and their options, which are a flexbuffer in nearly all files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flatbuffers import flexbuffers

if TYPE_CHECKING:
    from stm32_emitter.frontends.tflite.reader import Operator

CUSTOM = "CUSTOM "
"""In front of custom_code in the kind of an operator."""


def custom_bytes(op: Operator) -> bytes:
    """custom_options as they are."""
    return bytes(op.table.CustomOptionsAsNumpy()) if op.table.CustomOptionsLength() else b""


def custom_map(op: Operator) -> Mapping[str, Any]:
    """The map that custom_options usually are; an empty one where they are something else."""
    raw = custom_bytes(op)
    try:
        found = flexbuffers.Loads(bytearray(raw)) if raw else {}
    except Exception:  # noqa: BLE001 - another format: who needs them reads the bytes
        return {}
    return {str(key): value for key, value in found.items()} if isinstance(found, dict) else {}
