"""That every row of OTP's behaviour has its test, and that the report counts them right."""

from __future__ import annotations

import ast
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.supervisors.conformance._not_applicable import NOT_APPLICABLE
from tests.supervisors.conformance._report import Report, Tally, lines, tally, verdicts
from tests.supervisors.conformance._rows import GROUPS, ROWS, row_of


def rows_with_tests():
    """Return the row of each test function in this folder that names one."""
    names = [
        node.name
        for path in sorted(Path(__file__).parent.glob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return {row_of(name) for name in names} - {None}


def test_there_are_one_hundred_and_seventy_three_rows_in_eleven_groups():
    assert len(ROWS) == 173
    assert {row[0] for row in ROWS} == set(GROUPS)


def test_each_row_has_a_test_or_a_reason_why_it_is_not_applicable():
    assert sorted(ROWS.keys() - rows_with_tests() - NOT_APPLICABLE.keys()) == []


def test_no_row_has_a_test_and_is_not_applicable_too():
    assert sorted(rows_with_tests() & NOT_APPLICABLE.keys()) == []


def test_no_test_or_reason_names_a_row_that_does_not_exist():
    assert sorted((rows_with_tests() | NOT_APPLICABLE.keys()) - ROWS.keys()) == []


def test_at_most_ten_rows_are_not_applicable_and_each_says_why():
    assert len(NOT_APPLICABLE) <= 10
    assert [row for row, reason in NOT_APPLICABLE.items() if not reason] == []


@pytest.mark.parametrize(
    ("tests", "not_applicable", "verdict"),
    [
        ({"test_a01_it_holds": True}, [], "passed"),
        ({"test_a01_it_holds": True, "test_a01_it_holds_too[x]": False}, [], "failed"),
        ({"test_a01_it_holds": False}, ["A01"], "failed"),
        ({"test_a02_it_holds": True, "test_another": True}, [], "no test"),
        ({}, ["A01"], "not applicable"),
    ],
)
def test_a_row_holds_when_it_has_a_test_and_all_its_tests_have_passed(tests, not_applicable, verdict):
    assert verdicts(tests, not_applicable)["A01"] == verdict


def test_a_row_without_a_test_is_counted_as_failed_and_listed():
    everything = {f"test_{row.lower()}_it_holds": True for row in ROWS}
    del everything["test_k16_it_holds"]
    found = verdicts(everything | {"test_g01_it_holds": False}, ["K16"])

    assert tally(found) == Tally(passed=171, failed=1, not_applicable=1)
    assert (tally(found, "G").failed, tally(found, "K").not_applicable, tally(found, "A").total) == (1, 1, 22)
    assert lines(found)[-1] == f"G01 failed: {ROWS['G01']}"
    assert lines(verdicts({}, []))[-1] == f"K16 no test: {ROWS['K16']}"


@pytest.mark.parametrize("phase", ["setup", "call", "teardown"])
@pytest.mark.parametrize("outcome", ["failed", "skipped"])
def test_a_test_that_fails_or_is_skipped_in_any_phase_has_not_passed(phase, outcome):
    report = Report()
    for when in ("setup", "call", "teardown"):
        ended = outcome if when == phase else "passed"
        name = "folder/test_file.py::test_a01_it_holds[a::b]"
        report.pytest_runtest_logreport(
            pytest.TestReport(name, ("folder/test_file.py", 1, name), {}, ended, None, when)
        )

    assert report.tests == {"test_a01_it_holds[a::b]": False}


@pytest.mark.parametrize(("lacking", "status"), [(set(), 0), ({"A01"}, 1)])
def test_a_run_without_a_failed_test_fails_when_a_row_was_left_out(lacking, status):
    report = Report()
    report.tests = {
        f"test_{row.lower()}_it_holds": True for row in ROWS.keys() - NOT_APPLICABLE.keys() - lacking
    }
    session = SimpleNamespace(exitstatus=pytest.ExitCode.OK)
    report.pytest_sessionfinish(session)

    assert session.exitstatus == status
