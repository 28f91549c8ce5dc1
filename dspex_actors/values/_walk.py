"""The walk over a value that turns it into what msgspec can encode, and the content beside it.

It copies each container before it looks at it, so a value that another thread changes meanwhile gives some
state of it, never a crash. It looks at exact types only and calls no code of the value's.
"""

from __future__ import annotations

import sys
from abc import ABCMeta
from array import array
from fractions import Fraction
from types import NoneType
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from msgspec.msgpack import Encoder, Ext

from dspex_actors._errors import ValueDecodeError, ValueEncodeError
from dspex_actors.values import _extensions as wire
from dspex_actors.values._budget import KEY, SLOT, Budget
from dspex_actors.values._floats import pack
from dspex_actors.values._hashes import collide
from dspex_actors.values._leaves import LEAVES, dump_int, fraction_parts
from dspex_actors.values._numpy import dump_array, dump_scalar, is_scalar
from dspex_actors.values._prices import content_price, count_openers, is_surely_cheap, structure_price
from dspex_actors.values._refusal import Refusal, Unsupported, foreign_reason, key_step, name_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from numpy import generic
    from numpy.typing import NDArray

    Buffer = bytes | bytearray | memoryview
    Opaque = Callable[[object], bytes]

_msgpack: Final = Encoder()


