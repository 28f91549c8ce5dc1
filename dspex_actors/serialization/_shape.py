"""A value becomes a tree of what json, etf and protobuf can write: plain values, lists, dicts and tags.

In the tree are only None, bool, int, float, str, bytes, list, dict with str keys, and `Tagged` whose payload
is such a tree. Containers are copied before they are looked at, exact types only are looked at, and no code
of the value's runs.
"""

from __future__ import annotations

from abc import ABCMeta
from fractions import Fraction
from math import isfinite
from types import NoneType
from typing import TYPE_CHECKING, Any, ClassVar, Final

from dspex_actors._errors import ValueEncodeError
from dspex_actors.serialization._bounds import Meter, too_large_to_write
from dspex_actors.serialization._errors import MalformedError, TooLargeError
from dspex_actors.serialization._tags import Tagged, tag
from dspex_actors.values._extensions import MAX_INT_BYTES
from dspex_actors.values._leaves import fraction_parts
from dspex_actors.values._refusal import Refusal, Unsupported, foreign_reason, key_step, name_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from dspex_actors.serialization._bounds import Bounds

_NUMBERS: Final = frozenset({NoneType, bool, float})
_ONLY_FLOAT: Final = frozenset({float})
_TAG: Final = 400  # bytes of memory that a reader counts for a tag and for what holds its payload
_LEAF_ITEMS: Final = (
    80  # the same for a value that is one tag, an array with its 32 lengths included, in items
)


def write(value: object, bounds: Bounds, writer: Callable[[object], bytes]) -> bytes:
    """Return what `writer` makes of the tree of `value`.

    Raises:
        ValueEncodeError: a part of the value has no form; says which, its type and why.
        TooLargeError: the result has more than `Bounds.raw_bytes`.
    """
    try:
        try:
            body = writer(Shaper(bounds).shape(value))
        except UnicodeEncodeError:  # of a lone surrogate, and the writer does not know where
            Shaper(bounds, check_text=True).shape(value)
            raise
    except RecursionError:
        reason = "nested too deeply for what is left of this thread's stack"
        raise ValueEncodeError("value", name_of(type(value)), reason) from None
    if len(body) > bounds.raw_bytes:
        raise TooLargeError("raw_bytes", len(body), bounds.raw_bytes)
    return body


def _is_special(value: object) -> bool:
    """Return whether it is a float that some formats need a tag for."""
    return type(value) is float and not isfinite(value)


