"""What rustc says with `--error-format=json`, one object a line, as the report of a build.

The compiler has read guest code, so none of it is taken for more than text and numbers.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from dspex_actors.workers._notes import MOST_DIAGNOSTICS
from dspex_actors.workers.engines.rust._source import FILE

if TYPE_CHECKING:
    from dspex_actors.workers.engines.rust._source import Source

_MOST_READ = 1000
_LEVELS = ("error", "warning")
_SUMMARIES = ("aborting due to", "could not compile")


class Report(NamedTuple):
    """What a compiler has said of a program.

    Attributes:
        message: the first error in one line; empty without any.
        traceback: the errors as rustc draws them.
        diagnostics: what stands where, in the user's lines: fields of a `Diagnostic`.
    """

    message: str
    traceback: str
    diagnostics: list[dict[str, Any]]


def report_of(output: str, source: Source) -> Report:
    """Return the report of a build.

    Args:
        output: what rustc wrote to stderr.
        source: what it compiled.
    """
    found: list[dict[str, Any]] = []
    drawn: list[str] = []
    for line in output.splitlines():
        told = _read(line)
        if told is None or len(found) >= _MOST_READ:
            continue
        diagnostic = _diagnostic(told, source)
        if diagnostic is not None:
            found.append(diagnostic)
            if diagnostic["level"] == "error":
                drawn.append(_drawn(told, diagnostic, source))
    if len(found) > MOST_DIAGNOSTICS:
        found.sort(key=lambda each: each["level"] != "error")  # those are told first then
    errors = [each for each in found if each["level"] == "error"]
    message = _told(errors[0], len(errors)) if errors else ""
    return Report(message, "\n".join(drawn), found)


def _read(line: str) -> dict[str, Any] | None:
    """Read one line; None for what is no diagnostic."""
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def _diagnostic(told: dict[str, Any], source: Source) -> dict[str, Any] | None:
    """Return a diagnostic with its place; None for a summary, or a level below a warning."""
    level, message = told.get("level"), str(told.get("message", ""))
    if level not in _LEVELS or message.startswith(_SUMMARIES):
        return None
    code = told.get("code")
    spans = [each for each in told.get("spans") or () if isinstance(each, dict) and each.get("is_primary")]
    span = spans[0] if spans else {}
    line, column = _place(span, "start", source)
    end_line, end_column = _place(span, "end", source)
    if level == "warning" and not _is_users(span, source):
        return None
    return {
        "level": level,
        "message": message,
        "code": str(code.get("code", "")) if isinstance(code, dict) else "",
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
    }


def _is_users(span: dict[str, Any], source: Source) -> bool:
    """Whether a place is in what the user has written."""
    line, column = span.get("line_start"), span.get("column_start")
    if not isinstance(line, int) or not isinstance(column, int):
        return False
    return 0 < line <= source.lines and (line > 1 or column > source.shift)


def _place(span: dict[str, Any], which: str, source: Source) -> tuple[int, int]:
    """Return line and column in the user's text; zeros without a place."""
    line, column = span.get(f"line_{which}"), span.get(f"column_{which}")
    if not isinstance(line, int) or not isinstance(column, int):
        return 0, 0
    if line > source.lines:  # in what was put behind it: something is not closed
        return source.lines, 1
    return line, max(1, column - source.shift) if line == 1 else column


def _drawn(told: dict[str, Any], diagnostic: dict[str, Any], source: Source) -> str:
    """Return a diagnostic as rustc draws it; one in the first line is drawn here, as the user wrote it."""
    rendered = str(told.get("rendered") or told.get("message", "")).rstrip()
    if diagnostic["line"] != 1 or not source.shift:
        return rendered
    head, column = rendered.split("\n", 1)[0], diagnostic["column"]
    line = source.text.split("\n", 1)[0][source.shift :]
    end = diagnostic["end_column"] if diagnostic["end_line"] == 1 else len(line) + 1
    marks = " " * (column - 1) + "^" * max(1, end - column)
    return f"{head}\n --> {FILE}:1:{column}\n  |\n1 | {line}\n  | {marks}"


def _told(error: dict[str, Any], errors: int) -> str:
    """Return the first error in one line, with its place and how many there are beside it."""
    code = f"[{error['code']}]" if error["code"] else ""
    place = f", line {error['line']}, column {error['column']}" if error["line"] else ""
    more = f" (and {errors - 1} more)" if errors > 1 else ""
    return f"error{code}: {error['message']}{place}{more}"
