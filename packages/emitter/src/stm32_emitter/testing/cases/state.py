# SPDX-License-Identifier: Apache-2.0
"""Cases of the operators on variables, which make sense together only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .draw import values

if TYPE_CHECKING:
    from .draw import Draw

Wiring = tuple[list[int], list[int]]


def variables(draw: Draw) -> Wiring:
    """One or two variables: read, assigned once or twice, and read again; outputs are what was read."""
    inputs, outputs = [], []
    for number in range(draw.integer(1, 2)):
        shape, quant = draw.shape((1, 4), 200), draw.quant()
        initial = values(draw.rng, shape, draw.dtype, draw.pick(("uniform", "constant", "ramp")))
        handle = draw.writer.variable(f"state_{number}", initial, quant=quant)
        for step in range(draw.integer(1, 2)):
            x = draw.activation(f"input_{number}_{step}", shape, quant)
            before = draw.activation(f"before_{number}_{step}", shape, quant)
            draw.writer.operator("READ_VARIABLE", [handle], [before])
            draw.writer.operator("ASSIGN_VARIABLE", [handle, x], [])
            inputs.append(x)
            outputs.append(before)
        if draw.chance(0.5):
            after = draw.activation(f"after_{number}", shape, quant)
            draw.writer.operator("READ_VARIABLE", [handle], [after])
            outputs.append(after)
    return inputs, outputs


GENERATORS = dict.fromkeys(("ASSIGN_VARIABLE", "CALL_ONCE", "READ_VARIABLE", "VAR_HANDLE"), variables)
