# SPDX-License-Identifier: Apache-2.0
"""Images: size budgets without model, what must not be in them, what happens when they do not fit, reproducibility."""

import subprocess

import pytest
from stm32_board_support import load_board, memory_report, report_text
from stm32_board_support.elf import ElfFile

BUDGETS = {"valid": 20 * 1024, "perf": 16 * 1024}
FORBIDDEN = ("printf", "malloc", "_sbrk", "free", "fopen", "strtod", "__assert_func", "unwind")


def build(folder, target="Project"):
    argv = ["cmake", "--build", str(folder), "--target", target]
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


@pytest.mark.parametrize("app", BUDGETS)
@pytest.mark.parametrize("board", ["qemu-mps2-an385", "qemu-mps2-an386", "qemu-mps2-an500"])
def test_image_without_model_keeps_its_budget(builder, board, app):
    image = ElfFile(builder.image(board=board, app=app))
    code = {section.name: section.size for section in image.sections if section.allocated}
    assert code[".text"] + code[".data"] <= BUDGETS[app]
    assert code.get(".nn_models", 0) == 0


@pytest.mark.parametrize("app", BUDGETS)
def test_neither_heap_nor_stdio_is_linked(builder, app):
    image = ElfFile(builder.image(app=app, models=("tiny", "odd")))
    names = [symbol.name for symbol in image.symbols if symbol.name != "__aeabi_unwind_cpp_pr0"]
    assert [name for name in names if any(word in name for word in FORBIDDEN)] == []
    assert {"ai_bench_begin", "ai_bench_end"} <= set(names)


def test_models_lie_where_the_layout_says(builder):
    board = load_board("qemu-mps2-an386")
    for layout, memory in (("internal", "ssram2"), ("default", "psram")):
        elf = builder.image(app="perf", models=("tiny",), LAYOUT=layout)
        report = memory_report(elf, board, board.layout(layout))
        pool = next(item for item in report.region(memory).items if item.name == "tiny_activations")
        assert pool.section == ".nn_data_act_0"
        assert report.overflows == []
    external = builder.image(app="perf", models=("tiny",), LAYOUT="external")
    report = memory_report(external, board, board.layout("external"))
    assert [item.name for item in report.region("psram").items] == ["tiny_w0"]


@pytest.mark.parametrize(("layout", "unit"), [("internal", "ssram1"), ("default", "ssram1+psram")])
def test_model_that_does_not_fit_is_refused_with_what_it_needs(builder, layout, unit):
    model = builder.variant(f"large_{layout}", {"tiny_w0[3]": "tiny_w0[30000000]"})
    folder = builder.configure(app="perf", models=(str(model),), LAYOUT=layout)
    assert build(folder).returncode != 0
    assert not (folder / "Project.elf").exists()
    assert build(folder, "Oversize").returncode == 0
    board = load_board("qemu-mps2-an386")
    report = memory_report(folder / "Oversize.elf", board, board.layout(layout))
    (over,) = report.overflows
    assert (over.name, over.items[0].name, over.items[0].size) == (unit, f"large_{layout}_w0", 30_000_000)
    assert f"30000000 large_{layout}_w0" in report_text(report)


def test_weights_go_on_to_the_next_memory_and_work_there(builder):
    from stm32_board_support.emulator import run_to_end

    model = builder.variant("spill", {"tiny_w0[3]": "tiny_w0[5000000]"})
    elf = builder.image(app="perf", models=(str(model), "odd"), RUNS=1)
    board = load_board("qemu-mps2-an386")
    report = memory_report(elf, board, board.layout())
    assert report.region("psram").items[0].name == "spill_w0"
    assert run_to_end(board, elf)[0] == 0


def test_same_input_gives_the_same_image(builder):
    folders = [builder.configure(app="perf", models=("tiny", "odd")) for _ in range(2)]
    for folder in folders:
        assert build(folder).returncode == 0
    first, second = ((folder / "Project.elf").read_bytes() for folder in folders)
    loaded = [[s for s in ElfFile(f / "Project.elf").sections if s.allocated] for f in folders]
    assert loaded[0] == loaded[1]
    assert str(folders[0]).encode() not in first
    assert first == second


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"board": "no-such-board"}, "there is no board 'no-such-board'"),
        ({"LAYOUT": "config9"}, "has no layout 'config9'"),
        ({"app": "both"}, "APP is 'both'"),
        ({"app": "perf", "RUNS": 0}, "RUNS is '0'"),
        ({"app": "perf", "SEED": 4294967296}, "SEED is '4294967296'"),
        ({"app": "perf", "models": ("tiny", "tiny")}, "two models are named 'tiny'"),
        ({"app": "perf", "models": ("/nonexistent",)}, "/nonexistent holds no emitted model"),
    ],
)
def test_wrong_settings_are_named(builder, settings, message):
    with pytest.raises(AssertionError) as caught:
        builder.configure(**settings)
    assert message in " ".join(str(caught.value).split())


def test_board_of_a_user_builds_and_runs_from_its_own_folder(builder, tmp_path):
    import shutil

    from stm32_board_support.emulator import run_to_end

    original = load_board("qemu-mps2-an386")
    folder = tmp_path / "my board" / "bench-1"
    shutil.copytree(original.folder, folder)
    text = (folder / "board.toml").read_text().replace('name = "qemu-mps2-an386"', 'name = "bench-1"')
    (folder / "board.toml").write_text(text.replace("stack_size = 0x4000", "stack_size = 0x1000"))
    elf = builder.image(board=folder, app="perf", models=("tiny",), RUNS=1)
    status, text = run_to_end(load_board(folder), elf)
    assert status == 0
    assert "stack          : 4096 bytes" in text
