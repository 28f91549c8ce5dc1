"""Numbers on their way into a module and out of it, each checked against the type that the module declares.

wasmtime takes an integer modulo the width of its parameter: 2**40 for an i32 arrives as 0. Here it is an
error. WebAssembly's integers have no sign of their own, so both readings of the bits are taken; what comes
back is read with a sign.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_BITS = {"i32": 32, "i64": 64}
_SHOWN_BITS = 128
_FLOATS = {"f32": "<f", "f64": "<d"}


class ArgumentMismatchError(Exception):
    """Arguments do not fit the signature; the message says which, and what would fit."""


def check_arguments(what: str, types: Sequence[str], arguments: Sequence[object]) -> list[int | float]:
    """Return arguments as a function takes them.

    Args:
        what: name of the function, for messages.
        types: of its parameters, in WebAssembly's text format.
        arguments: as they were given.

    Raises:
        ArgumentMismatchError: there are too many or too few, or one does not fit.
    """
    if len(arguments) != len(types):
        signature = ", ".join(types)
        message = f"{what} takes {len(types)} arguments ({signature}), got {len(arguments)}"
        raise ArgumentMismatchError(message)
    return [
        check_number(f"argument {place} of {what}", kind, value)
        for place, (kind, value) in enumerate(zip(types, arguments, strict=True), start=1)
    ]


def check_results(what: str, types: Sequence[str], value: object) -> int | float | list[int | float] | None:
    """Return what a function of the host's has returned, as the module that called it takes it.

    Args:
        what: name of the function, for messages.
        types: of its results.
        value: None for none, a number for one, a sequence for several.

    Raises:
        ArgumentMismatchError: it does not fit.
    """
    if not types:
        return None  # whatever it is, nobody asked for it
    if len(types) == 1:
        return check_number(f"the result of {what}", types[0], value)
    if not isinstance(value, list | tuple):
        raise ArgumentMismatchError(f"{what} must return {len(types)} numbers, not {shown(value)}")
    return check_arguments(f"the caller of {what}", types, value)


def check_number(what: str, kind: str, value: object) -> int | float:
    """Return a number as a parameter of this type takes it.

    Args:
        what: for messages.
        kind: `"i32"`, `"i64"`, `"f32"` or `"f64"`; others take no value from outside.
        value: an int, for floats also a float; True and False are 1 and 0.

    Raises:
        ArgumentMismatchError: it does not fit.
    """
    if kind in _BITS:
        return _integer(what, kind, _BITS[kind], value)
    if kind in _FLOATS:
        return _float(what, kind, value)
    raise ArgumentMismatchError(f"{what} has the type {kind}, which no value of the host's has")


def _integer(what: str, kind: str, bits: int, value: object) -> int:
    if not isinstance(value, int):
        raise ArgumentMismatchError(f"{what} must be a whole number ({kind}), not {shown(value)}")
    if not -(2 ** (bits - 1)) <= value < 2**bits:
        allowed = f"from -2**{bits - 1} to 2**{bits} - 1"
        raise ArgumentMismatchError(f"{what} must be a whole number {allowed} ({kind}), not {shown(value)}")
    number = int(value)
    return number - 2**bits if number >= 2 ** (bits - 1) else number


def _float(what: str, kind: str, value: object) -> float:
    if not isinstance(value, int | float):
        raise ArgumentMismatchError(f"{what} must be a number ({kind}), not {shown(value)}")
    try:
        number = float(value)
        packed: float = struct.unpack(_FLOATS[kind], struct.pack(_FLOATS[kind], number))[0]
    except OverflowError:
        raise ArgumentMismatchError(f"{what} is too large for {kind}: {shown(value)}") from None
    if isinstance(value, int) and packed != value:
        raise ArgumentMismatchError(f"{what} is a whole number that {kind} cannot hold: {shown(value)}")
    return packed if math.isfinite(number) else number


def shown(value: object) -> str:
    """Return a short text for a value."""
    if isinstance(value, int) and abs(value).bit_length() > _SHOWN_BITS:
        return f"a number of {value.bit_length()} bits"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
