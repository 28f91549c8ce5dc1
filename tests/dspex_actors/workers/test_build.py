"""A compiled program is kept with what its compiler has said of it, and a build ends as a result does."""

from __future__ import annotations

import pytest

from dspex_actors import Completed, Diagnostic, Failed, GuestFailure, LimitExceeded, WorkerLostError
from dspex_actors.workers._build import _built, _packed, _unpacked

UNUSED = Diagnostic("warning", "unused: ü", "dead_code", 1, 2, 3, 4)


@pytest.mark.parametrize("said", [(), (UNUSED,), (UNUSED, Diagnostic("warning", ""))])
@pytest.mark.parametrize("built", [b"", b"\0asm", bytes(100_000)])
def test_a_program_comes_out_of_the_cache_with_what_was_said_of_it(said, built):
    program = _unpacked("key", _packed(Completed(value=built, diagnostics=said)))

    assert (program.code, bytes(program.module), program.diagnostics) == ("key", built, said)


@pytest.mark.parametrize(
    "result",
    [
        Completed(value=b"built"),
        Failed(error=GuestFailure("CompileError", "no", "", (UNUSED,)), diagnostics=(UNUSED,)),
    ],
)
def test_a_build_that_has_made_a_program_or_found_it_wrong_is_told_as_it_is(result):
    assert _built(result) == result


def test_a_limit_of_a_build_has_a_name_of_its_own():
    assert _built(LimitExceeded(limit="time", allowed=1.0)).limit == "build_time"


@pytest.mark.parametrize("value", [None, "text", {"diagnostics": []}, [b"x"]])
def test_a_build_that_makes_something_else_is_a_lost_worker(value):
    with pytest.raises(WorkerLostError, match="has not said what came of it"):
        _built(Completed(value=value))
