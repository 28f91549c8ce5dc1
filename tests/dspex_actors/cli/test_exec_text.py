"""What `dspex-actors exec` prints of a result beside its output: warnings of the compiler, and failures."""

from __future__ import annotations

import io

import pytest

from dspex_actors import Completed, Diagnostic, Failed
from dspex_actors._execution import GuestFailure
from dspex_actors.cli._exec import _show
from dspex_actors.cli._terminal import Sink

WARNING = Diagnostic("warning", "unused variable: `x`", "unused_variables", 3, 9)


def printed(result):
    """Return what is printed of a result to stdout and to stderr."""
    streams = {name: io.TextIOWrapper(io.BytesIO(), "utf-8") for name in ("stdout", "stderr")}
    _show(result, {name: Sink(stream) for name, stream in streams.items()})
    return tuple(streams[name].buffer.getvalue().decode() for name in ("stdout", "stderr"))


@pytest.mark.parametrize(
    ("diagnostic", "stderr", "said"),
    [
        (WARNING, "", "warning: unused variable: `x` (3:9)\n"),
        (WARNING, "the guest's own\n", "warning: unused variable: `x` (3:9)\n"),
        (WARNING, "warning: unused variable: `x`\n  <guest>:3\n", ""),  # as Elixir's are told
        (Diagnostic("warning", "two\n  lines", line=3), "", "warning: two lines (3)\n"),
        (Diagnostic("warning", "no place"), "", "warning: no place\n"),
        (Diagnostic("error", "it is in the traceback", line=1), "", ""),
    ],
)
def test_warnings_are_told_in_a_line_each_where_stderr_has_them_not(diagnostic, stderr, said):
    assert printed(Completed(value=5, stderr=stderr, diagnostics=(diagnostic,))) == ("5\n", said)


@pytest.mark.parametrize(
    ("traceback", "said"),
    [
        ("", "Trap: UNREACHABLE\n"),
        ("  guest module, byte 0x23\n  in g", "Trap: UNREACHABLE\n  guest module, byte 0x23\n  in g\n"),
        ("Trap: UNREACHABLE\n    at <guest>:1:1", "Trap: UNREACHABLE\n    at <guest>:1:1\n"),
        (
            '  File "<guest>", line 1\n    x = (\nTrap: open',
            '  File "<guest>", line 1\n    x = (\nTrap: open\n',
        ),
    ],
)
def test_a_failure_is_told_with_its_message_also_where_the_traceback_has_places_alone(traceback, said):
    failed = Failed(error=GuestFailure("Trap", "UNREACHABLE", traceback))

    assert printed(failed) == ("", said)
