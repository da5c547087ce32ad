# SPDX-License-Identifier: Apache-2.0
"""Files get to their directory whole or not at all: full disk, kill, existing directories."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from stm32_emitter.codegen import directory
from stm32_emitter.codegen.directory import write_directory

FILES = {"m.c": b"int m;\n", "m.json": b"{}\n", "m.params": bytes(range(256))}
BIG = 1 << 20


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_fresh_directory_and_its_parents(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "m"
    assert write_directory(FILES, target) == target
    assert content(target) == FILES
    assert [p.name for p in target.parent.iterdir()] == ["m"]


def test_an_empty_directory_is_used(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    assert content(write_directory(FILES, tmp_path / "m")) == FILES


def test_an_occupied_directory_is_kept(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "mine.txt").write_text("precious")
    with pytest.raises(FileExistsError, match=r"m exists and is kept"):
        write_directory(FILES, tmp_path / "m")
    assert content(tmp_path / "m") == {"mine.txt": b"precious"}
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_force_replaces_the_whole_directory(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "old.c").write_text("old")
    write_directory(FILES, tmp_path / "m", force=True)
    assert content(tmp_path / "m") == FILES
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_a_file_in_the_way_is_kept_even_with_force(tmp_path: Path) -> None:
    (tmp_path / "m").write_text("a file")
    with pytest.raises(FileExistsError):
        write_directory(FILES, tmp_path / "m", force=True)
    assert (tmp_path / "m").read_text() == "a file"


def test_files_have_the_usual_permissions(tmp_path: Path) -> None:
    usual = tmp_path / "usual"
    usual.mkdir()
    (usual / "file").write_bytes(b"")
    folder = write_directory(FILES, tmp_path / "m")
    assert folder.stat().st_mode == usual.stat().st_mode
    assert (folder / "m.c").stat().st_mode == (usual / "file").stat().st_mode


WRITER = """
import importlib.util, resource, sys
spec = importlib.util.spec_from_file_location("directory", sys.argv[4])  # alone, because TVM takes seconds to load
directory = importlib.util.module_from_spec(spec)
spec.loader.exec_module(directory)
limit = int(sys.argv[2])
if limit:
    import signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
files = {f"m{i}.bin": bytes([i]) * (1 << 20) for i in range(int(sys.argv[3]))}
print("ready", flush=True)
try:
    directory.write_directory(files, sys.argv[1], force=True)
except OSError as error:
    print(type(error).__name__, error.errno, flush=True)
    sys.exit(3)
"""


def writer(target: Path, limit: int, count: int) -> list[str]:
    return [sys.executable, "-c", WRITER, str(target), str(limit), str(count), str(directory.__file__)]


@pytest.mark.skipif(sys.platform == "win32", reason="needs RLIMIT_FSIZE")
@pytest.mark.parametrize("exists", [False, True])
def test_a_file_that_cannot_be_written_to_its_end(tmp_path: Path, exists: bool) -> None:
    target = tmp_path / "m"
    if exists:
        write_directory(FILES, target)
    result = subprocess.run(writer(target, BIG // 2, 3), capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 3, result.stderr
    assert target.exists() is exists
    assert not exists or content(target) == FILES
    assert [p.name for p in tmp_path.iterdir()] == (["m"] if exists else [])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_an_os_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        return real(Path("/dev/full") if path.name == "m.params" else path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_directory(FILES, tmp_path / "m")
    assert not isinstance(caught.value, FileExistsError)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupt_in_the_middle_leaves_the_old_or_the_whole(tmp_path: Path, stop: signal.Signals) -> None:
    """Stopped at several moments: what stands under the name is always whole."""
    target, count = tmp_path / "m", 20
    for moment in range(8):
        write_directory(FILES, target, force=True)
        process = subprocess.Popen(writer(target, 0, count), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.004 * moment)
        process.send_signal(stop)
        process.wait(timeout=60)
        process.stdout.close()
        if not target.exists():  # killed between the two renames: the old content is whole beside it
            (aside,) = [p for p in tmp_path.glob(".m.*/old") if p.exists()]
            assert content(aside) == FILES
            continue
        names = sorted(p.name for p in target.iterdir())
        assert names in (sorted(FILES), sorted(f"m{i}.bin" for i in range(count)))
        if names == sorted(FILES):
            assert content(target) == FILES
        if stop == signal.SIGINT:  # python unwinds: nothing else stays
            assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_a_parent_that_is_a_file_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError, match="file") as caught:
        write_directory(FILES, tmp_path / "file" / "m")
    assert isinstance(caught.value, NotADirectoryError | FileExistsError)
    assert (tmp_path / "file").read_text() == "x"
