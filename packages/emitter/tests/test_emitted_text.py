# SPDX-License-Identifier: Apache-2.0
"""Text in C: strings, comments, names, arrays; each compiled and read back where that is possible."""

from __future__ import annotations

import ctypes
import itertools
import math
from typing import Any

import numpy as np
import pytest
from stm32_emitter.codegen.arrays import float_literal, initializer, inline_list, literal
from stm32_emitter.codegen.model import c_identifier, c_string, comment_text
from stm32_emitter.tir.c_source import c_type, tidy
from stm32_emitter.tir.lowering import c_names


def shared(host: Any, source: str) -> ctypes.CDLL:
    folder = host.folder()
    (folder / "text.c").write_text(source)
    host.compile("-shared", "-fPIC", folder / "text.c", "-o", folder / "text.so")
    return ctypes.CDLL(str(folder / "text.so"))


def test_strings_of_every_character_and_pair(host: Any) -> None:
    every = "".join(map(chr, range(1, 256)))  # bytes of two-byte UTF-8 sequences, too
    mixed = "??/ ??= \\1 \\x41g 7\x017 \"q\" 'a' %s %n 層🙂" + "".join(chr(c) + "7" for c in range(1, 128))
    library = shared(
        host,
        f"extern const char a[], b[];\nconst char a[] = {c_string(every)};\nconst char b[] = {c_string(mixed)};\n",
    )
    for name, text in (("a", every), ("b", mixed)):
        wanted = text.encode() + b"\0"
        assert bytes((ctypes.c_char * len(wanted)).in_dll(library, name)) == wanted


def test_comments_of_any_text(host: Any) -> None:
    pieces = ["*", "/", "\\", "?", "\n", "x", "層", "\0"]
    texts = ["".join(p) for p in itertools.product(pieces, repeat=4)]
    for text in texts:
        shown = comment_text(text)
        assert not any(bad in shown for bad in ("*/", "/*", "\n", "\\", "??", "\0")), text
        assert shown.isascii()
    body = "".join(f"/* {comment_text(t)} */\n" for t in texts)
    assert shared(host, f"{body}extern const int end;\nconst int end = 7;\n")


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("kws", "kws"),
        ("My Model-v1.2", "my_model_v1_2"),
        ("1abc", "m_1abc"),
        ("__x__", "x"),
        ("", "model"),
        ("層", "model"),
        ("math", "m_math"),
        ("String", "m_string"),
        ("ai_kernels", "m_ai_kernels"),
    ],
)
def test_names_of_models(name: str, wanted: str) -> None:
    assert c_identifier(name) == wanted


def test_names_of_parameters_are_unique_identifiers() -> None:
    names = c_names(["x", "x", "x_1", "image:0", "int", "", "_y", "1", "x", "memcpy"])
    assert names == ["x", "x_1", "x_1_1", "image_0", "p_int", "p_", "p_y", "p_1", "x_2", "p_memcpy"]


EXTREMES = {
    "int8": [-128, -1, 0, 127],
    "uint8": [0, 255],
    "int16": [-32768, 32767],
    "uint16": [0, 65535],
    "int32": [-(2**31), -(2**31) + 1, -1, 2**31 - 1],
    "uint32": [0, 2**31, 2**32 - 1],
    "int64": [-(2**63), -(2**63) + 1, 2**31, 2**63 - 1],
    "uint64": [0, 2**64 - 1],
    "bool": [False, True],
    "float32": [0.0, -0.0, 1e-45, 3.4028235e38, 0.1, -1.5, math.inf, -math.inf, math.nan],
    "float64": [0.0, -0.0, 5e-324, 1.7976931348623157e308, 0.1, math.inf, -math.inf, math.nan],
}


def test_arrays_come_back_bit_for_bit(host: Any) -> None:
    lines = ["#include <math.h>", "#include <stdint.h>"]
    for dtype, values in EXTREMES.items():
        kind, array = c_type(dtype), np.asarray(values, dtype)
        lines.append(f"extern const {kind} v_{dtype}[{array.size}];")
        lines.append(f"const {kind} v_{dtype}[{array.size}] = {initializer(array)};")
    library = shared(host, "\n".join(lines) + "\n")
    for dtype, values in EXTREMES.items():
        wanted = np.asarray(values, dtype)
        raw = bytes((ctypes.c_char * wanted.nbytes).in_dll(library, f"v_{dtype}"))
        got = np.frombuffer(raw, dtype)
        if dtype.startswith("float"):
            assert np.array_equal(np.isnan(got), np.isnan(wanted))
            got, wanted = got[~np.isnan(got)], wanted[~np.isnan(wanted)]
            assert np.array_equal(np.signbit(got), np.signbit(wanted))
        assert np.array_equal(got, wanted), dtype


def test_long_arrays_keep_to_the_line_length() -> None:
    text = initializer(np.arange(-5000, 5000, dtype=np.int32))
    assert max(map(len, text.splitlines())) <= 120
    assert [int(item) for item in text.strip("{}\n").replace("\n", "").split(",") if item.strip()] == [
        *range(-5000, 5000)
    ]


def test_single_literals() -> None:
    assert literal(-(2**31), "int32") == "INT32_MIN"
    assert literal(-(2**63), "int64") == "INT64_MIN"
    assert float_literal(0.5) == "0x1.0000000000000p-1f"
    assert float_literal(math.nan) == "NAN"
    assert inline_list((1, -2), "int32") == "{1, -2}"


def test_tidy_drops_empty_statements_and_doubles_the_indent() -> None:
    assert tidy("{\n  0;\n  (void)0;\n  for (;;) {\n    x = (&(y[(i + 1)]));\n  }\n}") == (
        "{\n    for (;;) {\n        x = (&y[(i + 1)]);\n    }\n}\n"
    )
