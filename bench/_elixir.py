"""Elixir beside `elixir -e`, a process for each program, for `languages.py`."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from _recovery import LIMIT_S, recovery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Cases = dict[str, Callable[[], object]]

CODE = "1 + 1"
LOOP = "loop = fn loop -> loop.(loop) end\nloop.(loop)"


@contextmanager
def ours() -> Iterator[Cases]:
    """Use a runtime: a fresh virtual machine in the sandbox for each execution, one for a session."""
    from dspex_actors import LimitExceeded, Limits, Runtime  # noqa: PLC0415 -- each competitor loads its own library only

    limits = Limits(time_s=LIMIT_S)

    def cold() -> None:
        with Runtime() as own:
            assert own.execute(CODE, language="elixir").value == 2  # noqa: S101 -- a bench of wrong answers is none

    with Runtime() as runtime, runtime.session(language="elixir") as session:

        def fresh() -> None:
            assert runtime.execute(CODE, language="elixir").value == 2  # noqa: S101 -- as above

        def loop() -> None:
            found = runtime.execute(LOOP, language="elixir", limits=limits)
            assert isinstance(found, LimitExceeded)  # noqa: S101 -- as above

        def warm() -> None:
            assert session.execute(CODE).value == 2  # noqa: S101 -- as above

        yield {
            "elixir: cold": cold,
            "elixir: warm": warm,
            "elixir: fresh": fresh,
            "elixir: timeout": recovery(loop, fresh),
        }


@contextmanager
def one_process_each() -> Iterator[Cases]:
    """`elixir -e`: a virtual machine for each program, with nothing around it."""
    from dspex_actors.executors.languages import ELIXIR, find_engine  # noqa: PLC0415 -- as above

    program = find_engine(ELIXIR).path

    def run(code: str, timeout_s: float | None = None) -> str:
        command = [program, "-e", code]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=timeout_s).stdout

    def once() -> None:
        assert run(f"IO.puts({CODE})") == "2\n"  # noqa: S101 -- as above

    def loop() -> None:
        with suppress(subprocess.TimeoutExpired):
            run(LOOP, LIMIT_S)

    yield {"elixir: cold": once, "elixir: fresh": once, "elixir: timeout": recovery(loop, once)}
