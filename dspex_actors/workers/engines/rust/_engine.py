"""The engine of `rust`."""

from __future__ import annotations

import os
import re
import resource
import select
import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from dspex_actors.workers._protocol import DECLARATIONS, LIBRARY, Footprint
from dspex_actors.workers.engines._engine import (
    EngineFailureError,
    GuestFailedError,
    OutOfMemoryError,
    Usage,
)
from dspex_actors.workers.engines.rust._diagnostics import report_of
from dspex_actors.workers.engines.rust._source import FILE, declarations_of, source_of
from dspex_actors.workers.engines.wasm._engine import WasmEngine, new_engine

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import wasmtime

    from dspex_actors.workers import _framing
    from dspex_actors.workers._protocol import EngineConfig
    from dspex_actors.workers.engines._engine import Call
    from dspex_actors.workers.engines.rust._diagnostics import Report

_BUILT = "guest.wasm"
_LIBRARY, _LIBRARY_FILE = "libdspex.rlib", "dspex.rs"
_MOST_OUTPUT = 4 * 2**20
_MOST_THREADS = 4  # each takes memory of the limits for compiling
FLAGS = (
    "--edition=2021",
    "-O",
    "-Ccodegen-units=1",
    "-Cstrip=symbols",
    "-Cembed-bitcode=no",
    "--error-format=json",
)
_SHOWN_CHARS = 500
_CRIES = ("memory allocation of", "out of memory", "Cannot allocate memory")

# How panics begin on stderr: `panicked at 'text', file:1:2` before Rust 1.73, `panicked at file:1:2:` and the
# text in the lines after it since.
_OLD_PANIC = re.compile(r"panicked at '(.*)', ([^\n']+:\d+:\d+)\n", re.DOTALL)
_NEW_PANIC = re.compile(r"panicked at ([^\n']+:\d+:\d+):\n(.*?)\n(?:note: |stack backtrace:|$)", re.DOTALL)


