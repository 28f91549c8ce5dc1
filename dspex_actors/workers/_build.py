"""Compiling guest code before it is run, in a worker of its own that runs nothing.

A program that was compiled is native code, or close to it. So where it came from matters: it is made by a
fresh worker which is asked to compile that one program and then ended, and it is kept under a key that the
host makes from the program, the engine and its settings. A worker that has run guest code is never asked to
compile, and nothing that it sends is kept. An enemy who takes over the compiler can so only change what
becomes of his own program.
"""

from __future__ import annotations

import hashlib
import platform
import threading
from contextlib import contextmanager
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dspex_actors import values
from dspex_actors._errors import WorkerLostError
from dspex_actors._execution import (
    Completed,
    Diagnostic,
    ExecutionResult,
    Failed,
    GuestFailure,
    LimitExceeded,
)
from dspex_actors.workers._build_spare import SpareBuilder
from dspex_actors.workers._protocol import DECLARATIONS, LIBRARY
from dspex_actors.workers._request import Program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dspex_actors._execution import Execute
    from dspex_actors._language import Language
    from dspex_actors._limits import Limits
    from dspex_actors.workers._build_cache import BuildCache
    from dspex_actors.workers._causes import Cause, Timers
    from dspex_actors.workers._process import WorkerProcess
    from dspex_actors.workers._protocol import EngineConfig

_MOST_DIAGNOSTICS = 100


