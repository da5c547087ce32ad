# SPDX-License-Identifier: Apache-2.0
"""Local arrays that are written and never read: other flows leave them behind where they take a part of a result."""

from __future__ import annotations

from typing import Any

import tvm_ffi
from tvm import ir, tirx


def without_unread_locals(body: tirx.Stmt) -> tirx.Stmt:
    """``body`` without local arrays that nobody reads and what is stored there; C compilers warn of them."""
    while unread := _unread(body):
        body = _without(body, unread)
    return body


def _unread(body: tirx.Stmt) -> list[tirx.Buffer]:
    allocated: list[tirx.Buffer] = []
    read: list[Any] = []

    def note_arguments(call: ir.Call) -> None:
        read.extend(call.args)

    tvm_ffi.structural_walk(
        body,
        [
            (tirx.AllocBuffer, lambda statement: allocated.append(statement.buffer)),
            (ir.expr.TensorLoad, lambda load: read.append(load.source)),
            (ir.Call, note_arguments),
        ],
    )
    return [buffer for buffer in allocated if not any(_same(buffer, other) for other in read)]


def _same(buffer: tirx.Buffer, other: Any) -> bool:
    return bool(buffer.same_as(other) or buffer.data.same_as(other))


def _without(body: tirx.Stmt, unread: list[tirx.Buffer]) -> tirx.Stmt:
    def gone(statement: Any) -> Any:
        dead = any(statement.buffer.same_as(buffer) for buffer in unread)
        return tirx.Evaluate(tirx.const(0, "int32")) if dead else statement

    return tvm_ffi.structural_map(body, [((tirx.AllocBuffer, tirx.BufferStore), gone)])
