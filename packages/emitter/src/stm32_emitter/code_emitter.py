# SPDX-License-Identifier: Apache-2.0
"""``CodeEmitter``: the known name and verbs of the original emitter."""

from __future__ import annotations

import os
from typing import Any, NoReturn

import tvm

from stm32_emitter.compiler import CompiledModel, compile_model
from stm32_emitter.errors import EmitterError, UnsupportedFormatError


class CodeEmitter:
    """Emits C from a Relax module of any TVM flow.

    Example:
        >>> emitter = CodeEmitter()
        >>> emitter.parse_module(module)
        >>> emitter.emit_code("build/net", "net")

    Args:
        include_activations: emit the pool ``<m>_activations``.
        include_inputs: inputs lie in the pool.
        include_outputs: outputs lie in the pool.
        target: the core to emit for.
    """

    def __init__(
        self,
        include_activations: bool = True,
        include_inputs: bool = True,
        include_outputs: bool = True,
        *,
        target: str = "cortex-m4",
    ) -> None:
        self._options: dict[str, Any] = {
            "include_activations": include_activations,
            "include_inputs": include_inputs,
            "include_outputs": include_outputs,
            "target": target,
        }
        self._module: tvm.IRModule | None = None

    def parse_module(self, module: tvm.IRModule) -> None:
        """Takes a Relax IRModule: function ``main``, static shapes, any mix of Relax operators and call_tir."""
        self._module = module

    def parse_library_format(self, *_args: object, **_kwargs: object) -> NoReturn:
        """The Model Library Format ended with microTVM.

        Raises:
            UnsupportedFormatError: always.
        """
        raise UnsupportedFormatError(
            "the Model Library Format was removed from TVM together with microTVM; "
            "import the model to a Relax IRModule and give it to parse_module()"
        )

    def emit_code(self, dest_dir: str | os.PathLike[str], model_name: str, *, force: bool = False) -> CompiledModel:
        """Compiles the module and writes its files.

        Args:
            dest_dir: becomes the model's directory; it must not exist, or be empty, unless ``force``.
            model_name: its C name; other characters than [a-z0-9_] become ``_``.
            force: replace an existing directory.

        Raises:
            EmitterError: parse_module was not called.
            ModelRefused: the module cannot be compiled.
            FileExistsError: the directory exists.
        """
        if self._module is None:
            raise EmitterError("there is no module: call parse_module() first")
        compiled = compile_model(self._module, name=model_name, **self._options)
        compiled.write(dest_dir, force=force)
        return compiled
