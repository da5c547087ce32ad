# SPDX-License-Identifier: Apache-2.0
"""For the tests of all packages: where nothing may be skipped (STM32_REQUIRE_ALL=1 or CI=true), a skip is a failure."""

import os
import signal
from collections.abc import Iterator

import pytest

# What no machine can satisfy (a test for users without root, and one for root, cannot both run), and what no set-up
# installs.
_ALLOWED = (
    "this user may write everywhere",
    "mounting a small file system",
    "this machine does not let tests mount",
    "flash program not installed",
)

# A shell starts background jobs with SIGINT ignored, and children inherit that: tests of interrupts need it as usual.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _require_all() -> bool:
    return os.environ.get("STM32_REQUIRE_ALL") == "1" or os.environ.get("CI", "").lower() in ("1", "true")


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
    if any(words in reason for words in _ALLOWED):
        return
    report.outcome = "failed"
    report.longrepr = f"{reason}: nothing may be skipped here (STM32_REQUIRE_ALL or CI is set)"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """Looks at the outcome of each test."""
    report = (yield).get_result()
    if _require_all() and report.skipped and not hasattr(report, "wasxfail"):
        _refuse_skip(report)


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    """Looks at each file whose tests are collected."""
    report = (yield).get_result()
    if _require_all() and report.skipped:
        _refuse_skip(report)
