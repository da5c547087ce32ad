# SPDX-License-Identifier: Apache-2.0
"""`stm32 parts`: what it lists is linked, what it leaves out does not link."""

from __future__ import annotations

import json

import pytest
from stm32_board_support.parts import load_part, part_groups

from tests.parts.conftest import HELLO, KWS


@pytest.fixture(scope="module")
def groups(part_data):  # noqa: ARG001 - must be there
    return part_groups()


def test_groups_hold_every_part_once(groups):
    from stm32_board_support.parts import database

    assert sorted(number for group in groups for number in group.numbers) == sorted(database.index())
    assert len({group.name for group in groups}) == len(groups)
    sizes = [(group.part.flash, group.part.ram) for group in groups]
    assert sizes == sorted(sizes)


def test_name_of_every_group_finds_its_silicon(groups):
    for group in groups:
        assert load_part(group.name).silicon == group.part.silicon, group.name


def test_measured_fit_is_what_links(maker, zoo):
    """On a Cortex-M3: the smallest part that is listed links kws; a smaller one with that core does not."""
    model = zoo / "models" / f"{KWS}.tflite"
    done = maker.stm32("parts", "--fits", model, "--core", "m3", "--measure", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    (need,) = found["needs"]
    assert need["measured"]
    first = found["parts"][0]
    assert first["free_flash"] == first["flash"] - need["constants"] - need["code"]
    assert first["free_ram"] == first["ram"] - need["activations"] - need["stack"]
    listed = {part["name"] for part in found["parts"]}
    smaller = [g for g in part_groups() if g.part.core == "cortex-m3" and g.name not in listed]
    assert all(g.part.flash < 48 * 1024 or g.part.ram < 12 * 1024 for g in smaller)
    folder = maker.model(KWS, "stm32f205rf")
    assert (
        maker.stm32("build", folder, "--mcu", first["name"], "--as", "image", "-d", maker.folder / "first").returncode
        == 0
    )
    too_small = smaller[-1].name
    assert maker.stm32("build", folder, "--mcu", too_small, "-d", maker.folder / "small").returncode == 4


def test_table_is_limited_and_says_how_code_is_known(maker, zoo):
    done = maker.stm32("parts", "--fits", zoo / "models" / f"{HELLO}.tflite", "--core", "M0", "--limit", "2")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "at most, estimated" in done.stdout
    assert sum(line.startswith("stm32") for line in lines) == 2
    assert lines[-1].startswith("and ")
    assert lines[-1].endswith(" more: --limit 0 shows all")


def test_no_part_is_exit_code_4(maker, zoo):
    done = maker.stm32("parts", "--fits", zoo / "models" / f"{KWS}.tflite", "--max-flash", "16K", "--core", "m0")
    assert done.returncode == 4
    assert f"no part holds {KWS}.tflite" in done.stderr


def test_list_without_a_model(maker):
    done = maker.stm32("parts", "--max-ram", "4k", "--core", "cortex-m0", "--json")
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert {part["core"] for part in found} == {"cortex-m0"}
    assert max(part["ram"] for part in found) == 4096


@pytest.mark.parametrize(
    ("option", "value", "said"), [("--core", "m9", "there is no core"), ("--max-ram", "x", "no size")]
)
def test_wrong_filter_is_refused(maker, option, value, said):
    done = maker.stm32("parts", option, value)
    assert done.returncode == 2
    assert said in done.stderr
