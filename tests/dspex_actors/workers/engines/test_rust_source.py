"""The text that rustc gets, and what it says of it, are in the user's own lines and columns."""

from __future__ import annotations

import json

import pytest

from dspex_actors.workers.engines.rust._diagnostics import report_of
from dspex_actors.workers.engines.rust._endings import panic_in
from dspex_actors.workers.engines.rust._source import (
    declarations_of,
    is_program,
    local_name,
    source_of,
)


@pytest.mark.parametrize(
    ("code", "whole"),
    [
        ("fn main() {}", True),
        ("use std::fmt;\n\n  pub fn main () { }", True),
        ("pub(crate) fn main() {}", True),
        ("1 + 1", False),
        ("// fn main()\n1", False),
        ("fn mainly() {} 1", False),
        ('let text = "fn main()"; text', False),
    ],
)
def test_what_has_a_function_main_is_a_program_and_the_rest_a_snippet(code, whole):
    assert is_program(code) is whole


def test_a_snippet_keeps_its_lines_and_has_its_variables_as_parameters():
    source = source_of("let b = a;\nb", [("a", "i64"), ("type", "bool")])
    first, second = source.text.split("\n")[:2]

    assert first[source.shift :] == "let b = a;"
    assert second == "b"
    allowed = "#[allow(unused, nonstandard_style)]"
    assert f"fn guest({allowed} a: i64, {allowed} r#type: bool)" in first
    assert 'dspex::variable("type")' in source.text
    assert source.lines == 2


def test_a_program_is_compiled_as_it_is():
    source = source_of("fn main() {}", [("a", "i64")])

    assert source.text == "fn main() {}"
    assert (source.shift, source.lines) == (0, 1)


@pytest.mark.parametrize(("name", "local"), [("x", "x"), ("match", "r#match"), ("self", "self_"), ("ü", "ü")])
def test_a_variable_that_rust_reads_as_something_else_has_another_name(name, local):
    assert local_name(name) == local


def test_declarations_are_read_as_they_were_written():
    assert declarations_of("a: i64\nb: Vec<(bool, String,)>") == [("a", "i64"), ("b", "Vec<(bool, String,)>")]
    assert declarations_of("") == []


def said(level="error", message="wrong", code="E0308", line=1, column=1, end=None):
    span = {"is_primary": True, "line_start": line, "column_start": column}
    span |= {"line_end": line, "column_end": end or column + 1}
    told = {"level": level, "message": message, "code": {"code": code}, "spans": [span]}
    return json.dumps(told | {"rendered": f"{level}[{code}]: {message}\n --> guest.rs:{line}:{column}\n"})


def test_an_error_has_the_users_line_and_column_also_in_the_first_line():
    source = source_of("let x: i32 = y;\nz", [])
    output = "\n".join((said(line=1, column=source.shift + 14), said(line=2, column=1, message="more")))

    report = report_of(output, source)

    places = [(each["line"], each["column"]) for each in report.diagnostics]
    assert places == [(1, 14), (2, 1)]
    assert report.message == "error[E0308]: wrong, line 1, column 14 (and 1 more)"
    assert " --> guest.rs:1:14\n  |\n1 | let x: i32 = y;\n  |              ^" in report.traceback


def test_an_error_behind_the_users_text_is_put_into_its_last_line():
    source = source_of("{\n", [])

    assert report_of(said(line=9, column=7), source).diagnostics[0]["line"] == source.lines


def test_warnings_are_listed_and_summaries_and_rubbish_are_not():
    output = "\n".join(
        (
            said(level="warning", message="unused"),
            said(message="aborting due to previous error"),
            said(level="failure-note"),
            "no JSON",
            "[1]",
            json.dumps({"level": "error", "message": "m", "spans": [3, {"is_primary": True}]}),
        )
    )
    found = report_of(output, source_of("fn main() {}", [])).diagnostics

    assert [(each["level"], each["message"], each["line"]) for each in found] == [
        ("warning", "unused", 1),
        ("error", "m", 0),
    ]


def test_warnings_of_what_the_user_has_not_written_are_not_told():
    source = source_of("let x = 1;\nx", [("Name", "i64")])
    places = [(1, source.shift), (1, source.shift + 1), (2, 1), (3, 1)]
    output = [said(level="warning", message=str(place), line=place[0], column=place[1]) for place in places]
    output.append(json.dumps({"level": "warning", "message": "2 warnings emitted", "spans": []}))

    found = report_of("\n".join(output), source).diagnostics
    assert [(each["line"], each["column"]) for each in found] == [(1, 1), (2, 1)]


def test_errors_are_told_first_where_there_is_more_than_can_be_told():
    source = source_of("fn main() {}", [])
    few, many = ("\n".join([*[said(level="warning")] * count, said()]) for count in (99, 100))

    assert report_of(few, source).diagnostics[0]["level"] == "warning"
    assert report_of(many, source).diagnostics[0]["level"] == "error"
    assert len(report_of("\n".join([said()] * 2000), source).diagnostics) == 1000


@pytest.mark.parametrize(
    ("words", "panic"),
    [
        ("thread 'main' panicked at 'so it goes', guest.rs:2:1\nnote: run", ("so it goes", "guest.rs:2:1")),
        ("thread 'main' panicked at guest.rs:2:1:\nso it goes\nnote: run", ("so it goes", "guest.rs:2:1")),
        ("thread 'main' panicked at guest.rs:2:1:\ntwo\nlines\nnote: run", ("two\nlines", "guest.rs:2:1")),
        ("it's all right", None),
    ],
)
def test_a_panic_is_read_as_old_and_new_compilers_write_it(words, panic):
    assert panic_in(words, "snippet") == panic
