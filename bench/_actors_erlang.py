"""OTP's own gen_server and supervisor, as a competitor of supervisors.py."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from _actors_shared import (
    CALLS,
    CASTS,
    CRASHES,
    HERE,
    MANY,
    STARTS,
    starts_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _actors_shared import Cases


@contextmanager
def erlang() -> Iterator[Cases]:
    """Run OTP's own, in a virtual machine of its own that is asked over a pipe."""
    escript = shutil.which("escript")
    if escript is None:
        yield {}
        return
    command = [escript, str(HERE / "supervisors.erl")]
    machine = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert machine.stdin is not None  # noqa: S101 -- asked for above
    assert machine.stdout is not None  # noqa: S101 -- as above
    asked, answers = machine.stdin, machine.stdout

    def ask(*words: object) -> Any:  # noqa: ANN401 -- JSON
        print(*words, file=asked, flush=True)
        return json.loads(answers.readline())

    yield {
        "call": lambda: ask("call", CALLS),
        "casts a second": lambda: ask("casts", CASTS),
        "start": lambda: starts_of(ask("supervised", STARTS), ask("alone", STARTS)),
        "crash to replacement": lambda: ask("crash", CRASHES),
        **{
            f"{number} actors: {figure}": lambda number=number, at=at: ask("herd", number)[at]
            for number in (1000, 10_000)
            for at, figure in enumerate(("KiB each", "start, ms", "stop, ms"))
            if number == 1000 or MANY in os.environ
        },
    }
    machine.communicate()
