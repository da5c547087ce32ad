# SPDX-License-Identifier: Apache-2.0
"""The campaign keeps what is done, and goes on where it stopped."""

from __future__ import annotations

from tests.conformance.campaign import main


def test_what_is_done_is_not_run_again(tmp_path, capfd):
    command = ["--chunk", "1", "--dtypes", "int8", "--state", str(tmp_path / "state.json"), "--output", str(tmp_path)]
    assert main([*command, "--jobs", "1", "--count", "1", "--ops", "RESHAPE"]) == 0
    assert main([*command, "--jobs", "1", "--count", "2", "--ops", "RESHAPE"]) == 0
    told = capfd.readouterr().out
    assert "2 parts, 1 of them done already" in told
    assert "2 cases, 0 of them not equal" in told
    assert "| RESHAPE | int8 | 0 to 1 | 2 | 2 |" in (tmp_path / "RESULTS.md").read_text("utf-8")
