# SPDX-License-Identifier: Apache-2.0
"""Formats the project's C sources with clang-format, or checks that they are formatted."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

GENERATED = (".pb.c", ".pb.h")
BATCH = 40


def tracked_sources(root: Path) -> list[str]:
    """The repository's own C files, tracked or about to be; generated ones and links are left out."""
    argv = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", "*.c", "*.h"]
    listed = subprocess.run(argv, cwd=root, check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted(
        name
        for name in set(listed)
        if name and not name.endswith(GENERATED) and (root / name).is_file() and not (root / name).is_symlink()
    )


def main() -> int:
    """Runs clang-format over every source; returns 1 if one differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail where a file would change")
    args = parser.parse_args()
    root = Path(__file__).resolve().parents[1]
    tool = Path(sys.executable).with_name("clang-format")
    mode = ["--dry-run", "-Werror"] if args.check else ["-i"]
    files = tracked_sources(root)
    failed = 0
    for start in range(0, len(files), BATCH):
        done = subprocess.run([tool, "--style=file", *mode, *files[start : start + BATCH]], cwd=root, check=False)
        failed |= done.returncode
    verdict = "some differ, run `make format`" if failed else "all are formatted"
    print(f"clang-format: {len(files)} files, {verdict}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
