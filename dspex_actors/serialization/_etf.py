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
mistaken for a tag.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from dspex_actors.serialization._bounds import DEFAULT, Bounds
from dspex_actors.serialization._shape import write
from dspex_actors.serialization._special import word_of
from dspex_actors.serialization._tags import Tagged
from dspex_actors.values import _etf as wire

if TYPE_CHECKING:
    from collections.abc import Callable


def encode(value: object, bounds: Bounds = DEFAULT) -> bytes:
    """Return a value as an external term.

    Raises:
        ValueEncodeError: a part of the value has no form.
        TooLargeError: the term would exceed `bounds`.
    """
    return write(value, bounds, _term)


def _term(tree: object) -> bytes:
    out = bytearray([wire.VERSION])
    _write(tree, out)
    return bytes(out)


def _write(tree: Any, out: bytearray) -> None:  # noqa: ANN401 -- a tree of `_shape`
    _WRITERS[type(tree)](tree, out)


def _write_float(tree: float, out: bytearray) -> None:
    if math.isfinite(tree):
        wire.put_float(tree, out)
    else:
        _tagged("float", word_of(tree), out)


def _write_str(tree: str, out: bytearray) -> None:
    wire.put_binary(tree.encode(), out)


def _write_bytes(tree: bytes, out: bytearray) -> None:
    _tagged("bytes", tree, out)


def _write_list(tree: list[Any], out: bytearray) -> None:
    if tree:
        wire.put_size(wire.LIST, len(tree), out)
        for item in tree:
            _write(item, out)
    out.append(wire.NIL)


def _write_dict(tree: dict[str, Any], out: bytearray) -> None:
    wire.put_size(wire.MAP, len(tree), out)
    for key, item in tree.items():
        _write_str(key, out)
        _write(item, out)


def _write_tagged(tree: Tagged, out: bytearray) -> None:
    payload: Any = tree.payload
    if tree.name == "tuple":
        wire.put_tuple(len(payload), out)
    elif tree.name == "dict":
        wire.put_size(wire.MAP, len(payload) // 2, out)
    else:
        _tagged(tree.name, payload, out)
        return
    for item in payload:
        _write(item, out)


def _tagged(name: str, payload: object, out: bytearray) -> None:
    wire.put_tuple(2, out)
    wire.put_atom(wire.MARK + name, out)
    if type(payload) is bytes:
        wire.put_binary(payload, out)
    else:
        _write(payload, out)


_WRITERS: Final[dict[type, Callable[[Any, bytearray], None]]] = {
    type(None): wire.put_none,
    bool: wire.put_bool,
    int: wire.put_int,
    float: _write_float,
    str: _write_str,
    bytes: _write_bytes,
    list: _write_list,
    dict: _write_dict,
    Tagged: _write_tagged,
}
