"""Calling rustc in a worker that compiles one program and ends.

The compiler reads guest code, so it is in the sandbox as a guest is. Beyond that it has no part in what the
policy lends guests: a program must not carry files of one policy into the cache, where those of another one
find it.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

from dspex_actors.workers._protocol import DECLARATIONS, LIBRARY, Footprint
from dspex_actors.workers.engines._engine import EngineFailureError, GuestFailedError, OutOfMemoryError
from dspex_actors.workers.engines.rust._diagnostics import report_of
from dspex_actors.workers.engines.rust._endings import name_of
from dspex_actors.workers.engines.rust._settings import FLAGS
from dspex_actors.workers.engines.rust._source import FILE, declarations_of, source_of
from dspex_actors.workers.engines.rust._view import narrow

if TYPE_CHECKING:
    from dspex_actors.workers._protocol import EngineConfig
    from dspex_actors.workers.engines._engine import Call

_LIBRARY = "libdspex.rlib"
_MOST_OUTPUT = 4 * 2**20
_SHOWN_CHARS = 500
_CRIES = (
    "memory allocation of",
    "out of memory",
    "Cannot allocate memory",
    "cannot catch foreign exceptions",
)

# What rustc says of its own libraries when there are no addresses to map them: in JSON, where no text of the
# guest's can look like that.
_STARVED = ('"message":"only metadata stub found', '"message":"found invalid metadata files for crate')


class Compiler:
    """See the module.

    Args:
        config: what the zygote was told of the engine. Its options are `sysroot`, `target`, `linker`,
            `flags`, one a line; `library`, the paths of the crate `dspex` that all programs have, its root
            first; and `compile_paths`, what a compiler reads.
        built: name of the file that it makes.
    """

    def __init__(self, config: EngineConfig, built: str) -> None:
        self._config = config
        self._built = built
        paths = config.options["library"].split("\n")
        self._library = {os.path.basename(path): _read(path) for path in paths}  # noqa: PTH119 -- pathlib is not loaded here

    def look(self) -> Footprint:
        """Ask it for its version, and no more: it starts anew for each program.

        Runs unconfined, in a child of the zygote and beside it.

        Returns:
            Nothing: no driver is idle.

        Raises:
            EngineFailureError: it does not work.
        """
        seconds = self._config.start_timeout_s
        try:
            done = subprocess.run(
                [self._config.path, "--version"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env=_ENVIRONMENT,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise EngineFailureError(f"rustc did not tell its version within {seconds:g} s") from None
        except OSError as error:
            raise EngineFailureError(f"rustc cannot be run: {error}") from error
        if done.returncode:
            raise _failure(done.returncode, done.stderr.decode("utf-8", "replace"))
        return Footprint()

    def compile(self, call: Call) -> bytes:
        """Return what a request is to have compiled; what the compiler says is told as diagnostics.

        Args:
            call: whose step is `"build"`, or `"library"` for what programs have as the crate `dspex`.

        Raises:
            GuestFailedError: it does not compile.
            EngineFailureError, OutOfMemoryError: the compiler has ended without finding a fault.
        """
        call.limit_worker()
        narrow(self._config, self._config.options["compile_paths"])
        if call.request.step == "library":
            return self._compiled_library()
        given = call.variables()
        source = source_of(call.request.code, declarations_of(given.get(DECLARATIONS, "")))
        _write(_LIBRARY, given[LIBRARY])
        _write(FILE, source.text.encode())
        exit_code, output = self._run(
            "--crate-type=bin",  # whatever the guest's own attribute says: what is no program cannot be run
            "--crate-name=guest",
            f"--extern=dspex={_LIBRARY}",
            "-o",
            self._built,
            FILE,
        )
        report = report_of(output, source)
        if exit_code and (not report.diagnostics or _is_starved(output)):
            raise _failure(exit_code, output)
        for each in report.diagnostics:
            call.notes.diagnostic(**each)
        if exit_code:
            raise GuestFailedError("CompileError", report.message, report.traceback)
        return _read(self._built)

    def _compiled_library(self) -> bytes:
        """Return the crate `dspex`.

        Raises:
            EngineFailureError, OutOfMemoryError: it cannot be compiled.
        """
        for name, text in self._library.items():
            _write(name, text)
        exit_code, output = self._run(
            "--crate-type=rlib", "--crate-name=dspex", "-o", _LIBRARY, next(iter(self._library))
        )
        if exit_code:
            raise _failure(exit_code, output)
        return _read(_LIBRARY)

    def _run(self, *arguments: str) -> tuple[int, str]:
        """Run rustc in the scratch folder; return its exit code and what it said, up to a limit.

        The worker's own limits are its, too; the deadline is the host's.

        Args:
            arguments: beside those that are always the same.
        """
        options = self._config.options
        command = [
            self._config.path,
            *FLAGS,
            f"--sysroot={options['sysroot']}",  # it would look for itself in /proc
            f"--target={options['target']}",
            *([f"-Clinker={options['linker']}"] if options["linker"] else []),
            *options.get("flags", "").splitlines(),
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


def _is_starved(output: str) -> bool:
    return any(words in output for words in _STARVED)


def _failure(exit_code: int, output: str) -> Exception:
    """Return what a compiler has come to that found no fault with its program, and ended.

    Args:
        exit_code: negative for the signal that ended it.
        output: what it wrote to stderr.
    """
    if any(cry in output for cry in _CRIES) or _is_starved(output):
        return OutOfMemoryError(is_last=False)
    how = f"exit code {exit_code}" if exit_code >= 0 else name_of(-exit_code)
    return EngineFailureError(f"rustc ended with {how}: {output.strip()[:_SHOWN_CHARS]}")


def _write(name: str, data: bytes) -> None:
    """Write a file in the scratch folder."""
    with open(name, "wb") as file:  # noqa: PTH123 -- pathlib is not loaded here
        file.write(data)


def _read(path: str) -> bytes:
    """Read a file."""
    with open(path, "rb") as file:  # noqa: PTH123 -- as above
        return file.read()