class Shaper:
    """The state of shaping one value.

    Args:
        bounds: what the value may cost.
        check_text: look for lone surrogates, so that the path to one is known.
    """

    def __init__(self, bounds: Bounds, *, check_text: bool = False) -> None:
        self._meter = Meter(bounds)
        self._check_text = check_text

    def shape(self, value: object) -> object:
        """Return the tree; once only.

        Raises:
            ValueEncodeError: a part of the value has no form, or it is too large.
        """
        try:
            return self._tree(value, 0)
        except Refusal as refusal:
            raise refusal.error() from None
        except TooLargeError as error:
            raise too_large_to_write(error) from None

    def _tree(self, value: object, level: int) -> object:
        kind = type(value)
        if type(kind) is not type and type(kind) is not ABCMeta:  # to look it up would run its metaclass
            raise Refusal(name_of(kind), foreign_reason(kind))
        shape = self._shapes.get(kind)
        if shape is not None:
            return shape(self, value, level)
        try:
            tagged = tag(value)
        except Unsupported as unsupported:
            raise Refusal(name_of(kind), unsupported.reason) from None
        self._meter.items(_LEAF_ITEMS)
        for part in tagged.payload if type(tagged.payload) is list else [tagged.payload]:
            if type(part) is bytes or type(part) is str:
                self._meter.text(len(part), ascii_only=False)
        return tagged

    def _small(self, value: object, _level: int) -> object:
        self._meter.items(1)
        if _is_special(value):
            self._meter.pay(_TAG)
        return value

    def _int(self, value: int, _level: int) -> object:
        size = value.bit_length() // 8 + 1
        if size > MAX_INT_BYTES:
            raise Refusal("int", f"an int of {size} bytes, at most {MAX_INT_BYTES} cross")
        self._meter.pay(40 + size)
        return value

    def _str(self, value: str, _level: int) -> object:
        if self._check_text:
            try:
                value.encode()
            except UnicodeEncodeError as error:
                raise Refusal("str", f"a lone surrogate at index {error.start} has no UTF-8") from None
        if value.isascii():
            self._meter.text(len(value), ascii_only=True)
        else:
            self._meter.text(4 * len(value), ascii_only=False)  # at most four bytes a character
        return value

    def _bytes(self, value: bytes, _level: int) -> object:
        self._meter.content(len(value) + _TAG)
        return value

    def _bytearray(self, value: bytearray, _level: int) -> object:
        content = bytes(value)
        self._meter.content(2 * len(content) + _TAG)
        return Tagged("bytearray", content)

    def _list(self, value: list[Any], level: int) -> object:
        return self._items(value.copy(), value, level)

    def _tuple(self, value: tuple[Any, ...], level: int) -> object:
        return Tagged("tuple", self._items(list(value), value, level))

    def _set(self, value: set[Any] | frozenset[Any], level: int) -> object:
        keys = list(value)
        self._keys(keys, value)
        return Tagged("set" if type(value) is set else "frozenset", self._items(keys, value, level))

    def _range(self, value: range, level: int) -> object:
        return Tagged("range", self._items([value.start, value.stop, value.step], value, level))

    def _fraction(self, value: Fraction, level: int) -> object:
        try:
            parts = fraction_parts(value)
        except Unsupported as unsupported:
            raise Refusal(name_of(Fraction), unsupported.reason) from None
        return Tagged("fraction", self._items(list(parts), value, level))

    def _enter(self, owner: object, count: int, level: int) -> None:
        if level >= self._meter.depth:
            reason = f"nested deeper than the {self._meter.depth} levels of Bounds.depth"
            raise Refusal(name_of(type(owner)), reason, too_deep=True)
        self._meter.mapping(count, level)
        self._meter.pay(_TAG)

    def _items(self, items: list[Any], owner: object, level: int) -> list[Any]:
        """Return a list that belongs to this walk, its items replaced where need be."""
        self._enter(owner, len(items), level)
        kinds = set(map(type, items))
        if kinds <= _NUMBERS:
            self._meter.items(len(items))
            # Of floats alone a count in C, a tenth of the time.
            only = kinds == _ONLY_FLOAT
            special = len(items) - sum(map(isfinite, items)) if only else sum(map(_is_special, items))
            self._meter.pay(_TAG * special)
            return items
        index = 0
        try:
            for index, item in enumerate(items):
                items[index] = self._tree(item, level + 1)
        except Refusal as refusal:
            ordered = type(owner) is list or type(owner) is tuple
            refusal.under(f"[{index}]" if ordered else "[<item>]", owner)
            raise
        return items

    def _keys(self, keys: list[Any], owner: object) -> None:
        try:
            self._meter.keys(keys)
        except MalformedError:
            raise Refusal(name_of(type(owner)), "too many of its keys have one hash") from None

    def _dict(self, value: dict[Any, Any], level: int) -> object:
        tree = value.copy()
        self._enter(value, len(tree), level)
        plain = all(type(key) is str for key in tree)
        flat: list[Any] = []
        key: object = None
        try:
            for key, item in tree.items():
                flat += (self._key(key, level), self._tree(item, level + 1))
        except Refusal as refusal:
            refusal.under(key_step(key), value)
            raise
        if plain:
            return dict(zip(flat[::2], flat[1::2], strict=True))
        self._keys(list(tree), value)
        return Tagged("dict", flat)

    def _key(self, key: object, level: int) -> object:
        try:
            return self._tree(key, level + 1)
        except Refusal as refusal:
            refusal.reason = f"as a key: {refusal.reason}"
            raise

    _shapes: ClassVar[dict[type, Callable[[Shaper, Any, int], object]]] = {
        NoneType: _small,
        bool: _small,
        float: _small,
        int: _int,
        str: _str,
        bytes: _bytes,
        bytearray: _bytearray,
        list: _list,
        tuple: _tuple,
        set: _set,
        frozenset: _set,
        dict: _dict,
        range: _range,
        Fraction: _fraction,
    }
