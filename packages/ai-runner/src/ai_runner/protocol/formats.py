# SPDX-License-Identifier: Apache-2.0
"""Element formats of tensor descriptions, as numpy dtypes and back.

A format is 32 bits: bits 0..6 fraction bits + 64, bits 7..13 bits of an element, bits 17..20 kind (1 float, 2 integer,
3 bool), bit 23 signed, bit 24 float (old firmware sets it, newer does not), bits 25..31 properties that do not concern
the element.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ai_runner.errors import InvalidModelError, InvalidParamError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["decode_shape", "dtype_of", "format_of"]

_FLOAT, _INTEGER, _BOOL, _FIXED = 1, 2, 3, 15
_KIND_OF = {"f": _FLOAT, "i": _INTEGER, "u": _INTEGER, "b": _BOOL}

_BCWH, _BHWC, _BCHW, _ST_AI, _HAS_BATCH = 1, 2, 3, 4, 64
# Where the dimensions of [N, H, W, ...] stand in the order that is sent, by shape format and rank.
_ORDER = {
    (_BCWH, 4): (0, 3, 2, 1),
    (_BCWH, 5): (0, 3, 2, 4, 1),
    (_BCWH, 6): (0, 3, 2, 4, 5, 1),
    (_BCHW, 4): (0, 3, 1, 2),
    (_BCHW, 5): (0, 1, 4, 2, 3),
    (_BCHW, 6): (0, 1, 2, 5, 3, 4),
}


def dtype_of(fmt: int) -> np.dtype[np.generic]:
    """Return the dtype of a format.

    Raises:
        InvalidModelError: numpy has no such type (bit-packed elements, for example).
    """
    kind, bits, signed = fmt >> 17 & 0xF, fmt >> 7 & 0x7F, bool(fmt >> 23 & 1)
    if kind == _BOOL and bits == 8:
        return np.dtype(np.bool_)
    if kind == _FLOAT and bits in (16, 32, 64):
        return np.dtype(f"float{bits}")
    if kind in (_INTEGER, _FIXED) and bits in (8, 16, 32, 64):
        return np.dtype(f"{'int' if signed else 'uint'}{bits}")
    raise InvalidModelError(f"the device describes a tensor of format 0x{fmt:08x}, which has no numpy type")


def format_of(dtype: np.dtype[np.generic] | type[np.generic] | str) -> int:
    """Return the format of a dtype: bool, float16/32/64, int8..64, uint8..64.

    Raises:
        InvalidParamError: the protocol has no format for it.
    """
    kind = np.dtype(dtype)
    if kind.kind not in _KIND_OF:
        raise InvalidParamError(f"dtype {kind} has no format in the protocol")
    signed = kind.kind in "if"
    return int(signed) << 23 | _KIND_OF[kind.kind] << 17 | (kind.itemsize * 8) << 7 | 64


def decode_shape(n_dims: int, dims: Sequence[int]) -> tuple[int, ...]:
    """Return the shape in row-major order, batch first, of dimensions sent in the shape format ``n_dims >> 24``."""
    fmt = n_dims >> 24
    if fmt & 0xF == _ST_AI:
        return tuple(dims) if fmt & _HAS_BATCH and dims and dims[0] == 1 else (1, *dims)
    order = _ORDER.get((fmt & 0xF, len(dims)), range(len(dims)))
    return tuple(dims[i] for i in order)


def element_count(shape: Sequence[int]) -> int:
    """Return the number of elements; 1 for rank 0."""
    return math.prod(shape)
