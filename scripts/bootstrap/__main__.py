# SPDX-License-Identifier: Apache-2.0
"""Sets up what the project needs: system packages, nanopb's C sources, the virtual environment.

Standard library only: it runs before there is an environment. Every step looks at what is there and does nothing if
that is enough, so a second run takes a fraction of a second.
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import environment
import nanopb
import system
from problem import SetupError, say


def main() -> int:
    """Runs the steps; returns the exit code."""
    parser = argparse.ArgumentParser(prog="setup", description=__doc__)
    parser.add_argument("--venv", type=Path, default=None, help="folder of the environment (default: .venv)")
    parser.add_argument("--with-torch", action="store_true", help="PyTorch, too: for the tests of .pt2 models")
    args = parser.parse_args()
    root = Path(__file__).resolve().parents[2]
    cache = root / ".cache"
    try:
        system.ensure()
        nanopb.ensure(cache / "nanopb")
        with ThreadPoolExecutor(1) as beside:  # another environment: both can be made at once
            generators = beside.submit(environment.ensure_generators, root, cache / "protogen")
            environment.ensure(root, args.venv or root / ".venv")
            if args.with_torch:
                environment.ensure_torch(root, args.venv or root / ".venv")
            generators.result()
    except SetupError as error:
        say(f"error: {error}")
        say(f"what to do: {error.hint}")
        return error.exit_code
    except OSError as error:
        say(f"error: {error.strerror}: {error.filename}")
        say("what to do: check the free disk space and who owns that path, then run it again")
        return 1
    except KeyboardInterrupt:
        say("interrupted; running it again goes on from where it can")
        return 130
    return 0


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
