"""The contract between a worker and what runs its language."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from dspex_actors.workers._protocol import INVOCATION
from dspex_actors.workers.guest._conversation import decode_variables
from dspex_actors.workers.guest._notes import NoteBuffer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dspex_actors.workers._protocol import Request
    from dspex_actors.workers.guest._output import OutputBuffer


class EngineFailureError(Exception):
    """The engine itself does not work; the message says how."""


class GuestFailedError(Exception):
    """Guest code failed, as text.

    Args:
        kind: name of the error's class.
        message: its text.
        traceback: where it happened, in lines of the guest's code.
    """

    def __init__(self, kind: str, message: str, traceback: str = "") -> None:
        super().__init__(kind, message, traceback)
        self.kind = kind
        self.message = message
        self.traceback = traceback


class OutOfMemoryError(Exception):
    """Guest code needed more memory than it may have.

    Args:
        is_last: whether the engine has ended by that, and the state that a session kept with it.
    """

    def __init__(self, *, is_last: bool) -> None:
        super().__init__(is_last)
        self.is_last = is_last


class OutOfFuelError(Exception):
    """Guest code used up its fuel."""


class OutOfTimeError(Exception):
    """Guest code was stopped by its engine, for it was out of time.

    Args:
        is_last: whether the state that a session kept is not to be relied on after that.
    """

    def __init__(self, *, is_last: bool = False) -> None:
        super().__init__(is_last)
        self.is_last = is_last


class ResultTooBigError(Exception):
    """The value is larger than the request allows.

    Args:
        used: bytes of the encoded value, or as many as were counted.
    """

    def __init__(self, used: int) -> None:
        super().__init__(used)
        self.used = used


class Usage(NamedTuple):
    """What an engine has used beside the worker's own process.

    Attributes:
        cpu_s: CPU seconds since it was started.
        memory_peak_bytes: largest resident size.
    """

    cpu_s: float = 0.0
    memory_peak_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """One request as an engine sees it.

    Attributes:
        request: what to run, and the limits that the engine has to see to: see `Request`. Code whose `keep`
            is set shares its names with later calls; where `read` is set, its value is asked for and no code
            is run: KeyError if there is none.
        parts: of the request's frame: from the second on the encoded variables.
        tools: functions that call the host's, by name. They take and return plain values, block, and raise
            ToolError.
        stdout, stderr: where the code's output goes, as bytes; what is beyond the limit is counted and
            dropped.
        limit_worker: applies the request's limits to the worker's own process, for an engine that runs in it;
            `address_bytes` and `data_bytes` are what the engine reserves and uses beside what guests do.
        counted_beside: processes that count against the limit of processes beside the worker and its own
            children; None if they cannot be limited.
        module: code as bytes, or what was compiled before; None without any.
        notes: takes what the engine tells beside output: `notes.diagnostic("warning", "unused", line=3)` and
            `notes.console("warn", "text")`; what is beyond the bounds is counted and dropped.
    """

    request: Request
    parts: list[memoryview]
    tools: Mapping[str, Callable[..., Any]]
    stdout: OutputBuffer
    stderr: OutputBuffer
    limit_worker: Callable[..., None]
    counted_beside: int | None
    module: memoryview | None = None
    notes: NoteBuffer = field(default_factory=NoteBuffer)

    def variables(self) -> dict[str, Any]:
        """Return the variables, decoded.

        Raises:
            ValueDecodeError: an object of the host's cannot be made here.
        """
        return self.inputs()[0]

    def inputs(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the variables, decoded, and the invocation: `export`, `args`, `stdin`, as far as given.

        Raises:
            ValueDecodeError: an object of the host's cannot be made here.
        """
        variables = decode_variables(self.parts)
        return variables, variables.pop(INVOCATION, {})


class Engine(Protocol):
    """What runs the code of one language. One for each worker, made in the zygote and forked with it."""

    def rehearse(self) -> None:
        """Try whether the engine works, and load what workers will need. Runs in the zygote, unconfined.

        No module can be imported later, and no file be read that is not among the read paths of the engine.

        Raises:
            EngineFailureError: it does not work.
        """

    def start(self) -> None:
        """Get ready for the first call. Runs in the confined worker.

        Raises:
            EngineFailureError: it does not start.
        """

    def run(self, call: Call) -> Any:  # noqa: ANN401 -- a guest's value is any plain data
        """Run guest code and return its value: plain data, or `values.Encoded` if it is encoded already.

        Raises:
            GuestFailedError: the code failed; any other exception is reported as the guest's, too.
            OutOfMemoryError, OutOfFuelError, OutOfTimeError, ResultTooBigError: a limit was exceeded.
            KeyError: there is no variable of the name that is asked for.
        """

    def usage(self) -> Usage:
        """Return what was used beside the worker's own process."""
