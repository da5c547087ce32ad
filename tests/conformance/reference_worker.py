# SPDX-License-Identifier: Apache-2.0
"""Asks the reference interpreter about operators in number formats; a process of its own, since it may not survive.

python -m tests.conformance.reference_worker asked.json      # [[operator, format], ...]

Prints a line for each: [operator, format, refusal], the last one empty where the interpreter computes the model.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from stm32_emitter.testing.cases import any_case
from stm32_emitter.testing.reference import Reference, ReferenceRefusedError

SEED = 300_000


def refusal(op: str, dtype: str) -> str:
    """What the interpreter says against a case; empty if it computes it."""
    case = any_case(op, SEED, dtype)
    try:
        Reference(case.model, keep_all=True).run(list(case.inputs[0]))
    except ReferenceRefusedError as error:
        return str(error)
    return ""


def main(path: Path) -> None:
    """Answers in the order of the questions."""
    for op, dtype in json.loads(path.read_text(encoding="utf-8")):
        print(json.dumps([op, dtype, refusal(op, dtype)]), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]))
