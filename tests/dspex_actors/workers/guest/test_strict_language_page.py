"""The attack page's table of what strict guest code may write: every row is tried."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from dspex_actors.workers.guest._restricted import compile_strict, make_strict_globals

PAGE = Path(__file__).parents[4] / "docs" / "explanation" / "attacks.md"
ATTACKS = Path(__file__).with_name("restricted_attacks.txt")
TITLE = "## What `strict` lets guest code write"
REFUSALS = (AttributeError, ImportError, PermissionError, SyntaxError, TypeError)


class Row(NamedTuple):
    what: str
    allowed: bool
    source: str


def section():
    return PAGE.read_text(encoding="utf-8").partition(TITLE)[2].partition("\n## ")[0]


def read_rows():
    for line in section().partition("\n### ")[0].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[1] in {"yes", "no"}:
            lines = re.findall(r"`([^`]+)`", cells[2])
            yield Row(cells[0], cells[1] == "yes", "\n".join(lines))


ROWS = list(read_rows())


def run(source):
    parts = compile_strict(source, "<guest>")
    namespace = make_strict_globals()
    if parts.statements is not None:
        exec(parts.statements, namespace)  # noqa: S102 -- the code under test
    if parts.expression is not None:
        eval(parts.expression, namespace)  # noqa: S307 -- see above


def test_the_table_has_rows_of_both_kinds():
    assert len(ROWS) > 20
    assert {row.allowed for row in ROWS} == {True, False}


@pytest.mark.parametrize("row", [row for row in ROWS if row.allowed], ids=lambda row: row.what)
def test_what_the_page_says_may_be_written_runs(row):
    run(row.source)


@pytest.mark.parametrize("row", [row for row in ROWS if not row.allowed], ids=lambda row: row.what)
def test_what_the_page_says_may_not_be_written_is_refused(row):
    with pytest.raises(REFUSALS):
        run(row.source)


def test_every_heading_that_the_page_says_a_hole_is_tried_in_exists():
    headings = set(re.findall(r"^## (.+)$", ATTACKS.read_text(encoding="utf-8"), re.MULTILINE))
    holes = [line for line in section().partition("\n### ")[2].splitlines() if line.startswith("| ")]
    named = {name for line in holes[1:] for name in re.findall(r'"([^"]+)"', line.split("|")[3])}

    assert len(holes) > 5
    assert named
    assert named <= headings