class RustEngine(WasmEngine):
    """See the module. What it runs, and how, is as for `wasm`.

    Args:
        config: what the zygote was told of the engine; its options are `sysroot`, `target`, `linker` and
            `library`, the path of the source of the crate `dspex` that all programs have.
    """

    def __init__(self, config: EngineConfig) -> None:
        super().__init__(config)
        self._library_text = _read(config.options["library"])

    def look(self) -> Footprint:
        """Ask the compiler for its version, to see that it starts; it will do so anew for each program.

        Runs unconfined, in a child of the zygote and beside it.

        Raises:
            EngineFailureError: it does not.
        """
        try:
            done = subprocess.run(
                [self.config.path, "--version"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env=_ENVIRONMENT,
                timeout=self.config.start_timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            reason = f"rustc did not tell its version within {self.config.start_timeout_s:g} s"
            raise EngineFailureError(reason) from None
        except OSError as error:
            raise EngineFailureError(f"rustc cannot be run: {error}") from error
        if done.returncode:
            raise _failure(done.returncode, done.stderr.decode("utf-8", "replace"))
        return Footprint()

    def rehearsals(self, *, builds: bool) -> Iterator[list[_framing.Block]]:
        """As for `wasm`; nothing for a worker that will compile, which is mostly done by another program."""
        return iter(()) if builds else super().rehearsals(builds=False)

    def compiler(self, *, counts_fuel: bool) -> wasmtime.Engine:
        """Return what compiles a module in several threads: this is a worker that runs no guest's program."""
        os.environ["RAYON_NUM_THREADS"] = str(min(_MOST_THREADS, os.cpu_count() or 1))
        return new_engine(counts_fuel=counts_fuel, parallel=True)

    def run(self, call: Call) -> Any:  # noqa: ANN401 -- a guest's value is any plain data
        """Compile a program, or run one that was compiled; see `Engine`.

        Raises:
            GuestFailedError: it failed.
            OutOfMemoryError, OutOfFuelError, ResultTooBigError: a limit was exceeded.
        """
        if not call.request.step:
            return super().run(call)
        call.limit_worker()
        if call.request.step == "library":
            return self._built_library()
        given = call.variables()
        source = source_of(call.request.code, declarations_of(given.get(DECLARATIONS, "")))
        _write(_LIBRARY, given[LIBRARY])
        _write(FILE, source.text.encode())
        exit_code, output = self._compile(
            "--crate-name=guest", f"--extern=dspex={_LIBRARY}", "-o", _BUILT, FILE
        )
        if exit_code:
            report = report_of(output, source)
            if not report.diagnostics:
                raise _failure(exit_code, output)
            _tell(report, call)
            raise GuestFailedError("CompileError", report.message, report.traceback)
        _tell(report_of(output, source), call)
        return self.build(_read(_BUILT), counts_fuel=call.request.fuel is not None)

    def _built_library(self) -> bytes:
        """Return what programs have as the crate `dspex`.

        Raises:
            EngineFailureError, OutOfMemoryError: it cannot be compiled.
        """
        _write(_LIBRARY_FILE, self._library_text)
        command = ("--crate-type=rlib", "--crate-name=dspex", "-o", _LIBRARY, _LIBRARY_FILE)
        exit_code, output = self._compile(*command)
        if exit_code:
            raise _failure(exit_code, output)
        return _read(_LIBRARY)

    def run_module(self, call: Call, variables: dict[str, Any], invocation: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- as `run`
        """Run a program; a panic is a failure of its own kind. See `WasmEngine.run_module`.

        Raises:
            GuestFailedError: it failed.
            OutOfMemoryError, OutOfFuelError, ResultTooBigError: a limit was exceeded.
        """
        try:
            return super().run_module(call, variables, invocation)
        except GuestFailedError as error:
            panic = panic_in(self.last_words.decode("utf-8", "replace"))
            if error.kind != "Trap" or panic is None:
                raise
            message, place = panic
            raise GuestFailedError("Panic", message, f"  {place}") from error

    def usage(self) -> Usage:
        """Return the CPU time of compilers that have ended."""
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return Usage(used.ru_utime + used.ru_stime, 0)

    def _compile(self, *arguments: str) -> tuple[int, str]:
        """Run rustc in the scratch folder; return its exit code and what it said, up to a limit.

        The worker's own limits are its, too; the deadline is the host's.

        Args:
            arguments: beside those that are always the same.
        """
        options = self.config.options
        command = [
            self.config.path,
            *FLAGS,
            f"--sysroot={options['sysroot']}",  # it would look for itself in /proc
            f"--target={options['target']}",
            *([f"-Clinker={options['linker']}"] if options["linker"] else []),
            *arguments,
        ]
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=_ENVIRONMENT,
        )
        assert child.stderr is not None  # noqa: S101 -- it is a pipe
        output = b""
        with child.stderr:
            while len(output) < _MOST_OUTPUT:
                select.select([child.stderr], [], [])
                data = os.read(child.stderr.fileno(), 65536)
                if not data:
                    break
                output += data
        with suppress(ProcessLookupError):
            if len(output) >= _MOST_OUTPUT:
                child.send_signal(signal.SIGKILL)
        return child.wait(), output.decode("utf-8", "replace")


_ENVIRONMENT = {"TMPDIR": "."}
"""All that the compiler finds of an environment: `env!` in a program shows it no more."""


def _failure(exit_code: int, output: str) -> Exception:
    """Return what a compiler has come to that found no fault with its program, and ended.

    Args:
        exit_code: negative for the signal that ended it.
        output: what it wrote to stderr.
    """
    if any(cry in output for cry in _CRIES):
        return OutOfMemoryError(is_last=False)
    how = f"exit code {exit_code}" if exit_code >= 0 else signal.Signals(-exit_code).name
    return EngineFailureError(f"rustc ended with {how}: {output.strip()[:_SHOWN_CHARS]}")


def _tell(report: Report, call: Call) -> None:
    """Tell what the compiler has said."""
    for each in report.diagnostics:
        call.notes.diagnostic(**each)


def _write(name: str, data: bytes) -> None:
    """Write a file in the scratch folder."""
    with open(name, "wb") as file:  # noqa: PTH123 -- pathlib is not loaded here
        file.write(data)


def _read(path: str) -> bytes:
    """Read a file."""
    with open(path, "rb") as file:  # noqa: PTH123 -- as above
        return file.read()


def panic_in(words: str) -> tuple[str, str] | None:
    """Return the message and the place of a panic, from the end of what a program wrote to stderr.

    Args:
        words: that end.
    """
    old, new = _OLD_PANIC.search(words), _NEW_PANIC.search(words)
    if old is not None:
        return old[1], old[2]
    return (new[2], new[1]) if new is not None else None


def make(config: EngineConfig) -> RustEngine:
    """Return the engine. Runs in the zygote.

    Args:
        config: what the zygote was told of the engine.
    """
    return RustEngine(config)
