# SPDX-License-Identifier: Apache-2.0
"""nanopb's C sources: from the distribution's source package into .cache/nanopb, checked by hash.

They are on no Python index and are not copied into the repository. The machine's apt configuration stays as it is: its
own entries are read, turned into deb-src entries in a temporary folder, and used with package lists of their own.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tarfile
import tempfile
from pathlib import Path

from problem import EXIT_TOOL_MISSING, SetupError, run, say

FILES = (
    "pb.h",
    "pb_common.c",
    "pb_common.h",
    "pb_decode.c",
    "pb_decode.h",
    "pb_encode.c",
    "pb_encode.h",
    "LICENSE.txt",
)
# SHA-256 over the files above (see `digest`), by nanopb's version. Other 0.4 releases are taken on the word of apt,
# which checks the archive's signature, and named in the output.
PINNED = {"0.4.7": "d41baccf0c63a2e40e1f5053c8d213de629aa75e2381c4286848c9f3cb6e0000"}
_VERSION = re.compile(r"#define NANOPB_VERSION\s+\"?nanopb-(\d+\.\d+\.\d+)")
_BY_HAND = (
    "fetch nanopb 0.4.7's sources by hand (`apt-get source nanopb` needs a deb-src line) and name their folder:"
    " NANOPB_DIR=/path/to/nanopb-0.4.7 make setup"
)


def digest(folder: Path) -> str:
    """SHA-256 over the names and bytes of the files that the firmware uses."""
    total = hashlib.sha256()
    for name in FILES:
        content = (folder / name).read_bytes()
        total.update(f"{name} {len(content)}\n".encode() + content)
    return total.hexdigest()


def version(folder: Path) -> str:
    """The version that pb.h states, or "unknown"."""
    match = _VERSION.search((folder / "pb.h").read_text(encoding="utf-8", errors="replace"))
    return match[1] if match else "unknown"


def is_complete(folder: Path) -> bool:
    """Whether every file is there."""
    return all((folder / name).is_file() for name in FILES)


def check(folder: Path) -> None:
    """Refuses files that are not the release they claim to be.

    Raises:
        SetupError: wrong hash, or a version that the firmware was not written for.
    """
    found = version(folder)
    if found in PINNED and digest(folder) != PINNED[found]:
        raise SetupError(f"nanopb {found} in {folder} is not the released one: its hash is {digest(folder)}", _BY_HAND)
    if not found.startswith("0.4."):
        raise SetupError(f"nanopb in {folder} is version {found}; the firmware needs 0.4", _BY_HAND)


def source_entries(text: str, codename: str) -> str:
    """Turns a .sources file into deb-src entries of the distribution's own suite; "" when it has none."""
    kept = []
    for stanza in re.split(r"\n\s*\n", text):
        lines = [line for line in stanza.splitlines() if not line.lstrip().startswith("#")]
        fields = dict(line.split(":", 1) for line in lines if ":" in line and not line.startswith(" "))
        if codename in fields.get("Suites", "").split():
            kept.append("\n".join("Types: deb-src" if line.startswith("Types:") else line for line in lines))
    return "\n\n".join(kept) + "\n" if kept else ""


def source_lines(text: str, codename: str) -> str:
    """Turns a .list file into deb-src lines of the distribution's own suite; "" when it has none."""
    pattern = re.compile(rf"^\s*deb(-src)?\s+((\[[^\]]*\]\s+)?\S+\s+{re.escape(codename)}\s.*)$", re.MULTILINE)
    return "".join(f"deb-src {match[2]}\n" for match in pattern.finditer(text))


def _codename() -> str:
    match = re.search(r"^VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text(encoding="utf-8"), re.MULTILINE)
    return match[1] if match else ""


def _write_sources(etc: Path, into: Path) -> bool:
    """Writes deb-src entries for the machine's own archives; whether there are any."""
    codename, count = _codename(), 0
    parts = etc / "sources.list.d"
    for path in [etc / "sources.list", *sorted(parts.glob("*.list")), *sorted(parts.glob("*.sources"))]:
        if not path.is_file():
            continue
        convert = source_entries if path.suffix == ".sources" else source_lines
        if text := convert(path.read_text(encoding="utf-8", errors="replace"), codename):
            (into / path.name).with_suffix(".sources" if path.suffix == ".sources" else ".list").write_text(text)
            count += 1
    return count > 0


def _download(work: Path) -> Path:
    """Downloads the source package; returns the release's own archive."""
    sources, lists = work / "sources", work / "lists"
    for folder in (sources, lists / "partial", work / "archives" / "partial"):
        folder.mkdir(parents=True)
    if not _write_sources(Path("/etc/apt"), sources):
        raise SetupError("no package source of this machine's distribution is configured", _BY_HAND)
    options = [
        f"Dir::Etc::sourceparts={sources}",
        "Dir::Etc::sourcelist=/dev/null",
        f"Dir::State::lists={lists}",
        f"Dir::Cache={work}",
        "APT::Sandbox::User=",
        "Acquire::Languages=none",
    ]
    apt = ["apt-get", "-q", *(word for option in options for word in ("-o", option))]
    run([*apt, "update"], f"check the network; or {_BY_HAND}")
    run([*apt, "source", "--download-only", "nanopb"], _BY_HAND, cwd=work)
    found = sorted(work.glob("nanopb_*.orig.tar.*"))
    if not found:
        raise SetupError("the source package nanopb holds no release archive", _BY_HAND)
    return found[0]


def _unpack(archive: Path, into: Path) -> None:
    into.mkdir()
    with tarfile.open(archive) as tar:
        for member in tar:
            path = Path(member.name)
            content = tar.extractfile(member) if len(path.parts) == 2 and path.name in FILES else None
            if content is not None:
                (into / path.name).write_bytes(content.read())


def _fetch(target: Path) -> None:
    if shutil.which("apt-get") is None:
        raise SetupError("nanopb's C sources are missing", _BY_HAND, EXIT_TOOL_MISSING)
    say("fetching nanopb's C sources from the distribution's source package (a few seconds)")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent.absolute(), prefix="nanopb-") as name:
        work = Path(name)
        _unpack(_download(work), work / "nanopb")
        if not is_complete(work / "nanopb"):
            raise SetupError("the source package nanopb lacks some of " + ", ".join(FILES), _BY_HAND)
        check(work / "nanopb")
        if target.exists():
            shutil.rmtree(target)
        (work / "nanopb").rename(target)
    if version(target) not in PINNED:
        say(f"note: nanopb {version(target)} is not a pinned version ({', '.join(PINNED)}); apt checked its signature")


def ensure(target: Path) -> None:
    """Sees to it that nanopb's sources are in `target`, or where NANOPB_DIR says.

    Raises:
        SetupError: they are not and cannot be fetched, or they are not the released ones.
    """
    named = os.environ.get("NANOPB_DIR")
    if named:
        if not is_complete(Path(named)):
            raise SetupError(f"NANOPB_DIR={named} lacks some of {', '.join(FILES)}", _BY_HAND)
        check(Path(named))
    elif is_complete(target):
        check(target)
    else:
        _fetch(target)
