"""A pytest plugin that says, after the tests of this folder, which rows of OTP's behaviour hold.

    pytest -p tests.supervisors.conformance._report tests/supervisors/conformance

A row has passed when it has a test and all its tests have passed; a skipped test has not. The exit code is 0
only if no test has failed and every row has passed or is not applicable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.supervisors.conformance._not_applicable import NOT_APPLICABLE
from tests.supervisors.conformance._rows import GROUPS, ROWS, row_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True)
class Tally:
    """How many rows of one group passed, failed and are not applicable."""

    passed: int
    failed: int
    not_applicable: int

    @property
    def total(self) -> int:
        return self.passed + self.failed + self.not_applicable

    def line(self, title: str) -> str:
        return f"{title:<52}{self.passed:>8}{self.failed:>8}{self.not_applicable:>16}{self.total:>8}"


def verdicts(tests: Mapping[str, bool], not_applicable: Iterable[str] = NOT_APPLICABLE) -> dict[str, str]:
    """Say of each row whether it holds.

    Args:
        tests: name of each test that ran, and whether it passed.
        not_applicable: rows that need no test.

    Returns:
        "passed", "failed", "no test" or "not applicable" by row. A test outweighs `not_applicable`.
    """
    outcomes: dict[str, list[bool]] = {}
    for name, passed in tests.items():
        outcomes.setdefault(row_of(name) or "", []).append(passed)

    def verdict(row: str) -> str:
        if row in outcomes:
            return "passed" if all(outcomes[row]) else "failed"
        return "not applicable" if row in not_applicable else "no test"

    return {row: verdict(row) for row in ROWS}


def tally(verdict_of: Mapping[str, str], group: str = "") -> Tally:
    """Count the rows whose id begins with `group`; one without a test counts as failed."""
    counted = [verdict for row, verdict in verdict_of.items() if row.startswith(group)]
    passed, not_applicable = counted.count("passed"), counted.count("not applicable")
    return Tally(passed, len(counted) - passed - not_applicable, not_applicable)


def lines(verdict_of: Mapping[str, str]) -> list[str]:
    """Return the table, and below it each row that does not hold."""
    head = f"{'group':<52}{'passed':>8}{'failed':>8}{'not applicable':>16}{'total':>8}"
    table = [tally(verdict_of, group).line(f"{group} {title}") for group, title in GROUPS.items()]
    missing = [
        f"{row} {verdict}: {ROWS[row]}"
        for row, verdict in verdict_of.items()
        if verdict in ("failed", "no test")
    ]
    return [head, *table, tally(verdict_of).line("all"), *missing]


class Report:
    """Remembers how each test ended, and reports at the end."""

    def __init__(self) -> None:
        self.tests: dict[str, bool] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note one phase of one test; all must pass."""
        name = report.nodeid.partition("::")[2]
        self.tests[name] = self.tests.get(name, True) and report.passed

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a run in which the tests have passed but a row does not hold."""
        if tally(verdicts(self.tests)).failed and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table below everything else."""
        terminalreporter.section("OTP conformance, rows")
        for line in lines(verdicts(self.tests)):
            terminalreporter.write_line(line)


def pytest_configure(config: pytest.Config) -> None:
    """Begin a report."""
    config.pluginmanager.register(Report(), "conformance-report")
