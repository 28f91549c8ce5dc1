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
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from dspex_actors import values
from dspex_actors._errors import WorkerLostError
from dspex_actors._execution import Completed, Diagnostic, ExecutionResult, LimitExceeded
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

_SIZE_BYTES = 4
_decode_said = msgspec.msgpack.Decoder(tuple[Diagnostic, ...]).decode


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
                    if not isinstance(result, Completed):
                        return result
                    built = _packed(result)
                    self._cache.put(key, built)
        return _unpacked(key, built)

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
            if not isinstance(result, Completed):
                return result
            library: bytes = result.value
            self._cache.put(key, library)
            return library

    def _key(self, code: str | bytes, declarations: str, *, counts_fuel: bool) -> str:
        engine = self._engine
        parts = (
            engine.maker,
            engine.language,
            engine.path,
            engine.version,
            repr(sorted(engine.options.items())),
            repr((engine.profile, engine.read_paths)),  # what a compiler may have put in
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
    ) -> ExecutionResult:
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
    ) -> ExecutionResult:
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


def _built(result: ExecutionResult) -> ExecutionResult:
    """Return how compiling has ended; what has completed has bytes as its value.

    Raises:
        WorkerLostError: the worker has made something else.
    """
    match result:
        case Completed(value=bytes()):
            return result
        case Completed():
            raise WorkerLostError("the worker that compiled has not said what came of it")
        case LimitExceeded():
            return replace(result, limit=f"build_{result.limit}")
    return result


def _packed(result: Completed) -> bytes:
    """Return a program as the cache keeps it: behind what its compiler has said of it."""
    said = msgspec.msgpack.encode(result.diagnostics)
    return b"".join((len(said).to_bytes(_SIZE_BYTES, "little"), said, result.value))


def _unpacked(key: str, packed: bytes) -> Program:
    """Return the program that the cache has kept under a key."""
    view = memoryview(packed)
    end = _SIZE_BYTES + int.from_bytes(view[:_SIZE_BYTES], "little")
    return Program(key, module=view[end:], diagnostics=_decode_said(view[_SIZE_BYTES:end]))


@cache
def _processor() -> str:
    """Return what compiled code depends on of this machine: a folder may be shared by several."""
    try:
        lines = Path("/proc/cpuinfo").read_text("ascii", "replace").splitlines()
    except OSError:
        lines = []
    told = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return f"{platform.machine()} {' '.join(sorted(told.split()))}"
