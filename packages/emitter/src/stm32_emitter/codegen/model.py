# SPDX-License-Identifier: Apache-2.0
"""Everything that the files of one model are printed from, and the names in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from stm32_emitter.codegen.sharing import NUMBERS, SharedText, share
from stm32_emitter.planning.plan import Plan
from stm32_emitter.program import Argument, Program
from stm32_emitter.target import target_named
from stm32_emitter.tir.c_source import body, signature

_HEADERS = frozenset((
    *("assert", "complex", "ctype", "errno", "fenv", "float", "inttypes", "iso646", "limits", "locale", "math"),
    *("setjmp", "signal", "stdarg", "stdbool", "stddef", "stdint", "stdio", "stdlib", "string", "tgmath", "time"),
    *("wchar", "wctype", "ai_dlpack", "ai_instance", "ai_kernels", "ai_runtime_api"),
))  # fmt: skip
"""<m>.h stands on the include path, where it must not hide one of these."""
_RUNTIME = frozenset(("instance",))
"""ai_<m>_create and its kin must not be functions of the runtime."""


INSTANCE_BYTES = 12
"""sizeof(ai_instance) with 32-bit pointers."""
TENSOR_BYTES = 48
"""sizeof(ai_tensor) with 32-bit pointers."""


def _aligned(size: int, alignment: int) -> int:
    return -(-size // alignment) * alignment


@dataclass(frozen=True)
class Options:
    """How a model is compiled and emitted; see :func:`stm32_emitter.compile_model`."""

    target: str = "cortex-m4"
    optimize: str = "balanced"
    constant_channels: bool = True
    include_activations: bool = True
    include_inputs: bool = True
    include_outputs: bool = True


@dataclass(frozen=True)
class Model:
    """A planned program under its C name."""

    name: str
    program: Program
    plan: Plan
    options: Options
    tool_version: str
    datetime: str

    @property
    def upper(self) -> str:
        """The name in macros."""
        return self.name.upper()

    @property
    def context_bytes(self) -> int:
        """Bytes of an instance's context on a 32-bit core: AI_CONTEXT_BYTES of the runtime, without the observer."""
        alignment = target_named(self.options.target).pool_alignment
        head = _aligned(INSTANCE_BYTES, alignment)
        tensors = len(self.program.inputs) + len(self.program.outputs)
        return _aligned(head + tensors * TENSOR_BYTES, alignment)

    def kernel_name(self, kernel: int) -> str:
        """C name of the function that runs a kernel: ``<model>_K_<kind>_<number>``.

        Models have no capital letters in their names, so no two models can spell the same kernel.
        """
        first = self.function_of(kernel)
        return f"{self.name}_K_{self.program.kernels[first].kind}_{first}"

    def function_of(self, kernel: int) -> int:
        """The kernel whose C function runs this one."""
        shared = self.shared.get(self.same_text[kernel])
        return self.same_text[kernel] if shared is None else shared.leader

    @cached_property
    def shared(self) -> dict[int, SharedText]:
        """Kernels that share a function with others of different numbers; none where only speed counts."""
        if self.options.optimize == "speed":
            return {}
        kernels, written = self.program.kernels, self.program.written
        distinct = sorted(set(self.same_text))
        return share({i: (signature("kernel", kernels[i], written[i]), self.kernel_bodies[i]) for i in distinct})

    def kernel_signature(self, kernel: int) -> str:
        """The head of the function that runs a kernel."""
        text = signature(self.kernel_name(kernel), self.program.kernels[kernel], self.program.written[kernel])
        shared = self.shared.get(self.same_text[kernel])
        return text if shared is None else f"{text[:-1]}, const {shared.element} *{NUMBERS})"

    def numbers_name(self, kernel: int) -> str:
        """C name of the array that a kernel's function reads, "" if it reads none."""
        return f"numbers_{self.same_text[kernel]}" if self.same_text[kernel] in self.shared else ""

    @cached_property
    def kernel_bodies(self) -> tuple[str, ...]:
        """C text of each kernel's body."""
        return tuple(body(kernel, "kernel") for kernel in self.program.kernels)

    @cached_property
    def same_text(self) -> tuple[int, ...]:
        """For each kernel the first one with the same parameters and body in C: sizes that are read from constants."""
        first: dict[tuple[str, str], int] = {}
        return tuple(
            first.setdefault((signature("kernel", kernel, self.program.written[i]), self.kernel_bodies[i]), i)
            for i, kernel in enumerate(self.program.kernels)
        )

    def constant_name(self, constant: int) -> str:
        """C name of a constant."""
        return f"{self.name}_{self.program.constants[constant].name}"

    def offset(self, buffer: int) -> int | None:
        """Where a buffer lies in the planned part."""
        return self.plan.offsets[buffer]

    def io_number(self, buffer: int) -> int:
        """Position of an external buffer among inputs, then outputs."""
        entries = [*self.program.inputs, *self.program.outputs]
        return next(i for i, entry in enumerate(entries) if entry.buffer == buffer)

    def is_output(self, buffer: int) -> int:
        """Number of the output that lies in ``buffer``, or -1."""
        return next((i for i, entry in enumerate(self.program.outputs) if entry.buffer == buffer), -1)

    def argument_constant(self, argument: Argument) -> str:
        """C name of a constant argument."""
        return self.constant_name(argument.index)


def c_identifier(name: str) -> str:
    """``name`` as the original emitter spelled models: [a-z0-9_], not starting with a digit, not naming a C header."""
    cleaned = re.sub(r"[^a-z0-9_]", "_", name.lower()).strip("_") or "model"
    return f"m_{cleaned}" if cleaned[0].isdigit() or cleaned in _HEADERS | _RUNTIME else cleaned


def c_string(text: str) -> str:
    """``text`` as a C string literal, whatever its characters."""
    out = []
    for byte in text.encode("utf-8"):
        char = chr(byte)
        if char in '"\\':
            out.append("\\" + char)
        elif char == "?" or not 0x20 <= byte < 0x7F:
            out.append(f"\\{byte:03o}")
        else:
            out.append(char)
    return '"' + "".join(out) + '"'


def comment_text(text: str) -> str:
    """``text`` inside a C comment."""
    # Neither line continuations nor the trigraph that stands for one.
    printable = "".join(c if c.isprintable() and ord(c) < 0x7F and c not in "?\\" else "_" for c in text)
    return printable.replace("*/", "* /").replace("/*", "/ *")
