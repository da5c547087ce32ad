# SPDX-License-Identifier: Apache-2.0
"""The launcher that shares objects between the builds of a test run: never another object than the compiler's own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import _launcher, lacking

SOURCE = '#include "value.h"\nextern int f(int x);\nint f(int x) { return x * VALUE; }\n'


class Cache:
    """The launcher with an empty folder, and builds in folders of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.entries, self.builds = folder, folder / "entries", 0
        self.entries.mkdir()
        self.launcher = _launcher(folder)

    def compile(self, *flags: str, value: str = "7", source: str = SOURCE) -> subprocess.CompletedProcess[str]:
        """Compiles in a new folder with the launcher."""
        self.builds += 1
        build = self.folder / f"build{self.builds}"
        build.mkdir()
        (self.folder / "source.c").write_text(source)
        (self.folder / "value.h").write_text(f"#define VALUE {value}\n")
        words = ["gcc", *flags, "-Wall", f"-I{self.folder}", "-MD", "-MT", "x.obj", "-MF", "x.d"]
        argv = [self.launcher, self.entries, *words, "-o", "x.obj", "-c", self.folder / "source.c"]
        return subprocess.run(argv, cwd=build, capture_output=True, text=True, check=False)

    def object(self) -> bytes:
        """The last one."""
        return (self.folder / f"build{self.builds}" / "x.obj").read_bytes()

    def kept(self) -> int:
        """Number of objects in the folder."""
        return len(list(self.entries.glob("*.o")))


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    if shutil.which("gcc") is None or shutil.which("cc") is None:
        lacking("gcc is not installed")
    return Cache(tmp_path)


def test_equal_commands_share_an_object(cache: Cache) -> None:
    assert cache.compile("-O1").returncode == 0
    first = cache.object()
    assert cache.compile("-O1").returncode == 0
    assert (cache.kept(), cache.object()) == (1, first)
    assert "value.h" in (cache.folder / "build2" / "x.d").read_text()
    assert sorted(path.name for path in (cache.folder / "build2").iterdir()) == ["x.d", "x.obj"]


def test_debug_information_names_the_folder_that_the_build_maps(cache: Cache) -> None:
    """Builds in two folders are equal where the map of each takes its name away, and not where it stays."""
    first, second = cache.folder / "build1", cache.folder / "build2"
    assert cache.compile("-g", f"-ffile-prefix-map={first}=build").returncode == 0
    assert cache.compile("-g", f"-ffile-prefix-map={second}=build").returncode == 0
    assert cache.kept() == 1
    assert str(first).encode() not in cache.object()
    for number, flags in ((3, ()), (4, ()), (5, (f"-ffile-prefix-map={first}=build",))):
        assert cache.compile("-g", *flags).returncode == 0
        assert str(cache.folder / f"build{number}").encode() in cache.object()
    assert cache.kept() == 4


def test_names_of_files_are_those_of_the_map(cache: Cache) -> None:
    """The last map that fits counts."""
    for number, name in enumerate(("first-name", "other-name", "first-name"), 1):
        maps = [f"-ffile-prefix-map={cache.folder}{end}" for end in (f"={name}", f"/build{number}=build")]
        assert cache.compile("-g", *maps).returncode == 0
        assert f"{name}/source.c".encode() in cache.object()
    assert cache.kept() == 2


def test_what_is_compiled_otherwise_does_not(cache: Cache) -> None:
    assert cache.compile("-O1").returncode == 0
    objects = {cache.object()}
    for flags, value in ((("-O0",), "7"), (("-O1",), "8"), (("-O1", "-Dx=y"), "7"), (("-O1", "-fno-common"), "7")):
        assert cache.compile(*flags, value=value).returncode == 0
        own = subprocess.run(
            ["gcc", *flags, f"-I{cache.folder}", "-o", "own.o", "-c", cache.folder / "source.c"],
            cwd=cache.folder, check=True, capture_output=True,
        )  # fmt: skip
        assert own.returncode == 0
        assert cache.object() == (cache.folder / "own.o").read_bytes()
        objects.add(cache.object())
    assert cache.kept() == 5
    assert len(objects) >= 3


def test_stack_usage_is_kept_with_the_object(cache: Cache) -> None:
    for _ in range(2):
        assert cache.compile("-fstack-usage").returncode == 0
        assert "static" in (cache.folder / f"build{cache.builds}" / "x.su").read_text()
    assert cache.kept() == 1


@pytest.mark.parametrize("source", ["int f( { }\n", '#include "nothing.h"\n', "int f(void) { int x; return 0; }\n"])
def test_what_fails_or_warns_is_told_each_time(cache: Cache, source: str) -> None:
    own = subprocess.run(
        ["gcc", "-Wall", "-x", "c", "-", "-fsyntax-only"], input=source, text=True, capture_output=True, check=False
    )
    for _ in range(2):
        done = cache.compile(source=source)
        assert (done.returncode == 0) == (own.returncode == 0)
        assert "error:" in done.stderr or "warning:" in done.stderr
    assert cache.kept() == 0


