"""What a program finds of WASI: a command line, an environment, standard streams, folders.

The environment is that of the policy. The folder `/`, which may be written to, is the guest's scratch folder;
the folders among the policy's `read_paths` are at their own paths, to be read.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import wasmtime

from dspex_actors.workers.engines._engine import GuestFailedError
from dspex_actors.workers.engines._json import as_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dspex_actors.workers.engines._engine import Call
    from dspex_actors.workers.guest._output import OutputBuffer

MODULE = "wasi_snapshot_preview1"
"""The module that WASI is imported from."""

PROGRAM = "guest.wasm"
_STDIN = ".stdin"
_LAST_WORDS_BYTES = 4096


class Streams:
    """Where a program's output goes.

    Attributes:
        last_words: the end of what it wrote to stderr.
    """

    def __init__(self) -> None:
        self.last_words = b""
        self._stdout: OutputBuffer | None = None
        self._stderr: OutputBuffer | None = None

    def begin(self, call: Call) -> None:
        """Take the call that is to come."""
        self._stdout, self._stderr, self.last_words = call.stdout, call.stderr, b""

    def write_stdout(self, data: bytes) -> None:
        """Take output."""
        if self._stdout is not None:
            self._stdout.write(data)

    def write_stderr(self, data: bytes) -> None:
        """Take output, and keep its end."""
        self.last_words = (self.last_words + data)[-_LAST_WORDS_BYTES:]
        if self._stderr is not None:
            self._stderr.write(data)


def configuration(
    streams: Streams,
    read_paths: Sequence[str],
    variables: Mapping[str, Any],
    args: Sequence[object],
    stdin: bytes | None,
) -> wasmtime.WasiConfig:
    """Return what one call of a program finds. The working directory is the scratch folder.

    Args:
        streams: where its output goes.
        read_paths: what the policy lends.
        variables: of the request; its standard input is their JSON where there is no other.
        args: its command line, beside its name.
        stdin: its standard input, None for none.

    Raises:
        GuestFailedError: an argument is no text, or something has no form that WASI can give.
    """
    config = wasmtime.WasiConfig()
    wrong = [each for each in args if not isinstance(each, str) or "\0" in each]
    if wrong:
        message = f"a WASI command takes text as arguments, not {wrong[0]!r:.100}"
        raise GuestFailedError("ArgumentError", message)
    config.argv = [PROGRAM, *(str(each) for each in args)]
    config.env = list(os.environ.items())
    if stdin is None and variables:
        stdin = as_json(dict(variables))
    if stdin:
        _give_stdin(config, stdin)
    config.stdout_custom = streams.write_stdout
    config.stderr_custom = streams.write_stderr
    config.preopen_dir(".", "/", True)  # noqa: FBT003 -- wasmtime's
    for path in read_paths:
        if os.path.isdir(path):  # noqa: PTH112 -- pathlib is not loaded here
            config.preopen_dir(path, path, False)  # noqa: FBT003 -- wasmtime's
    return config


def _give_stdin(config: wasmtime.WasiConfig, stdin: bytes) -> None:
    """Give a standard input, which wasmtime takes from a file.

    Raises:
        GuestFailedError: the scratch folder takes no more.
    """
    try:
        with open(_STDIN, "xb") as file:  # noqa: PTH123 -- pathlib is not loaded here
            file.write(stdin)
        config.stdin_file = _STDIN
    except OSError as error:
        raise GuestFailedError("ArgumentError", f"no room for the standard input: {error}") from error
    finally:
        with suppress(OSError):
            os.unlink(_STDIN)  # noqa: PTH108 -- as above
