# SPDX-License-Identifier: Apache-2.0
"""Operators of torch's core set that TVM's importer does not know: ``convert(node, importer) -> Relax``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tvm import relax

from stm32_emitter.errors import ModelRefused


def _argument(node: Any, position: int, name: str, otherwise: Any) -> Any:
    return node.args[position] if len(node.args) > position else node.kwargs.get(name, otherwise)


def _extreme(operation: Callable[..., relax.Expr]) -> Callable[[Any, Any], relax.Expr]:
    """amax and amin: (x, dim=[], keepdim=False); no axes stand for all."""

    def convert(node: Any, importer: Any) -> relax.Expr:
        axes = list(_argument(node, 1, "dim", []) or [])
        keep = bool(_argument(node, 2, "keepdim", otherwise=False))
        return importer.block_builder.emit(operation(importer.env[node.args[0]], axes or None, keepdims=keep))

    return convert


def _variance(node: Any, importer: Any) -> relax.Expr:
    """var.dim and var.correction: (x, dim=None, correction=1, keepdim=False); var.dim says unbiased instead."""
    x = importer.env[node.args[0]]
    rank = len(x.ty.shape)
    axes = [axis % rank for axis in (_argument(node, 1, "dim", None) or range(rank))]
    by_name = node.target.__name__ == "var.correction"
    given = node.kwargs.get("correction", 1) if by_name else int(_argument(node, 2, "unbiased", otherwise=True))
    keep = bool(node.kwargs.get("keepdim", False) if by_name else _argument(node, 3, "keepdim", otherwise=False))
    count = 1
    for axis in axes:
        count *= int(x.ty.shape[axis])
    correction = 1 if given is None else float(given)
    if count - correction <= 0:
        raise ModelRefused(f"it is the variance of {count} numbers with a correction of {correction}")
    emit = importer.block_builder.emit
    apart = emit(relax.op.subtract(x, emit(relax.op.mean(x, axes, keepdims=True))))
    total = emit(relax.op.sum(emit(relax.op.multiply(apart, apart)), axes, keepdims=keep))
    return emit(relax.op.multiply(total, relax.const(1.0 / (count - correction), "float32")))


OPERATORS: dict[str, Callable[[Any, Any], relax.Expr]] = {
    "amax.default": _extreme(relax.op.max),
    "amin.default": _extreme(relax.op.min),
    "var.dim": _variance,
    "var.correction": _variance,
}
"""By name and overload."""
