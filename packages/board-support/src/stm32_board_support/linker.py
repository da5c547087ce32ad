# SPDX-License-Identifier: Apache-2.0
"""Linker scripts from a descriptor and a layout. The text depends on these two only."""

from collections.abc import Sequence

import msgspec

from stm32_board_support.schema import Board, Layout, Memory, MemoryKind, Placement, placements


class OutputSection(msgspec.Struct, frozen=True):
    """An output section and the memory that a layout puts it in; `load` is where its initial content is stored."""

    name: str
    memory: str
    load: str = ""


def output_sections(layout: Layout) -> list[OutputSection]:
    """Output sections of the generated script, in its order; what a memory report adds up by."""
    found = [OutputSection(".text", layout.text), OutputSection(".nn_models", layout.text)]
    found += [OutputSection(name, memory) for name, memory in layout.sections.items()]
    for index, step in enumerate(placements(layout.weights)):
        found.append(OutputSection(f".nn_weights_{index}", step.memory))
    found.append(OutputSection(".stack", layout.stack))
    found.append(OutputSection(".data", layout.data, load=layout.text))
    found.append(OutputSection(".bss", layout.data))
    for index, step in enumerate(placements(layout.activations)):
        found.append(OutputSection(f".nn_data_act_{index}", step.memory))
    return found


def output_part(name: str, number: int) -> str:
    """Name of an output section that belongs to another and holds a single constant."""
    return f"{name}.{number}"


def base_section(name: str) -> str:
    """The output section of :func:`output_sections` that an output section of an image belongs to."""
    head, _, tail = name.rpartition(".")
    return head if head.startswith(".nn_weights_") and tail.isdigit() else name


def splits(layout: Layout) -> bool:
    """Whether weights or activations may go on to another memory, which needs --enable-non-contiguous-regions."""
    return any(
        sum(1 for step in placements(steps) if not step.models) > 1 for steps in (layout.weights, layout.activations)
    )


def linker_script(board: Board, layout: Layout, order: Sequence[str] = ()) -> str:
    """A complete GNU ld script.

    Args:
        board: that the script is for.
        layout: which memory holds what.
        order: sections of single constants, the one that gains most from a fast memory first. Where weights are split,
            they are placed in this order, each in the first memory of the layout that still has room for it.

    Symbols it defines: __stack_limit__, __stack_top__ (the stack grows down from top to limit), __data_load__,
    __data_start__, __data_end__, __bss_start__, __bss_end__, __models_section_start__, __models_section_end__.
    """
    parts = [
        f"/* Generated for {board.name} by stm32_board_support. */",
        "ENTRY(Reset_Handler)",
        _memory_block(board.memories),
        "SECTIONS\n{",
        _text(layout),
        *(_apart(name, memory) for name, memory in layout.sections.items()),
        *(
            _weights(index, step, order if splits(layout) else ())
            for index, step in enumerate(placements(layout.weights))
        ),
        _stack(layout),
        _data(layout),
        _bss(layout),
        *(_activations(index, step) for index, step in enumerate(placements(layout.activations))),
        "    /DISCARD/ : { *(.ARM.exidx* .ARM.extab* .eh_frame*) }",
        "}",
    ]
    return "\n".join(parts) + "\n"


def _memory_block(memories: dict[str, Memory]) -> str:
    rows = [
        f"    {name} ({_access(memory)}) : ORIGIN = {memory.origin:#010x}, LENGTH = {memory.size:#x}"
        for name, memory in memories.items()
    ]
    return "\n".join(["MEMORY", "{", *rows, "}"])


def _access(memory: Memory) -> str:
    return ("rw" if memory.kind is MemoryKind.RAM else "r") + ("x" if memory.executable else "")


def _text(layout: Layout) -> str:
    return f"""\
    .text :
    {{
        KEEP(*(.vectors))
        *(.text .text.*)
        *(.rodata .rodata.*)
        . = ALIGN(4);
    }} > {layout.text}
    .nn_models :
    {{
        . = ALIGN(4);
        __models_section_start__ = .;
        KEEP(*(.nn_models))
        __models_section_end__ = .;
    }} > {layout.text}"""


def _apart(name: str, memory: str) -> str:
    return f"""\
    {name} :
    {{
        KEEP(*({name}))
        KEEP(*({name}.*))
    }} > {memory}"""


def _weights(index: int, step: Placement, order: Sequence[str]) -> str:
    # Weights of one model are told by their object file: their sections share one name.
    files = [f"*{model}_data.*" for model in step.models] or ["*"]
    # ld fills an output section up to the first input section that has no room: each constant has one of its own.
    single = (
        ""
        if step.models
        else "".join(
            f"    {output_part(f'.nn_weights_{index}', number)} : {{ *({section}) . = ALIGN(4); }} > {step.memory}\n"
            for number, section in enumerate(order)
        )
    )
    rows = "\n".join(f"        {file}(.nn_weights .nn_weights.* .*.nn_weights)" for file in files)
    return f"""\
{single}    .nn_weights_{index} : ALIGN(16)
    {{
{rows}
        . = ALIGN(4);
    }} > {step.memory}"""


def _stack(layout: Layout) -> str:
    return f"""\
    .stack (NOLOAD) : ALIGN(8)
    {{
        __stack_limit__ = .;
        . += {layout.stack_size};
        __stack_top__ = .;
    }} > {layout.stack}"""


def _data(layout: Layout) -> str:
    return f"""\
    .data : ALIGN(4)
    {{
        __data_start__ = .;
        *(.data .data.*)
        . = ALIGN(4);
        __data_end__ = .;
    }} > {layout.data} AT > {layout.text}
    __data_load__ = LOADADDR(.data);"""


def _bss(layout: Layout) -> str:
    return f"""\
    .bss (NOLOAD) : ALIGN(4)
    {{
        __bss_start__ = .;
        *(.bss .bss.* COMMON)
        . = ALIGN(4);
        __bss_end__ = .;
    }} > {layout.data}"""


def _activations(index: int, step: Placement) -> str:
    names = [f".{model}.nn_data_act" for model in step.models] or [".nn_data_act", ".*.nn_data_act"]
    return f"""\
    .nn_data_act_{index} (NOLOAD) : ALIGN(16)
    {{
        *({" ".join(names)})
        . = ALIGN(4);
    }} > {step.memory}"""