def test_a_compiler_that_is_not_there(cache: Cache) -> None:
    argv = [cache.launcher, cache.entries, "no-such-compiler", "--version"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 125
    assert done.stderr == "compiler_cache: no-such-compiler cannot be run: No such file or directory\n"


class Sources:
    """Files of a project in a folder that does not change by itself, and a compiler that counts its starts."""

    def __init__(self, cache: Cache) -> None:
        self.cache, self.builds = cache, 0
        self.folder, self.first = cache.folder / "sources", cache.folder / "first"
        for folder in (self.folder, self.first):
            folder.mkdir()
        (self.folder / "value.h").write_text("#define VALUE 7\n")
        (self.folder / "source.c").write_text(SOURCE.replace('"value.h"', "<value.h>"))
        self.compiler, self.log = cache.folder / "counted-gcc", cache.folder / "starts"
        self.compiler.write_text(f'#!/bin/sh\necho >> {self.log}\nexec gcc "$@"\n')
        self.compiler.chmod(0o755)

    def starts(self, *flags: str, own: str | None = None) -> int:
        """Compiles in a new folder, as one does without the launcher; number of times that the compiler ran for it.

        `own`, if given, is what the build's own value.h holds, which hides the project's.
        """
        self.log.write_text("")
        self.builds += 1
        build = self.cache.folder / f"b{self.builds}"
        build.mkdir()
        words = ["-g", f"-ffile-prefix-map={build}=build", *flags, f"-I{self.first}", f"-I{self.folder}"]
        if own is not None:
            (build / "made").mkdir()
            (build / "made" / "value.h").write_text(own)
            words.insert(1, f"-I{build}/made")
        source = self.folder / "source.c"
        written = ["-MD", "-MT", f"{build.name}.obj", "-MF", "x.d", "-o", "x.obj"]
        argv = [self.cache.launcher, self.cache.entries, self.compiler, *words, *written, "-c", source]
        subprocess.run(argv, cwd=build, check=True)
        starts = len(self.log.read_text().splitlines())
        subprocess.run(
            ["gcc", *words, "-MD", "-MT", f"{build.name}.obj", "-MF", "own.d", "-o", "own.obj", "-c", source],
            cwd=build,
            check=True,
        )
        assert (build / "x.obj").read_bytes() == (build / "own.obj").read_bytes()
        assert set((build / "x.d").read_text().split()) == set((build / "own.d").read_text().split())
        return starts


@pytest.fixture
def sources(cache: Cache) -> Sources:
    return Sources(cache)


def test_a_command_whose_files_are_as_they_were_starts_no_compiler(sources: Sources) -> None:
    assert [sources.starts() for _ in range(3)] == [2, 0, 0]
    assert [sources.starts("-O1"), sources.starts("-DOTHER"), sources.starts("-O1")] == [2, 1, 0]


def test_files_that_changed_are_noticed(sources: Sources) -> None:
    assert [sources.starts(), sources.starts()] == [2, 0]
    (sources.folder / "value.h").write_text("#define VALUE 8\n")
    assert [sources.starts(), sources.starts()] == [2, 0]
    (sources.folder / "source.c").write_text("int f(void) { return 3; }\n")
    assert [sources.starts(), sources.starts()] == [2, 0]


def test_a_file_that_hides_another_is_noticed(sources: Sources) -> None:
    assert [sources.starts(), sources.starts()] == [2, 0]
    (sources.first / "value.h").write_text("#define VALUE 9\n")
    assert [sources.starts(), sources.starts()] == [2, 0]


def test_a_file_that_each_build_makes_is_compared(sources: Sources) -> None:
    seven, eight = "#define VALUE 7\n", "#define VALUE 8\n"
    assert [sources.starts(own=own) for own in (seven, seven, eight, eight, seven)] == [2, 0, 2, 0, 1]
    assert [sources.starts("-fcallgraph-info", own=seven) for _ in range(2)] == [2, 1]


@pytest.mark.parametrize("flags", [("-I.",), ("-I", "."), ("-isystem", "."), ("-iquote.",)], ids=" ".join)
def test_folders_that_each_build_has_are_looked_into(sources: Sources, flags: tuple[str, ...]) -> None:
    assert [sources.starts(*flags), sources.starts(*flags)] == [2, 1]


def test_a_source_with_the_time_is_preprocessed(sources: Sources) -> None:
    (sources.folder / "source.c").write_text("const char *f(void); const char *f(void) { return __FILE__ __DATE__; }\n")
    assert [sources.starts(), sources.starts()] == [2, 1]
