"""The format etf: Erlang's External Term Format, as `term_to_binary` writes it; the writer.

| Python | Erlang |
|---|---|
| None, True, False | `nil`, `true`, `false` |
| int, float | integer, float |
| str | binary in UTF-8, as in Elixir |
| list, tuple, dict | list, tuple, map |
| bytes | `{'$bytes', Binary}` |
| nan and the infinities | `{'$float', <<"nan">>}` and the other words of `_special`: Erlang has none |
| all else | `{'$TAG', Payload}` with the tags of `_tags` |

No value of Python's but a tag becomes an atom other than those three, so a tuple of the user's is never
mistaken for a tag. Atoms are written as OTP 26 does by default; older releases read them, and write them in
an older form, which is read here too. Source: Erlang/OTP 25, ERTS User's Guide, "External Term Format".
"""

from __future__ import annotations

import math
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from dspex_actors.serialization._bounds import DEFAULT, Bounds
from dspex_actors.serialization._shape import write
from dspex_actors.serialization._special import word_of
from dspex_actors.serialization._tags import Tagged

if TYPE_CHECKING:
    from collections.abc import Callable

VERSION: Final = 131

# Tags of the format, by their names in Erlang's guide.
NEW_FLOAT: Final = 70
COMPRESSED: Final = 80
SMALL_INTEGER: Final = 97
INTEGER: Final = 98
ATOM: Final = 100
SMALL_TUPLE: Final = 104
LARGE_TUPLE: Final = 105
NIL: Final = 106
STRING: Final = 107
LIST: Final = 108
BINARY: Final = 109
SMALL_BIG: Final = 110
LARGE_BIG: Final = 111
SMALL_ATOM: Final = 115
MAP: Final = 116
ATOM_UTF8: Final = 118
SMALL_ATOM_UTF8: Final = 119

MARK: Final = "$"  # before the name of a tag

_size: Final = Struct(">BI").pack
_int: Final = Struct(">Bi").pack
_float: Final = Struct(">Bd").pack


def encode(value: object, bounds: Bounds = DEFAULT) -> bytes:
    """Return a value as an external term.

    Raises:
        ValueEncodeError: a part of the value has no form.
        TooLargeError: the term would exceed `bounds`.
    """
    return write(value, bounds, _term)


def _term(tree: object) -> bytes:
    out = bytearray([VERSION])
    _write(tree, out)
    return bytes(out)


def _write(tree: Any, out: bytearray) -> None:  # noqa: ANN401 -- a tree of `_shape`
    _WRITERS[type(tree)](tree, out)


def _atom(name: str, out: bytearray) -> None:
    out += bytes([SMALL_ATOM_UTF8, len(name)]) + name.encode()


def _write_none(_tree: None, out: bytearray) -> None:
    _atom("nil", out)


def _write_bool(tree: bool, out: bytearray) -> None:  # noqa: FBT001 -- the value to write
    _atom("true" if tree else "false", out)


def _write_int(tree: int, out: bytearray) -> None:
    if 0 <= tree <= 255:
        out += bytes([SMALL_INTEGER, tree])
    elif -(2**31) <= tree < 2**31:
        out += _int(INTEGER, tree)
    else:
        digits = abs(tree).to_bytes((tree.bit_length() + 7) // 8, "little")
        small = len(digits) < 256
        out += bytes([SMALL_BIG, len(digits)]) if small else _size(LARGE_BIG, len(digits))
        out.append(tree < 0)
        out += digits


def _write_float(tree: float, out: bytearray) -> None:
    if math.isfinite(tree):
        out += _float(NEW_FLOAT, tree)
    else:
        _tagged("float", word_of(tree), out)


def _write_str(tree: str, out: bytearray) -> None:
    content = tree.encode()
    out += _size(BINARY, len(content))
    out += content


def _write_bytes(tree: bytes, out: bytearray) -> None:
    out += bytes([SMALL_TUPLE, 2])
    _atom("$bytes", out)
    out += _size(BINARY, len(tree))
    out += tree


def _write_list(tree: list[Any], out: bytearray) -> None:
    if tree:
        out += _size(LIST, len(tree))
        for item in tree:
            _write(item, out)
    out.append(NIL)


def _write_dict(tree: dict[str, Any], out: bytearray) -> None:
    out += _size(MAP, len(tree))
    for key, item in tree.items():
        _write_str(key, out)
        _write(item, out)


def _write_tagged(tree: Tagged, out: bytearray) -> None:
    payload: Any = tree.payload
    if tree.name == "tuple":
        small = len(payload) < 256
        out += bytes([SMALL_TUPLE, len(payload)]) if small else _size(LARGE_TUPLE, len(payload))
    elif tree.name == "dict":
        out += _size(MAP, len(payload) // 2)
    else:
        _tagged(tree.name, payload, out)
        return
    for item in payload:
        _write(item, out)


def _tagged(name: str, payload: object, out: bytearray) -> None:
    out += bytes([SMALL_TUPLE, 2])
    _atom(MARK + name, out)
    if type(payload) is bytes:
        out += _size(BINARY, len(payload))
        out += payload
    else:
        _write(payload, out)


_WRITERS: Final[dict[type, Callable[[Any, bytearray], None]]] = {
    type(None): _write_none,
    bool: _write_bool,
    int: _write_int,
    float: _write_float,
    str: _write_str,
    bytes: _write_bytes,
    list: _write_list,
    dict: _write_dict,
    Tagged: _write_tagged,
}
