# SPDX-License-Identifier: Apache-2.0
"""Number formats in which an operator's arithmetic is not the one of int8: refused, never computed in another way."""

from __future__ import annotations

import pytest
from stm32_emitter import ModelRefused, compile_model
from stm32_emitter.testing.cases import cases


@pytest.mark.parametrize(
    ("op", "dtype"), [("DIV", "int16"), ("ELU", "int16"), ("EMBEDDING_LOOKUP", "int16"), ("FILL", "uint8")]
)
def test_a_format_without_exact_kernel_is_refused(op: str, dtype: str) -> None:
    (case,) = cases(op, 0, 1, dtype)
    with pytest.raises(ModelRefused, match=rf"operator \d \({op}\) 'output'"):
        compile_model(case.model)
