"""The format json: text that people and other languages can read, and nothing lost.

Plain values are plain JSON. What JSON has no type for is an object `{"$t": tag, "v": payload}` with the tags
of `_tags`, where `dict` is also for a dict that has a key `"$t"`, and three more: `bytes` (base64), `int`
(hexadecimal digits, beyond 64 bits), `float` (`nan`, `inf`, `-inf`, and other NaNs by their bits).
"""

from __future__ import annotations

import json
import math
import re
from base64 import b64decode, b64encode
from itertools import accumulate
from typing import Any, Final

from dspex_actors.serialization._bounds import DEFAULT, Bounds, Meter
from dspex_actors.serialization._errors import MalformedError, SerializationError, TooLargeError
from dspex_actors.serialization._shape import write
from dspex_actors.serialization._special import special, word_of
from dspex_actors.serialization._tags import Tagged, restore
from dspex_actors.values._budget import ENTRY, NUMBER, OPENER, TEXT
from dspex_actors.values._extensions import MAX_INT_BYTES

TAG: Final = "$t"
_PAYLOAD: Final = "v"
_INT_DIGITS: Final = 20  # of 64 bits, with a sign
_FLOAT_CHARS: Final = 40
_ONLY_FLOAT: Final = {float}

_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_ESCAPED_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_BRACKETS: Final = b"[]{}"
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(_BRACKETS))
_STEPS: Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}

_encoder: Final = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), check_circular=False
)


def encode(value: object, bounds: Bounds = DEFAULT) -> bytes:
    """Return a value as JSON in UTF-8.

    Raises:
        ValueEncodeError: a part of the value has no form.
        TooLargeError: the text would exceed `bounds`.
    """
    body = write(value, bounds, lambda tree: _encoder.encode(_plain(tree)).encode())
    _check_cost(body, bounds)
    return body


def _plain(tree: Any) -> object:  # noqa: ANN401, PLR0911 -- a tree of `_shape`; one rule for each type
    """Return the tree with everything that JSON has no type for as an object with a tag."""
    kind = type(tree)
    if kind is str or tree is None or kind is bool:
        return tree
    if kind is int:
        return tree if -(2**63) <= tree < 2**64 else {TAG: "int", _PAYLOAD: f"{tree:x}"}
    if kind is float:
        return tree if math.isfinite(tree) else {TAG: "float", _PAYLOAD: word_of(tree)}
    if kind is bytes:
        return {TAG: "bytes", _PAYLOAD: b64encode(tree).decode()}
    if kind is list:
        if set(map(type, tree)) == _ONLY_FLOAT and all(map(math.isfinite, tree)):
            return tree
        return [_plain(item) for item in tree]
    if kind is dict:
        if TAG in tree:
            flat = [x for pair in tree.items() for x in pair]
            return {TAG: "dict", _PAYLOAD: _plain(flat)}
        return {key: _plain(item) for key, item in tree.items()}
    tagged: Tagged = tree
    return {TAG: tagged.name, _PAYLOAD: _plain(tagged.payload)}


def decode(body: bytes, bounds: Bounds = DEFAULT) -> object:
    """Return the value of JSON from anyone; JSON that another program wrote may be read too.

    Raises:
        DataError: it is not JSON, or breaks a rule of the tags.
        TooLargeError: it exceeds `bounds`.
    """
    _check_cost(body, bounds)
    meter = Meter(bounds, slack=2)

    def read_object(pairs: list[tuple[str, Any]]) -> object:
        made = dict(pairs)
        if len(made) != len(pairs):
            raise MalformedError("an object with one key twice")
        if TAG not in made:
            return made
        if len(made) != 2 or _PAYLOAD not in made or type(made[TAG]) is not str:
            raise MalformedError('an object with a key "$t" that is not {"$t": tag, "v": payload}')
        return _restore(made[TAG], made[_PAYLOAD], meter)

    decoder = json.JSONDecoder(
        object_pairs_hook=read_object,
        parse_int=_read_int,
        parse_float=_read_float,
        parse_constant=_no_constant,
    )
    try:
        text = str(body, "utf-8")
        value = decoder.decode(text)
        if _ESCAPED_SURROGATE.search(body):  # only escapes can make a lone one
            json.dumps(json.loads(text), ensure_ascii=False).encode()
    except SerializationError:
        raise
    except RecursionError:
        raise MalformedError("nested too deeply for what is left of this thread's stack") from None
    except (ArithmeticError, TypeError, ValueError, LookupError) as fault:
        raise MalformedError(f"not JSON of this form: {fault}") from None
    return value


def _restore(name: str, payload: object, meter: Meter) -> object:
    match name, payload:
        case "bytes", str():
            return b64decode(payload.encode("ascii"), validate=True)
        case "float", _:
            return special(payload)
        case "int", str() if len(payload) <= 2 * MAX_INT_BYTES + 1 and re.fullmatch("-?[0-9a-f]+", payload):
            return int(payload, 16)
    return restore(name, payload, meter)


def _read_int(digits: str) -> int:
    if len(digits) > _INT_DIGITS:
        raise MalformedError(f"a number of {len(digits)} digits, which is beyond 64 bits")
    return int(digits)


def _read_float(digits: str) -> float:
    if len(digits) > _FLOAT_CHARS or not math.isfinite(value := float(digits)):
        raise MalformedError(f"a number that no 64-bit float is: {digits[:_FLOAT_CHARS]}")
    return value


def _no_constant(name: str) -> float:
    raise MalformedError(f'{name} is not JSON; write {{"$t": "float", "v": ...}}')


def _check_cost(body: bytes, bounds: Bounds) -> None:
    """Refuse JSON that would take too much memory, or nests too deeply, before any of it is parsed.

    Counts the bytes that start an item. Where texts hold so many of them that the value looks too large, the
    texts are left out first.

    Raises:
        TooLargeError: it exceeds a bound.
        DataError: its brackets do not match.
    """
    if len(body) > bounds.raw_bytes:
        raise TooLargeError("raw_bytes", len(body), bounds.raw_bytes)
    wide = 1 if body.isascii() else 5
    price, openers = _price(body, wide)
    levels = 2 * bounds.depth + 3  # a tag is two
    if price > bounds.memory_bytes or openers > levels:
        bare = _STRING.sub(b'""', body)
        price, openers = _price(bare, 1)
        price += wide * (len(body) - len(bare))
        if price > bounds.memory_bytes:
            raise TooLargeError("memory_bytes", price, bounds.memory_bytes)
        if openers > levels:
            _check_depth(bare, bounds, levels)


def _price(body: bytes, wide: int) -> tuple[int, int]:
    openers = body.count(b"[") + body.count(b"{")
    texts = body.count(b'"') // 2 + 1
    items = body.count(b",") + 1
    return openers * (OPENER + ENTRY) + items * (NUMBER + ENTRY) + texts * TEXT + wide * len(body), openers


def _check_depth(bare: bytes, bounds: Bounds, levels: int) -> None:
    brackets = bare.translate(None, _NOT_BRACKETS)
    deepest = max(accumulate(map(_STEPS.__getitem__, brackets)))
    if deepest > levels:
        raise TooLargeError("depth", deepest // 2, bounds.depth)
