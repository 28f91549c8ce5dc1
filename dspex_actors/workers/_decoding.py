"""Reading what a worker sent: messages and values, as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from dspex_actors import values
from dspex_actors._errors import ProtocolError
from dspex_actors.workers._protocol import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dspex_actors.workers._protocol import Ready

T = TypeVar("T")


def decode_message(decode: Callable[[bytes | memoryview], T], parts: Sequence[bytes | memoryview]) -> T:
    """Decode the message in part 0.

    Raises:
        ProtocolError: it is not one, whatever the decoder raises then: ValueError too, for text that is none.
    """
    try:
        return decode(parts[0])
    except (msgspec.MsgspecError, ArithmeticError, LookupError, RecursionError, ValueError) as error:
        raise ProtocolError(f"a message that is none: {error}") from error


def decode_value(structure: memoryview, buffers: list[memoryview]) -> Any:  # noqa: ANN401 -- guest values are any plain data
    """Decode a value; numpy is loaded first if it is needed, so that decoding itself imports nothing.

    Raises:
        ValueDecodeError: it is not one, or exceeds the budget.
    """
    values.prepare(structure)
    return values.decode(structure, buffers)


def why_not_ready(ready: Ready | None) -> str:
    """Return why a worker cannot be used by what it has said first; empty if it can.

    Args:
        ready: what that was, None if it ended without a word.
    """
    if ready is None:
        return "it ended"
    if ready.error:
        return ready.error
    return "" if ready.version == VERSION else f"it speaks protocol {ready.version}, not {VERSION}"
