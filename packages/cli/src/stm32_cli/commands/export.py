# SPDX-License-Identifier: Apache-2.0
"""`stm32 export`."""

from __future__ import annotations

from pathlib import Path

import click

from stm32_cli import console
from stm32_cli.project.export_texts import FORMATS


@click.command(
    help="Export the compiled models of MODEL_DIR... as a folder of C sources for your own project: models, runtime, "
    "an example of the calls, README. cmake: for add_subdirectory; makefile: a .mk file to include, or an archive; "
    "cube: beside Core in a project of STM32CubeMX or STM32CubeIDE."
)
@click.argument(
    "model_dirs",
    metavar="MODEL_DIR...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
@click.option("--format", "kind", type=click.Choice(FORMATS), required=True, help="Kind of project.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The folder to write.")
@click.option("--force", is_flag=True, help="Replace the output folder if it was exported before.")
def command(*, model_dirs: tuple[Path, ...], kind: str, output: Path, force: bool) -> None:
    """Exports models."""
    import stm32_runtime_c

    from stm32_cli.project import export
    from stm32_cli.project.models import find_all

    export.ensure_free(output, force=force)
    folder = output.absolute()
    files = export.export_files(kind, folder.name, find_all(model_dirs), stm32_runtime_c.source_dir().parent)
    export.write(files, folder)
    own = sorted(name for name in files if not name.startswith("ai/") and name != export.MARK)
    console.result(f"{output}: {', '.join(own)}, ai/ ({sum(name.startswith('ai/') for name in files)} files)")
