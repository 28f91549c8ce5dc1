"""JavaScript beside its peers, for `languages.py`: a start, a call, a fresh realm, the end of a loop.

`node -e` and `deno eval` are a process for each program, as a program would start them; mini-racer runs V8 in
the calling process, with nothing around it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from _recovery import LIMIT_S, recovery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Cases = dict[str, Callable[[], object]]

CODE = "1 + 1"
LOOP = "for (;;);"


@contextmanager
def ours() -> Iterator[Cases]:
    """Use a runtime: a fresh Node in the sandbox for each execution, one Node for a session."""
    from dspex_actors import LimitExceeded, Limits, Runtime  # noqa: PLC0415 -- each competitor loads its own library only

    limits = Limits(time_s=LIMIT_S)

    def cold() -> None:
        with Runtime() as own:
            assert own.execute(CODE, language="javascript").value == 2  # noqa: S101 -- a bench of wrong answers is none

    with Runtime() as runtime, runtime.session(language="javascript") as session:

        def fresh() -> None:
            assert runtime.execute(CODE, language="javascript").value == 2  # noqa: S101 -- as above

        def loop() -> None:
            found = runtime.execute(LOOP, language="javascript", limits=limits)
            assert isinstance(found, LimitExceeded)  # noqa: S101 -- as above

        def warm() -> None:
            assert session.execute(CODE).value == 2  # noqa: S101 -- as above

        yield {
            "javascript: cold": cold,
            "javascript: warm": warm,
            "javascript: fresh": fresh,
            "javascript: timeout": recovery(loop, fresh),
        }


@contextmanager
def mini_racer() -> Iterator[Cases]:
    """mini-racer: V8 in the calling process, a context for each program or one for all."""
    from py_mini_racer import MiniRacer  # noqa: PLC0415 -- as above

    shared = MiniRacer()

    def fresh() -> None:
        assert MiniRacer().eval(CODE) == 2  # noqa: S101 -- as above

    def warm() -> None:
        assert shared.eval(CODE) == 2  # noqa: S101 -- as above

    yield {"javascript: warm": warm, "javascript: fresh": fresh}


def _process(command: Sequence[str]) -> Callable[[], Iterator[Cases]]:
    """Return a competitor that starts a process for each program.

    Args:
        command: its command line; the program comes last.
    """

    @contextmanager
    def one_process_each() -> Iterator[Cases]:
        def run(code: str, timeout_s: float | None = None) -> str:
            done = subprocess.run(
                [*command, f"console.log({code})" if timeout_s is None else code],
                capture_output=True,
                text=True,
                check=True,
                timeout=timeout_s,
            )
            return done.stdout

        def once() -> None:
            assert run(CODE).strip() == "2"  # noqa: S101 -- as above

        def loop() -> None:
            with suppress(subprocess.TimeoutExpired):
                run(LOOP, LIMIT_S)

        yield {
            "javascript: cold": once,
            "javascript: fresh": once,
            "javascript: timeout": recovery(loop, once),
        }

    return one_process_each


def _node() -> str:
    from dspex_actors.executors.languages import JAVASCRIPT, find_engine  # noqa: PLC0415 -- as above

    return find_engine(JAVASCRIPT).path


def competitors() -> dict[str, Callable[[], Iterator[Cases]]]:
    """Return the peers that are installed, each by what it is called in the table."""
    os.environ.setdefault("NO_COLOR", "1")
    found = {"mini-racer": mini_racer, "node -e": _process([_node(), "-e"])}
    deno = shutil.which("deno", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
    return found | ({"deno eval": _process([deno, "eval"])} if deno else {})