class BuildWatch:
    """Reaches the worker that compiles for a request, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._worker: WorkerProcess | None = None
        self._cause: Cause | None = None

    def attach(self, worker: WorkerProcess | None) -> None:
        """Take the worker that compiles now; it is killed if `kill` was called before."""
        with self._lock:
            self._worker = worker
            if worker is not None and self._cause is not None:
                worker.kill(self._cause)

    def kill(self, cause: Cause) -> None:
        """Kill the worker that compiles, and any that would follow."""
        with self._lock:
            self._cause = self._cause or cause
            if self._worker is not None:
                self._worker.kill(cause)


class Builder:
    """Compiles the programs of one executor. Any thread may use it; one program is compiled once at a time.

    Args:
        spawn: gives a fresh worker.
        language: whose programs they are; it has limits for compiling.
        engine: of the language, as its zygote was told.
        cache: keeps what was compiled.
        start_timeout_s: seconds that a worker may take to be ready.
    """

    def __init__(
        self,
        spawn: Callable[[], WorkerProcess],
        language: Language,
        engine: EngineConfig,
        cache: BuildCache,
        start_timeout_s: float,
    ) -> None:
        assert language.build_limits is not None  # noqa: S101 -- it is asked for where there are some
        self._language = language
        self._limits: Limits = language.build_limits
        self._engine = engine
        self._cache = cache
        self._start_timeout_s = start_timeout_s
        self._spare = SpareBuilder(spawn, start_timeout_s)
        self._lock = threading.Lock()
        self._under_way: dict[str, threading.Event] = {}

    def close(self) -> None:
        """End the worker that waits for a program. Quiet the second time."""
        self._spare.close()

    def program(
        self, request: Execute, limits: Limits, timers: Timers, watch: BuildWatch
    ) -> Program | ExecutionResult:
        """Return what a worker can run; or how compiling it has ended, if not well. Blocks until then.

        Args:
            request: whose code it is. Without any there is nothing to compile.
            limits: of its execution; whether fuel is counted decides what is compiled.
            timers: arms the deadline.
            watch: is told of the worker that compiles.

        Raises:
            WorkerLostError: no worker could be had.
        """
        if not request.code:
            return Program("")
        declare = self._language.declare
        declarations = "" if declare is None else declare(request.context.variables)
        key = self._key(request.code, declarations, counts_fuel=limits.fuel is not None)
        built = self._cache.get(key)
        if built is None:
            with self._alone(key):
                built = self._cache.get(key)
                if built is None:
                    result = self._compile(request.code, declarations, limits, timers, watch)
                    if not isinstance(result, bytes):
                        return result
                    self._cache.put(key, result)
                    built = result
        return Program(key, module=built)

    def _library(self, timers: Timers, watch: BuildWatch) -> bytes | ExecutionResult:
        """Return what all programs need, compiled; or how that has ended, if not well.

        Raises:
            WorkerLostError: no worker could be had.
        """
        key = self._key("", LIBRARY, counts_fuel=False)
        with self._alone(key):
            built = self._cache.get(key)
            if built is not None:
                return built
            result = self._ask(Program("", "library"), {}, self._limits, timers, watch)
            if isinstance(result, bytes):
                self._cache.put(key, result)
            return result

    def _key(self, code: str | bytes, declarations: str, *, counts_fuel: bool) -> str:
        engine = self._engine
        parts = (
            engine.maker,
            engine.language,
            engine.path,
            engine.version,
            repr(sorted(engine.options.items())),
            repr(counts_fuel),
            _processor(),
            declarations,
            type(code).__name__,
        )
        digest = hashlib.sha256()
        for part in (*(part.encode() for part in parts), code if isinstance(code, bytes) else code.encode()):
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)
        return digest.hexdigest()

    @contextmanager
    def _alone(self, key: str) -> Iterator[None]:
        """Wait while somebody else compiles the same program; it is likely to be there then."""
        with self._lock:
            event = self._under_way.get(key)
            ours = event is None
            if event is None:
                event = self._under_way[key] = threading.Event()
        if not ours:
            event.wait((self._limits.time_s or 0.0) + self._start_timeout_s)
            yield
            return
        try:
            yield
        finally:
            with self._lock:
                del self._under_way[key]
            event.set()

    def _compile(
        self, code: str | bytes, declarations: str, limits: Limits, timers: Timers, watch: BuildWatch
    ) -> bytes | ExecutionResult:
        """Have a fresh worker compile a program.

        Raises:
            WorkerLostError: no worker could be had.
        """
        given: dict[str, Any] = {DECLARATIONS: declarations} if declarations else {}
        if self._language.has_library:
            library = self._library(timers, watch)
            if not isinstance(library, bytes):
                return library
            given[LIBRARY] = library
        module = code if isinstance(code, bytes) else None
        program = Program("" if isinstance(code, bytes) else code, "build", module)
        return self._ask(program, given, replace(self._limits, fuel=limits.fuel), timers, watch)

    def _ask(
        self, program: Program, given: dict[str, Any], limits: Limits, timers: Timers, watch: BuildWatch
    ) -> bytes | ExecutionResult:
        """Ask a fresh worker.

        Raises:
            WorkerLostError: no worker could be had.
        """
        variables = values.encode(given) if given else None
        worker = self._spare.take(timers, watch)
        try:
            result = worker.execute(program, variables, limits, timers)
        finally:
            watch.attach(None)
            worker.close()
            self._spare.renew(timers)
        return _built(result)


def _built(result: ExecutionResult) -> bytes | ExecutionResult:
    """Return what was compiled, or how that failed."""
    match result:
        case Completed(value=bytes() as built):
            return built
        case Completed(value=dict() as report):
            common = {
                each.name: getattr(result, each.name) for each in fields(result) if each.name != "value"
            }
            return Failed(error=_failure(report), **common)
        case Completed():
            raise WorkerLostError("the worker that compiled has not said what came of it")
        case LimitExceeded():
            return replace(result, limit=f"build_{result.limit}")
    return result


def _failure(report: dict[Any, Any]) -> GuestFailure:
    """Return what a compiler reported; whatever the worker sent, it is text and numbers afterwards."""
    listed = report.get("diagnostics")
    diagnostics = [
        Diagnostic(
            level=_text(each.get("level"), 20),
            message=_text(each.get("message"), 8_000),
            code=_text(each.get("code"), 100),
            line=_number(each.get("line")),
            column=_number(each.get("column")),
            end_line=_number(each.get("end_line")),
            end_column=_number(each.get("end_column")),
        )
        for each in (listed if isinstance(listed, list) else [])[:_MOST_DIAGNOSTICS]
        if isinstance(each, dict)
    ]
    return GuestFailure(
        "CompileError",
        _text(report.get("message"), 8_000),
        _text(report.get("traceback"), 32_000),
        tuple(diagnostics),
    )


def _text(value: object, most: int) -> str:
    return value[:most] if isinstance(value, str) else ""


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else 0


@cache
def _processor() -> str:
    """Return what compiled code depends on of this machine: a folder may be shared by several."""
    try:
        lines = Path("/proc/cpuinfo").read_text("ascii", "replace").splitlines()
    except OSError:
        lines = []
    told = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return f"{platform.machine()} {' '.join(sorted(told.split()))}"
