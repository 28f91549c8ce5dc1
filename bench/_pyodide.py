"""Pyodide beside its peers, for `languages.py`: plain in Node, and DSPy's interpreter where it is installed.

Plain Pyodide is a process for each program, which starts Python from its files; one that stays reads programs
line by line, with nothing around it. DSPy runs Pyodide in deno, a process for each interpreter; it has no
limit of time.
"""

from __future__ import annotations

import subprocess
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING

from _recovery import LIMIT_S, recovery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Cases = dict[str, Callable[[], object]]

CODE = "1 + 1"
LOOP = "while True: pass"
_PLAIN = """
import { createInterface } from 'node:readline';
const { loadPyodide } = await import(process.argv[1] + '/pyodide.mjs');
const pyodide = await loadPyodide({ indexURL: process.argv[1] + '/' });
for await (const line of createInterface({ input: process.stdin })) console.log(pyodide.runPython(line));
"""


@contextmanager
def ours() -> Iterator[Cases]:
    """Use a runtime: a fresh Pyodide in the sandbox for each execution, one for a session."""
    from dspex_actors import LimitExceeded, Limits, Runtime  # noqa: PLC0415 -- each competitor loads its own library only

    limits = Limits(time_s=LIMIT_S)

    def cold() -> None:
        with Runtime() as own:
            assert own.execute(CODE, language="pyodide").value == 2  # noqa: S101 -- a bench of wrong answers is none

    with Runtime() as runtime, runtime.session(language="pyodide") as session:

        def fresh() -> None:
            assert runtime.execute(CODE, language="pyodide").value == 2  # noqa: S101 -- as above

        def loop() -> None:
            found = runtime.execute(LOOP, language="pyodide", limits=limits)
            assert isinstance(found, LimitExceeded)  # noqa: S101 -- as above

        def warm() -> None:
            assert session.execute(CODE).value == 2  # noqa: S101 -- as above

        yield {
            "pyodide: cold": cold,
            "pyodide: warm": warm,
            "pyodide: fresh": fresh,
            "pyodide: timeout": recovery(loop, fresh),
        }


@contextmanager
def plain() -> Iterator[Cases]:
    """Pyodide in Node, with nothing around it."""
    from dspex_actors.executors.languages import PYODIDE, find_engine  # noqa: PLC0415 -- as above

    engine = find_engine(PYODIDE)
    command = [engine.options["node"], "--input-type=module", "-e", _PLAIN, f"{engine.path}/pyodide"]

    def run(code: str, timeout_s: float | None = None) -> str:
        done = subprocess.run(
            command, input=f"{code}\n", capture_output=True, text=True, check=True, timeout=timeout_s
        )
        return done.stdout

    def once() -> None:
        assert run(CODE) == "2\n"  # noqa: S101 -- as above

    def loop() -> None:
        with suppress(subprocess.TimeoutExpired):
            run(LOOP, LIMIT_S)

    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as kept:
        stdin, stdout = kept.stdin, kept.stdout
        assert stdin is not None  # noqa: S101 -- both are pipes
        assert stdout is not None  # noqa: S101 -- as above

        def warm() -> None:
            stdin.write(f"{CODE}\n")
            stdin.flush()
            assert stdout.readline() == "2\n"  # noqa: S101 -- as above

        yield {
            "pyodide: cold": once,
            "pyodide: warm": warm,
            "pyodide: fresh": once,
            "pyodide: timeout": recovery(loop, once),
        }
        stdin.close()


@contextmanager
def dspy() -> Iterator[Cases]:
    """DSPy's interpreter: an interpreter for each program, or one for all."""
    from dspy.primitives.python_interpreter import PythonInterpreter  # noqa: PLC0415 -- as above

    def fresh() -> None:
        with PythonInterpreter() as own:
            assert str(own.execute(CODE)) == "2"  # noqa: S101 -- as above

    with PythonInterpreter() as kept:

        def warm() -> None:
            assert str(kept.execute(CODE)) == "2"  # noqa: S101 -- as above

        yield {"pyodide: cold": fresh, "pyodide: warm": warm, "pyodide: fresh": fresh}


def competitors() -> dict[str, Callable[[], Iterator[Cases]]]:
    """Return the peers that are installed, each by what it is called in the table."""
    found: dict[str, Callable[[], Iterator[Cases]]] = {"pyodide in node": plain}
    return found | ({"DSPy interpreter": dspy} if find_spec("dspy") is not None else {})