class Walk:
    """The state of encoding one value.

    Args:
        budget: what the value may cost.
        opaque: turns an object that has no encoding into bytes.
        item_by_item: look at each scalar alone, so that the path to one that cannot cross is known.
    """

    def __init__(self, budget: Budget, opaque: Opaque | None, *, item_by_item: bool = False) -> None:
        self._budget = budget
        self._opaque = opaque
        # Shorter strings, and ints, are left to msgspec unseen; 0 to look at each.
        self._short_text = 0 if item_by_item else wire.OUT_OF_BAND
        self._flags = wire.PLAIN
        self._deepest = 0
        self._memory_left = budget.memory_bytes
        self._content_price = 0
        self._buffers: list[Buffer] = []

    def encode(self, value: object) -> tuple[bytes, tuple[Buffer, ...]]:
        """Return structure and buffers; once only.

        Raises:
            ValueEncodeError: a part of the value cannot cross, or it exceeds the budget.
            UnicodeEncodeError, OverflowError: from msgspec, unless item by item: a lone surrogate, a long
            int.
        """
        try:
            tree = self._tree(value, 0)
        except Refusal as refusal:
            raise refusal.error() from None
        except RecursionError:
            reason = "nested too deeply for what is left of this thread's stack"
            raise ValueEncodeError("value", name_of(type(value)), reason) from None
        if self._deepest > wire.PLAIN_DEPTH:
            self._flags &= ~wire.PLAIN
        structure = _msgpack.encode((wire.FORMAT | self._flags, tree))
        if self._content_price <= self._budget.memory_bytes // 2 and is_surely_cheap(structure, self._budget):
            return structure, tuple(self._buffers)
        try:
            price = structure_price(structure, count_openers(structure), self._budget)
        except ValueDecodeError:  # the exact walk found it too large
            price = self._budget.memory_bytes + 1
        if price + self._content_price > self._budget.memory_bytes:
            raise ValueEncodeError("value", name_of(type(value)), self._too_large())
        return structure, tuple(self._buffers)

    def _tree(self, value: object, depth: int) -> object:
        """Return what msgspec encodes in place of `value`."""
        kind = type(value)
        if (
            type(kind) is not type and type(kind) is not ABCMeta
        ):  # to look it up would run its metaclass's __hash__
            return self._opaque_value(value, kind, foreign_reason(kind))
        walk = self._walks.get(kind)
        if walk is not None:
            return walk(self, value, depth)
        try:
            if (leaf := LEAVES.get(kind)) is not None:
                return self._extension(leaf[0], leaf[1](value))
            return self._numpy(value, kind)
        except Unsupported as unsupported:
            return self._opaque_value(value, kind, unsupported.reason)

    def _numpy(self, value: object, kind: type) -> object:
        np: ModuleType | None = sys.modules.get("numpy")
        # A module still being imported has no types yet, and then there are no values of them either.
        if np is None or not hasattr(np, "ulonglong"):
            raise Unsupported(foreign_reason(kind))
        if kind is np.ndarray:
            head, data = dump_array(np, cast("NDArray[Any]", value))
            self._flags |= wire.NEEDS_NUMPY
            return self._content(wire.NDARRAY, data, head)
        if is_scalar(np, kind):
            payload = dump_scalar(np, cast("generic", value))
            self._flags |= wire.NEEDS_NUMPY
            return self._extension(wire.NUMPY_SCALAR, payload)
        raise Unsupported(foreign_reason(kind))

    def _opaque_value(self, value: object, kind: type, reason: str) -> object:
        if self._opaque is None:
            raise Refusal(name_of(kind), reason)
        try:
            content = self._opaque(value)
        except Exception as error:  # pickling runs the value's own code, which may raise anything
            raise Refusal(name_of(kind), f"it cannot be pickled: {type(error).__name__}: {error}") from error
        return self._content(wire.OPAQUE, content)

    def _enter(self, owner: object, count: int, depth: int) -> None:
        """Count one container of `count` items; called before it is copied."""
        if depth >= self._deepest:
            if depth >= self._budget.depth:
                reason = f"nested deeper than the {self._budget.depth} levels that cross"
                raise Refusal(name_of(type(owner)), reason, too_deep=True)
            self._deepest = depth + 1
        self._memory_left -= SLOT * (count + 1)
        if self._memory_left < 0:
            raise Refusal(name_of(type(owner)), self._too_large())

    def _pay(self, size: int) -> None:
        # A lower bound of the price: it only ends walks that could not end well, such as of lists that share.
        self._memory_left -= size
        if self._memory_left < 0:
            raise Refusal("str", self._too_large())

    def _too_large(self) -> str:
        return (
            f"it may take more than the {self._budget.memory_bytes} bytes of memory of its budget; send less"
        )

    def _extension(self, code: int, payload: bytes) -> Ext:
        self._flags &= ~wire.PLAIN
        self._pay(len(payload) + SLOT)
        return Ext(code, payload)

    def _content(self, code: int, content: Buffer, head: bytes = b"") -> Ext:
        """Return the extension for a block of content: large ones go beside the structure."""
        size = len(content)
        price = content_price(code, size)
        self._pay(price)
        self._content_price += price
        if size >= wire.OUT_OF_BAND and len(self._buffers) < wire.MAX_BUFFERS:
            self._buffers.append(content)
            return self._extension(code | wire.BESIDE, head)
        return self._extension(code, head + content)

    def _int(self, value: int, _depth: int) -> object:
        if -(2**63) <= value < 2**64:
            return value
        try:
            return self._extension(wire.INT, dump_int(value))
        except Unsupported as unsupported:
            return self._opaque_value(value, int, unsupported.reason)

    def _str(self, value: str, _depth: int) -> object:
        self._pay(len(value))
        if len(value) < self._short_text:
            return value
        try:
            content = value.encode()
        except UnicodeEncodeError as error:
            raise Refusal("str", f"a lone surrogate at index {error.start} has no UTF-8") from None
        if len(value) < wire.OUT_OF_BAND:
            return value
        return self._content(wire.ASCII if value.isascii() else wire.TEXT, content)

    def _bytes(self, value: bytes, _depth: int) -> object:
        if len(value) >= wire.OUT_OF_BAND:
            return self._content(wire.BYTES, value)
        self._flags &= ~wire.PLAIN
        self._pay(len(value))
        return value

    def _bytearray(self, value: bytearray, _depth: int) -> object:
        # A copy: a view would keep the owner from resizing it.
        return self._content(wire.BYTEARRAY, bytes(value))

    def _list(self, value: list[Any], depth: int) -> object:
        self._enter(value, len(value), depth)
        return self._items(value.copy(), value, depth)

    def _tuple(self, value: tuple[Any, ...], depth: int) -> object:
        self._enter(value, len(value), depth)
        return self._container(wire.TUPLE, self._items(list(value), value, depth))

    def _set(self, value: set[Any] | frozenset[Any], depth: int) -> object:
        self._enter(value, len(value), depth)
        keys = list(value)
        tree = self._items(keys.copy(), value, depth)
        self._check_keys(keys, value)
        return self._container(wire.SET if type(value) is set else wire.FROZENSET, tree)

    def _range(self, value: range, depth: int) -> object:
        self._enter(value, 3, depth)
        return self._container(wire.RANGE, self._items([value.start, value.stop, value.step], value, depth))

    def _fraction(self, value: Fraction, depth: int) -> object:
        try:
            parts = fraction_parts(value)
        except Unsupported as unsupported:
            return self._opaque_value(value, type(value), unsupported.reason)
        self._enter(value, 2, depth)
        return self._container(wire.FRACTION, self._items(parts, value, depth))

    def _container(self, code: int, tree: object) -> Ext:
        return self._extension(code, _msgpack.encode(tree))

    def _items(self, items: list[Any], owner: object, depth: int) -> object:
        """Return the tree of a list that belongs to this walk: itself, its items replaced where need be."""
        if len(items) > wire.PACKED_FROM and (tree := self._alike(items)) is not None:
            return tree
        index = text = 0
        short = self._short_text
        try:
            for index, item in enumerate(items):
                kind = type(item)
                if kind is str and len(item) < short:
                    text += len(item)
                elif kind is dict:
                    items[index] = self._dict(item, depth + 1)
                elif kind is not float and kind is not NoneType and (kind is not int or not short):
                    items[index] = self._tree(item, depth + 1)
        except Refusal as refusal:
            ordered = type(owner) is list or type(owner) is tuple
            refusal.under(f"[{index}]" if ordered else "[<item>]", owner)
            raise
        self._pay(text)
        return items

    def _alike(self, items: list[Any]) -> object:
        """Return the tree of a long list of only floats, ints or short strings, None for any other."""
        kind = type(items[0])
        if kind is float:
            packed = pack(items)
            return None if packed is None else self._content(wire.FLOATS, packed)
        if (kind is not int and kind is not str) or [item for item in items if type(item) is not kind]:
            return None
        if kind is int:
            return self._ints(items)
        size = sum(map(len, items))
        if size >= self._short_text and max(map(len, items)) >= self._short_text:
            return None
        self._pay(size)
        return items

    def _ints(self, items: list[int]) -> object:
        # Not msgspec, which takes 4.2 ms to read 125,000 of them, where `array` takes 1.8.
        try:
            numbers = array("q", items)
        except OverflowError:  # beyond 64 bits
            return None
        if sys.byteorder == "big":
            numbers.byteswap()
        return self._content(wire.INTS, numbers.tobytes())

    def _dict(self, value: dict[Any, Any], depth: int) -> object:
        self._enter(value, len(value), depth)
        tree = value.copy()
        if [key for key in tree if type(key) is not str]:
            return self._pairs(tree, value, depth)
        key: object = None
        short = self._short_text
        text = sum(map(len, tree))
        try:
            for key, item in tree.items():
                if not short:
                    self._key(key, depth)
                kind = type(item)
                if kind is str and len(item) < short:
                    text += len(item)
                elif kind is not float and kind is not NoneType and (kind is not int or not short):
                    tree[key] = self._tree(item, depth + 1)
        except Refusal as refusal:
            refusal.under(key_step(key), value)
            raise
        self._pay(text)
        return tree

    def _key(self, key: object, depth: int) -> object:
        try:
            return self._tree(key, depth + 1) if type(key) is not str else self._key_text(key)
        except Refusal as refusal:
            refusal.reason = f"as a key: {refusal.reason}"
            raise

    def _key_text(self, key: str) -> str:
        try:
            key.encode()
        except UnicodeEncodeError as error:
            raise Refusal("str", f"a lone surrogate at index {error.start} has no UTF-8") from None
        self._pay(len(key))
        return key

    def _pairs(self, items: dict[Any, Any], owner: object, depth: int) -> object:
        """Return the tree of a dict with keys other than text: an extension of keys and values in turn."""
        flat: list[object] = []
        key: object = None
        try:
            for key, item in items.items():
                flat.append(self._key(key, depth))
                flat.append(self._tree(item, depth + 1))
        except Refusal as refusal:
            refusal.under(key_step(key), owner)
            raise
        self._check_keys(list(items), owner)
        return self._container(wire.DICT, flat)

    def _check_keys(self, keys: list[Any], owner: object) -> None:
        self._content_price += KEY * len(keys)
        if collide(keys):
            raise Refusal(name_of(type(owner)), "too many of its keys have one hash")

    def _as_it_is(self, value: object, _depth: int) -> object:
        return value

    _walks: ClassVar[dict[type, Callable[[Walk, Any, int], object]]] = {
        NoneType: _as_it_is,
        bool: _as_it_is,
        float: _as_it_is,
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
