"""What the driver in Elixir is told, and how its answers and its end are read.

The driver is compiled when Elixir is looked for; what comes out is sent to each virtual machine over its
socket, which is quicker than to compile it anew and needs no folder for what was compiled.
"""

from __future__ import annotations

import binascii
import signal
import zlib
from typing import TYPE_CHECKING, Any, Final

import msgspec

from dspex_actors._errors import ValueEncodeError
from dspex_actors.workers._protocol import FrameType
from dspex_actors.workers.engines._driver_engine import DriverEngine
from dspex_actors.workers.engines._driver_messages import DriverNotes, Head, head_of
from dspex_actors.workers.engines._engine import GuestFailedError
from dspex_actors.workers.engines.elixir import _etf
from dspex_actors.workers.engines.elixir._etf_read import MalformedTermError, decode
from dspex_actors.workers.engines.elixir._machine import BINDIR, command_of, environment_of

if TYPE_CHECKING:
    from dspex_actors.workers import _framing
    from dspex_actors.workers._protocol import EngineConfig
    from dspex_actors.workers.engines._driver import Driver, DriverEndedError
    from dspex_actors.workers.engines._engine import Call

_HUNGER: Final = (b"Cannot allocate", b"enomem")


class ElixirEngine(DriverEngine):
    """Runs the driver in the Erlang virtual machine."""

    rehearsed = "Enum.map(x, fn y -> {y, [1]} end)"

    def __init__(self, config: EngineConfig) -> None:
        super().__init__(config)
        self._code = zlib.decompress(binascii.a2b_base64(config.options["driver"]))

    def command(self) -> list[str]:
        """Return the command line of a virtual machine that waits for the driver's code."""
        return command_of(self.config.options)

    def environment(self) -> dict[str, str]:
        """Return the guests' environment, and what the virtual machine needs; the driver takes that away."""
        return super().environment() | environment_of(self.config.options)

    def boot(self, driver: Driver) -> None:
        """Send the driver's code, the lint's rules, names that guests need not see, and the proxy."""
        rules = self.config.options.get("forbid", "").split("\n")
        told, _ = _etf.encode([rule for rule in rules if rule])
        hidden, _ = _etf.encode([BINDIR])
        proxy, _ = _etf.encode(self.config.proxy)
        driver.send(FrameType.EXECUTE, [_etf.tuple_of(self._code, told, hidden, proxy)])

    def execute_parts(self, call: Call) -> list[_framing.Block]:
        """Return the head and the variables, as terms.

        Raises:
            ValueEncodeError: Elixir has nothing for one of them.
        """
        variables = call.variables()
        if not variables:
            return [self.write_head(head_of(call.request))]
        term, tagged = _etf.encode(variables)
        return [_term_of(head_of(call.request), tagged=tagged), term]

    def write_head(self, head: Head) -> bytes:
        """Return a head as a term."""
        return _term_of(head)

    def read_head(self, part: memoryview) -> Head:
        """Read a head that is a term.

        Raises:
            ValueError: it is none.
        """
        try:
            return msgspec.convert(decode(part), Head)
        except ValueEncodeError as error:
            raise ValueError(str(error)) from None

    def read_notes(self, part: memoryview) -> DriverNotes:
        """Read notes that are a term.

        Raises:
            ValueError: they are none.
        """
        try:
            return msgspec.convert(decode(part), DriverNotes)
        except ValueEncodeError as error:
            raise ValueError(str(error)) from None

    def value_of(self, parts: list[memoryview]) -> Any:  # noqa: ANN401 -- plain data
        """Return the value of a final frame.

        Raises:
            GuestFailedError: it has none.
            ValueEncodeError: Python has nothing for a part of it.
        """
        if len(parts) < 2:
            raise GuestFailedError("ProtocolError", "the driver sent no value")
        try:
            return decode(parts[1])
        except MalformedTermError as error:
            raise GuestFailedError("ProtocolError", f"the driver sent what is no term: {error}") from None

    def arguments_of(self, parts: list[memoryview]) -> tuple[list[Any], dict[str, Any]]:
        """Return what a tool is called with.

        Raises:
            ValueError: there are no arguments, or Python has nothing for one of them.
        """
        args, kwargs = decode(parts[1]) if len(parts) > 1 else (None, None)
        if type(args) is not list or type(kwargs) is not dict:
            raise ValueError("a call of a tool without its arguments")
        return args, kwargs

    def result_parts(self, value: object) -> list[_framing.Block]:
        """Return what a tool has returned, as terms.

        Raises:
            ValueEncodeError: Elixir has nothing for it.
        """
        term, tagged = _etf.encode(value)
        return [_term_of(Head(), tagged=tagged), term]

    def out_of_memory(self, ended: DriverEndedError) -> bool:
        """Whether the virtual machine has ended for want of memory."""
        died = ended.exit_code in (1, -signal.SIGABRT)
        return died and any(words in ended.last_words for words in _HUNGER)


def _term_of(head: Head, *, tagged: bool = False) -> bytes:
    """Return a head as a term: a map of its fields that are set, which says whether a value has tags."""
    fields = msgspec.to_builtins(head)
    if head.tools:
        fields["tools"] = list(head.tools)
    if tagged:
        fields["tagged"] = True
    term, _ = _etf.encode(fields)
    return term


def make(config: EngineConfig) -> ElixirEngine:
    """Return the engine of Elixir.

    Args:
        config: what the zygote was told.
    """
    return ElixirEngine(config)
