"""What TypeScript adds to JavaScript: types are stripped, what is more than types is transformed."""

from __future__ import annotations

import pytest

from dspex_actors import Completed, Failed
from tests._engines import need_engine

pytestmark = pytest.mark.may_leak("spares come and go; the module is checked as a whole")


@pytest.fixture(scope="module")
def session(runtime):
    need_engine("typescript")
    with runtime.session(language="typescript") as session:
        yield session


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("const one: number = 1;\none + 1", 2),
        ("enum Level { Low = 3, High }\nLevel.High", 4),
        ("class P { constructor(private x: number) {} get(): number { return this.x } }\nnew P(4).get()", 4),
        ("type T = { a: 1 }; const t: T = { a: 1 }; t", {"a": 1}),
        ("import type { Stats } from 'fs';\nimport { join } from 'path';\njoin('a', 'b')", "a/b"),
        ("(await Promise.resolve(5)) satisfies number", 5),
        ("const identity = <T>(x: T): T => x;\nidentity<string>('x')", "x"),
        ("1", 1),
    ],
)
def test_types_are_taken_away_and_the_program_runs(session, code, value):
    result = session.execute(code)

    assert isinstance(result, Completed), result
    assert result.value == value


def test_types_are_not_checked(session):
    assert session.execute("const wrong: string = 5; wrong").value == 5


def test_a_program_that_is_no_typescript_fails_with_its_place(session):
    result = session.execute("const x: number = 1;\nconst y: = 2;\n")

    assert isinstance(result, Failed), result
    assert result.error.type == "SyntaxError"
    assert result.error.message.endswith("(line 2)")
    assert result.error.traceback.splitlines()[1:3] == ["const y: = 2;", "         ^"]


@pytest.mark.parametrize(
    ("code", "place"),
    [
        ("const x: number = 1;\nconst y: = 2;\n", (2, 10)),
        ("\tconst y: = 2;\n", (1, 0)),
        ("const \u00fc: = 2;\n", (1, 0)),
        ("const x: string = '\u00fc'; const x = 2", (1, 30)),
        ("enum A {\n X }\nconst a = 1;\nconst a = 2;\n", (0, 0)),
    ],
)
def test_a_diagnostic_has_its_place_as_far_as_that_is_exact(session, code, place):
    (found,) = session.execute(code).diagnostics

    assert (found.level, found.line, found.column) == ("error", *place)


def test_lines_of_a_failure_are_those_of_the_source(session):
    code = "interface Thing {\n  x: number;\n}\nthrow new Error('four');"

    assert ":4:7)" in session.execute(code).error.traceback or ":4:7" in session.execute(code).error.traceback
