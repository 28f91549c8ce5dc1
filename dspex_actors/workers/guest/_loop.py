"""The worker that runs Python: guest code shares its interpreter; a session's names stay from call to call.

See `_conversation` for what all workers do.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from dspex_actors import values
from dspex_actors.workers import _framing, _protocol
from dspex_actors.workers._protocol import Final, FrameType
from dspex_actors.workers.confine import _limits
from dspex_actors.workers.guest import _code_cache, _failure, _python
from dspex_actors.workers.guest._conversation import Conversation, decode_variables
from dspex_actors.workers.guest._copies import Copies, Outcome
from dspex_actors.workers.guest._failure import FILENAME
from dspex_actors.workers.guest._notes import NoteBuffer

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from dspex_actors.workers.guest._network import NetworkClient

_encode = msgspec.msgpack.encode

_REHEARSAL = "sum(i * i for i in range(3))"
_TOOL_REHEARSAL = f"{_REHEARSAL} + tool(1)"
_ECHO = "x"
_ECHOED = [0.5] * 40, [7] * 40, ["text"] * 40, [{"a": 1, "b": [1, None]}] * 3, b"x" * 5000
# The interpreter rewrites code that has run a few times; done before the fork, no worker pays for the copies.
_REHEARSALS = 12
_TOUCH = b"".join(_framing.pack_parts([_encode(_protocol.Request("1"))]))
_ANY_SIZE = 1 << 62
_SPARE_FILES = 4  # what making a copy of a session takes
_SOURCES_CHARS = 256 * 1024  # of the calls whose code is kept; about a hundred long ones


class Worker(Conversation):
    """See the module. It is rehearsed in the zygote: forks find its code paths warm.

    Args:
        channel: as for `Conversation`.
        engine: what runs the code.
    """

    def __init__(self, channel: socket.socket, engine: _python.Engine) -> None:
        super().__init__(channel)
        self._engine = engine
        self._network: NetworkClient | None = None
        self._copies: Copies | None = None
        self._namespace: dict[str, Any] | None = None
        self._calls = 0
        self._sources: dict[str, str] = {}  # code of the latest calls that were kept, by file name
        self._sources_chars = 0
        warnings = self._stderr.output
        self._codes = _code_cache.CodeCache(engine, lambda: warnings.taken)
        self._limited: tuple[int | None, ...] | None = None

    def offer_network(self, proxy: tuple[str, int] | None = None) -> None:
        """Let guests ask the host for connections, by sockets as they know them. Runs in the zygote.

        Args:
            proxy: where programs that they start ask; None if they cannot.
        """
        from dspex_actors.workers.guest._network import NetworkClient  # noqa: PLC0415 -- few policies give it

        self._network = NetworkClient(self._send_connect)
        self._network.install(proxy)

    def rehearse(self, host: socket.socket) -> None:
        """Answer a few requests that this very process asks. Runs in the zygote.

        Args:
            host: the other end of `channel`.
        """
        kinds = FrameType.READY, FrameType.TOOL_CALL, FrameType.FINAL
        reader = _framing.FrameReader(host, dict.fromkeys(kinds, _protocol.FINAL_OVERHEAD))
        variables = values.encode({"x": list(_ECHOED)})
        echo = _framing.pack_parts(
            [
                _encode(_protocol.Request(_ECHO, result_bytes=_ANY_SIZE)),
                variables.structure,
                *variables.buffers,
            ]
        )
        request = _framing.pack_parts([_encode(_protocol.Request(_TOOL_REHEARSAL, tools=("tool",)))])
        result = _framing.pack_parts([_encode(_protocol.ToolResult("", "")), values.encode(1).structure])
        self._say_ready()
        for _ in range(_REHEARSALS):
            _framing.send_frame(host, FrameType.EXECUTE, 1, echo)
            self._forget_limits()
            self._serve_one()
            reader.read()
            _framing.send_frame(host, FrameType.EXECUTE, 1, request)
            _framing.send_frame(host, FrameType.TOOL_RESULT, 1, result)  # there before it is asked for
            self._serve_one()
            reader.read()
            reader.read()

    def serve(self, copies: Copies | None = None) -> None:
        """Answer requests until the host closes the socket. Runs in the confined worker.

        Args:
            copies: makes copies of the process; None if the host will not ask for any.
        """
        self._copies = copies
        super().serve()

    def _freeze(self, payload: bytes | memoryview) -> None:
        """Become two; go on here, and also in the new process once that is awake."""
        if self._copies is None:
            return
        outcome = self._copies.freeze(payload)
        self._limited = None  # they were widened for it
        if outcome is Outcome.WOKEN:  # and about to be copied again, as a rule
            self._pid = os.getpid()
            return
        self._send(FrameType.FROZEN, [b"\1" if outcome is Outcome.MADE else b"\0"])
        self._copies.reap()
        self._touch()  # the pages that the two share are to be copied now, not in the next request

    def _get_ready(self) -> str:
        """Run one request for nothing: the first touches the pages that all later ones use."""
        self._forget_limits()
        self._serve_for_nothing([_encode(_protocol.Request(_REHEARSAL, result_bytes=_ANY_SIZE))])
        return ""

    def _forget_limits(self) -> None:
        """Have the next request apply its limits as a first one does; a rehearsal's change nothing."""
        self._limited = None
        _limits.rehearse()

    def _touch(self) -> None:
        """Like `_get_ready`, but read nothing: the host's next request may be there already."""
        main = sys.modules.get("__main__")
        self._answer(_TOUCH)
        if self._namespace is not None and main is not None:
            sys.modules["__main__"] = main

    def _execute(
        self, request: _protocol.Request, parts: list[memoryview]
    ) -> tuple[Final, values.Encoded | None]:
        """Run the guest's code; return how it ended and its encoded value."""
        first = not request.keep or self._namespace is None
        namespace = self._engine.namespace() if first or self._namespace is None else self._namespace
        filename, sources = FILENAME, {FILENAME: request.code}
        if request.keep:
            self._namespace = namespace
            if not request.read:
                filename, sources = self._note(request.code)
        for _, output in self._outputs:
            output.reset(request.output_bytes)
        try:
            self._engine.bind(namespace, decode_variables(parts))
            try:
                if self._network is not None:
                    self._network.begin()
                self._engine.bind(namespace, self._tools.begin(request.tools, request.result_bytes))
                self._limit(request, for_good=first)
                value = self._value(request, namespace, filename)
            finally:
                self._tools.end()
                if self._network is not None:
                    self._network.end()
            return self._encode_value(value, request)
        except MemoryError as error:
            error.__traceback__ = None
            del namespace
            self._limited = None
            _limits.widen()
            return Final("memory", "MemoryError", str(error)), None
        except BaseException as error:  # noqa: BLE001 -- the worker loop: every way guest code can end becomes a result
            self._tell_place(error, sources)
            return Final("failed", *_failure.describe(error, sources)), None

    def _tell_place(self, error: BaseException, sources: dict[str, str]) -> None:
        """Tell where code is wrong that does not compile."""
        found = _failure.misplaced(error, sources)
        if found:
            notes = NoteBuffer(lambda data: self._send(FrameType.NOTES, [data]))
            for each in found:
                notes.diagnostic(**each)
            notes.flush_now()

    def _value(self, request: _protocol.Request, namespace: dict[str, Any], filename: str) -> Any:  # noqa: ANN401 -- a guest's value is anything
        """Run the guest's code, or look a variable up; return the value.

        Raises:
            BaseException: whatever the guest's code raises; KeyError if there is no such variable.
        """
        if request.read:
            return namespace[request.read]
        compiler = self._codes if request.keep else self._engine
        return _python.run(compiler, request.code, namespace, filename)

    def _note(self, source: str) -> tuple[str, dict[str, str]]:
        """Keep the code of a call for later tracebacks; return its file name, and all that is kept."""
        filename = self._codes.filename_of(source) or f"<guest {self._calls}>"
        self._calls += 1
        self._sources_chars += len(source) - len(self._sources.pop(filename, ""))
        self._sources[filename] = source
        while self._sources_chars > _SOURCES_CHARS and len(self._sources) > 1:
            self._sources_chars -= len(self._sources.pop(next(iter(self._sources))))
        return filename, self._sources

    def _limit(self, request: _protocol.Request, *, for_good: bool) -> None:
        """Apply the limits of a request, unless they are those of the last one: nine system calls, 10 us."""
        wanted = for_good, request.memory_bytes, request.file_bytes, request.open_files, request.processes
        if request.cpu_s is None and wanted == self._limited:
            return
        self._limited = wanted
        _limits.apply_limits(
            self.baseline,
            cpu_s=request.cpu_s,
            memory_bytes=request.memory_bytes,
            file_bytes=request.file_bytes,
            open_files=request.open_files,
            for_good=for_good,
            processes=self._process_limit(request.processes),
            spare_files=_SPARE_FILES if request.keep else 0,
        )

    def _process_limit(self, processes: int | None) -> int | None:
        """Return the number to limit, what counts beside the guest included; None for no limit.

        The copies and branches of a session belong to one user; a limit would be on all of them together.
        """
        if processes is None or self.counted_beside is None or self._copies is not None:
            return None
        return processes + self.counted_beside

    def _send_connect(self, parts: Sequence[Any], wrap: Callable[[Any], Any]) -> None:
        """Send a CONNECT frame through what `wrap` makes of the channel.

        Raises:
            OSError: this is a copy that the guest forked.
        """
        if self._pid != os.getpid():
            raise OSError(errno.ENETDOWN, "processes that a guest has started have no network")
        with self._sending:
            _framing.send_frame(wrap(self._channel), FrameType.CONNECT, self._nonce, parts)
