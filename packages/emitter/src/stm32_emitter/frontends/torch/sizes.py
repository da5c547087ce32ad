# SPDX-License-Identifier: Apache-2.0
"""Free dimensions of a program get sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tvm
from tvm import relax, tirx

from stm32_emitter.errors import OptionError

Shapes = Mapping[str, tuple[int, ...]]
"""Name of an input -> its shape."""

_SPECIAL = 2
"""torch.export states that a size is at least 2 although 1 does as well: it only never looked at 0 and 1."""


def with_sizes(mod: tvm.IRModule, shapes: Shapes, names: Mapping[str, str]) -> tvm.IRModule:
    """Binds every free dimension.

    Args:
        mod: with the function ``main``, whose attributes hold bounds of its free dimensions.
        shapes: of inputs; a dimension that is free otherwise becomes 1, or the least that the program allows.
        names: of the inputs for people, by the name of the parameter.

    Raises:
        OptionError: ``shapes`` names no input, or contradicts the program.
    """
    main = mod["main"]
    unknown = sorted(set(shapes) - set(names.values()))
    if unknown:
        known = ", ".join(names.values())
        raise OptionError(f"a shape is given for '{unknown[0]}', which is no input of the model; inputs: {known}")
    sizes: dict[str, int] = {}
    for parameter in main.params:
        name = names.get(str(parameter.name), str(parameter.name))
        if name in shapes:
            _take(name, list(parameter.ty.shape), shapes[name], sizes)
    low, high = (_bounds(main, f"tir_var_{which}_bound") for which in ("lower", "upper"))
    for free in _free(main):
        least = low.get(free, 1) if low.get(free, 1) > _SPECIAL else 1
        size = sizes.setdefault(free, least)
        if not least <= size <= high.get(free, size):
            limit = f"from {least}" + (f" to {high[free]}" if free in high else "")
            raise OptionError(f"a free dimension of the model cannot be {size}; it is exported for sizes {limit}")
    bound = relax.transform.BindSymbolicVars(sizes, "main")(mod) if sizes else mod
    return relax.transform.Normalize()(bound)


def _take(name: str, declared: list[Any], given: tuple[int, ...], sizes: dict[str, int]) -> None:
    """Notes what ``given`` says of the free dimensions of one input."""
    fits = len(declared) == len(given) and min(given, default=1) >= 1
    for dim, size in zip(declared, given, strict=False):
        if isinstance(dim, tirx.IntImm):
            fits = fits and int(dim) == size
        elif tvm.ir.is_prim_var(dim):
            fits = fits and sizes.setdefault(str(dim.name), size) == size
    if not fits:
        text = ", ".join(str(dim) for dim in declared)
        raise OptionError(f"the shape {list(given)} does not fit input '{name}', which is [{text}] in the model")


def _free(main: relax.Function) -> list[str]:
    found = [*relax.analysis.defined_symbolic_vars(main), *relax.analysis.free_symbolic_vars(main)]
    return list(dict.fromkeys(str(variable.name) for variable in found))


def _bounds(main: relax.Function, key: str) -> dict[str, int]:
    attrs = main.attrs
    found = attrs[key] if attrs is not None and key in attrs else {}
    return {str(name): int(value) for name, value in found.items()}
