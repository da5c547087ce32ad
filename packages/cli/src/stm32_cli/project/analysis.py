# SPDX-License-Identifier: Apache-2.0
"""What a compiled model needs, layer by layer, and whether a board has it: no C compiler is involved.

Constants and activations are exact. Code and stack are estimates from above, since only the compiler and the linker
know them; the tests hold them against linked images.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stm32_board_support import Board, Layout

FIRMWARE_CODE = 20_480
"""Bytes of flash of the Validation firmware without a model, rounded up."""
FIRMWARE_DATA = 4_096
"""Its variables."""
LOOP_CODE, LOOP_DATA = 2_048, 512
"""The same of the program that only runs models (`stm32 build --mcu PART --as image`)."""
_RUNTIME_CODE, _CODE_OF_KERNEL, _CODE_OF_NODE = 1_600, 150, 60
# Micro-kernels that the first kernel of a kind brings.
_CODE_OF_KIND = {"conv_2d": 4_000, "depthwise_conv_2d": 4_000, "fully_connected": 3_000}
_CODE_OF_OTHER_KIND = 800
_STACK, _STACK_OF_ARGUMENT = 448, 4


@dataclass(frozen=True)
class Needs:
    """Bytes that a model and the Validation firmware take of a board.

    Attributes:
        constants: of the model, as linked; exact.
        activations: a pool, context included; exact.
        code: of the model, its kernels and the runtime; estimated from above.
        stack: of one ai_run; estimated from above.
        firmware_code: of the application.
        firmware_data: variables of the application.
    """

    constants: int
    activations: int
    code: int
    stack: int
    firmware_code: int = FIRMWARE_CODE
    firmware_data: int = FIRMWARE_DATA


@dataclass(frozen=True)
class MemoryUse:
    """One memory under a layout: bytes that it has and that are needed of it, and what needs them."""

    memory: str
    need: int
    have: int
    holds: dict[str, int]

    @property
    def fits(self) -> bool:
        """Whether it is large enough."""
        return self.need <= self.have


@dataclass(frozen=True)
class LayoutFit:
    """A layout of the board: what it takes of each memory that it uses, in the board's order."""

    layout: str
    is_default: bool
    memories: tuple[MemoryUse, ...]

    @property
    def fits(self) -> bool:
        """Whether every memory is large enough."""
        return all(memory.fits for memory in self.memories)


def needs_of(info: dict[str, Any], report: dict[str, Any], *, alone: bool = False) -> Needs:
    """What a model takes.

    Args:
        info: content of `<m>.json`.
        report: content of `<m>_report.json`.
        alone: with the program that only runs it in place of the Validation firmware.
    """
    pool, constants = (region["bytes"] for region in report["regions"])
    arguments = max((len(node["inputs"]) + len(node["outputs"]) for node in info["nodes"]), default=0)
    firmware = (LOOP_CODE, LOOP_DATA) if alone else (FIRMWARE_CODE, FIRMWARE_DATA)
    return Needs(constants, pool, _code(info), _STACK + _STACK_OF_ARGUMENT * arguments, *firmware)


def _code(info: dict[str, Any]) -> int:
    kernels = {node["kernel"] for node in info["nodes"]}
    kinds = {kernel.partition("_K_")[2].rpartition("_")[0] for kernel in kernels}
    families = sum(_CODE_OF_KIND.get(kind, _CODE_OF_OTHER_KIND) for kind in kinds)
    return _RUNTIME_CODE + families + _CODE_OF_KERNEL * len(kernels) + _CODE_OF_NODE * len(info["nodes"])


def fits(needs: Needs, board: Board, model: str) -> list[LayoutFit]:
    """Every layout of a board, the default one first; empty for a process of this computer.

    Args:
        needs: of the model.
        board: the board.
        model: its C name: layouts may place models by name.
    """
    default = board.descriptor.default_layout
    names = sorted(board.descriptor.layouts, key=lambda name: (name != default, name))
    return [LayoutFit(name, name == default, _place(needs, board, name, model)) for name in names]


def _place(needs: Needs, board: Board, name: str, model: str) -> tuple[MemoryUse, ...]:
    layout = board.layout(name)
    holds: dict[str, dict[str, int]] = {memory: {} for memory in board.memories}
    holds[layout.text]["code"] = needs.firmware_code + needs.code
    holds[layout.stack]["stack"] = layout.stack_size
    holds[layout.data]["variables"] = needs.firmware_data
    sizes = {memory: found.size for memory, found in board.memories.items()}
    for what, size, steps in (
        ("constants", needs.constants, _memories(layout, model, "weights")),
        ("activations", needs.activations, _memories(layout, model, "activations")),
    ):
        # One section each, which the linker does not cut: it goes where it fits, else its last memory overflows.
        roomy = (m for m in steps if sum(holds[m].values()) + size <= sizes[m])
        holds[next(roomy, steps[-1])][what] = size
    return tuple(
        MemoryUse(memory, sum(parts.values()), sizes[memory], parts) for memory, parts in holds.items() if parts
    )


def _memories(layout: Layout, model: str, what: str) -> Sequence[str]:
    """Memories that may hold a model's constants or activations, in order of preference."""
    from stm32_board_support.schema import placements

    steps = placements(getattr(layout, what))
    return [step.memory for step in steps if not step.models or model in step.models]


def layers_of(info: dict[str, Any], report: dict[str, Any]) -> list[dict[str, Any]]:
    """Name, kernel, schedule, MACs, bytes of constants, bytes of results and bytes of the pool in use of each layer.

    Constants that several layers share count in each of them.
    """
    sizes = {constant["name"]: constant["bytes"] for constant in info["constants"]}
    kinds = {entry["buffer"] for entry in info["outputs"]}
    rows = []
    for node, live in zip(info["nodes"], report["nodes"], strict=True):
        results = [b for b in node["outputs"] if "dtype" in info["tensors"][b] or b in kinds]
        rows.append({
            **{key: node[key] for key in ("name", "kernel", "schedule", "macs")},
            "constants": sum(sizes[name] for name in node["inputs"] if isinstance(name, str)),
            "output_bytes": sum(info["tensors"][b]["bytes"] for b in results),
            "scratch_bytes": sum(info["tensors"][b]["bytes"] for b in node["outputs"] if b not in results),
            "bytes_in_use": live["live_bytes"],
        })  # fmt: skip
    return rows


def as_json(
    info: dict[str, Any], report: dict[str, Any], board: str, found: Sequence[LayoutFit], needs: Needs
) -> dict[str, Any]:
    """Everything, for JSON; "fits" is whether any layout does."""
    layouts = [
        {
            "layout": fit.layout,
            "default": fit.is_default,
            "fits": fit.fits,
            "memories": [asdict(memory) | {"fits": memory.fits} for memory in fit.memories],
        }
        for fit in found
    ]
    keys = ("name", "target", "signature", "macs", "inputs", "outputs")
    return {
        **{key: info[key] for key in keys},
        **asdict(needs),
        "layers": layers_of(info, report),
        "board": board,
        "fits": not found or any(fit.fits for fit in found),
        "layouts": layouts,
    }
