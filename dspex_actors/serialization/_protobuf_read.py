"""Reading messages of `state.proto` from anyone.

Stricter than the wire format: each field in the order of the schema, once where it is not repeated, none that
is unknown. Writers made from the schema write just that. Sizes are compared with the bytes that are left
before anything is built.
"""

from __future__ import annotations

from struct import Struct, unpack_from
from typing import TYPE_CHECKING, Any, ClassVar, Final

from dspex_actors.serialization import _protobuf as wire
from dspex_actors.serialization._bounds import DEFAULT, Bounds, Meter
from dspex_actors.serialization._errors import (
    MalformedError,
    SerializationError,
    TooLargeError,
    TruncatedError,
)
from dspex_actors.serialization._tags import make_dict, restore
from dspex_actors.values._budget import FLOAT
from dspex_actors.values._extensions import MAX_INT_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

_double: Final = Struct("<d").unpack_from
_MAX_VARINT: Final = 10  # bytes of 64 bits


def decode(body: bytes, bounds: Bounds = DEFAULT) -> object:
    """Return the value of a message of the type `Value`.

    Raises:
        DataError: it is not such a message.
        TooLargeError: it exceeds `bounds`.
    """
    if len(body) > bounds.raw_bytes:
        raise TooLargeError("raw_bytes", len(body), bounds.raw_bytes)
    try:
        return _Reader(body, bounds).value(0, len(body), 0)
    except SerializationError:
        raise
    except RecursionError:
        raise MalformedError("nested too deeply for what is left of this thread's stack") from None
    except (ArithmeticError, LookupError, TypeError, ValueError) as fault:
        raise MalformedError(f"not a message of this form: {fault}") from None


class _Reader:
    """The state of reading one message. Positions are those of the whole body."""

    def __init__(self, data: bytes, bounds: Bounds) -> None:
        self._data = data
        self._meter = Meter(bounds, slack=2)

    def value(self, at: int, end: int, level: int) -> Any:  # noqa: ANN401 -- a value of any type
        """Return the value of the Value from `at` to `end`."""
        if at == end:
            raise MalformedError("a Value without a kind")
        key = self._data[at]
        read = self._readers.get(key)
        if read is None:
            raise MalformedError(f"a Value with the field {key >> 3} of wire type {key & 7}")
        value, at = read(self, at + 1, end, level)
        if at != end:
            raise MalformedError("a Value with two kinds, or with bytes after it")
        return value

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        number = shift = 0
        for index in range(at, min(end, at + _MAX_VARINT)):
            byte = self._data[index]
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                if number >= 2**64:
                    raise MalformedError("a number beyond 64 bits")
                return number, index + 1
            shift += 7
        raise MalformedError("a number that does not end")

    def _sized(self, at: int, end: int) -> tuple[int, int]:
        """Return where the content of a sized field starts and ends."""
        size, start = self._varint(at, end)
        if start + size > end:
            raise TruncatedError(start + size, end)
        return start, start + size

    def _field(self, at: int, end: int, number: int) -> tuple[int, int]:
        """Return where the content of the field `number` starts and ends; it has to be the next one."""
        if at >= end or self._data[at] != number << 3 | wire.BYTES:
            raise MalformedError(f"no field {number} at byte {at}")
        return self._sized(at + 1, end)

    def _null(self, at: int, end: int, _level: int) -> tuple[object, int]:
        number, at = self._varint(at, end)
        if number != 1:
            raise MalformedError("a null that is not true")
        self._meter.items(1)
        return None, at

    def _boolean(self, at: int, end: int, _level: int) -> tuple[object, int]:
        number, at = self._varint(at, end)
        if number > 1:
            raise MalformedError(f"a truth value of {number}")
        self._meter.items(1)
        return bool(number), at

    def _integer(self, at: int, end: int, _level: int) -> tuple[object, int]:
        number, at = self._varint(at, end)
        self._meter.items(1)
        return number >> 1 ^ -(number & 1), at

    def _big_integer(self, at: int, end: int, _level: int) -> tuple[object, int]:
        start, stop = self._sized(at, end)
        if stop - start > MAX_INT_BYTES:
            raise TooLargeError("memory_bytes", stop - start, MAX_INT_BYTES)
        self._meter.pay(40 + stop - start)
        return int.from_bytes(self._data[start:stop], "little", signed=True), stop

    def _number(self, at: int, end: int, _level: int) -> tuple[object, int]:
        if at + 8 > end:
            raise TruncatedError(at + 8, end)
        self._meter.items(1)
        return _double(self._data, at)[0], at + 8

    def _text(self, at: int, end: int, _level: int) -> tuple[object, int]:
        start, stop = self._sized(at, end)
        content = self._data[start:stop]
        self._meter.text(len(content), ascii_only=content.isascii())
        return content.decode(), stop

    def _content(self, at: int, end: int, _level: int) -> tuple[object, int]:
        start, stop = self._sized(at, end)
        self._meter.content(stop - start)
        return self._data[start:stop], stop

    def _list(self, at: int, end: int, level: int) -> tuple[object, int]:
        at, stop = self._sized(at, end)
        self._meter.container(0, level)
        items: list[Any] = []
        while at < stop:
            start, at = self._field(at, stop, 1)
            items.append(self.value(start, at, level + 1))
        return items, stop

    def _map(self, at: int, end: int, level: int) -> tuple[object, int]:
        at, stop = self._sized(at, end)
        self._meter.mapping(0, level)
        keys: list[Any] = []
        values: list[Any] = []
        while at < stop:
            start, at = self._field(at, stop, 1)
            middle = self._field(start, at, 1)
            last = self._field(middle[1], at, 2)
            if last[1] != at:
                raise MalformedError("an Entry with bytes after its value")
            self._meter.items(1)
            keys.append(self.value(*middle, level + 1))
            values.append(self.value(*last, level + 1))
        return make_dict(keys, values, self._meter), stop

    def _tagged(self, at: int, end: int, level: int) -> tuple[object, int]:
        at, stop = self._sized(at, end)
        start, middle = self._field(at, stop, 1)
        name = self._data[start:middle].decode("ascii")
        if name in {"dict", ""}:
            raise MalformedError("a tag without a name, or for which there is a kind")
        start, last = self._field(middle, stop, 2)
        if last != stop:
            raise MalformedError("a Tagged with bytes after its value")
        self._meter.pay(64)
        return restore(name, self.value(start, last, level), self._meter), stop

    def _doubles(self, at: int, end: int, level: int) -> tuple[object, int]:
        at, stop = self._sized(at, end)
        start, last = self._field(at, stop, 1)
        count, rest = divmod(last - start, 8)
        if rest or not count or last != stop:
            raise MalformedError("doubles that are none, not whole, or with bytes after them")
        self._meter.container(0, level)
        self._meter.pay(FLOAT * count)
        return list(unpack_from(f"<{count}d", self._data, start)), stop

    _readers: ClassVar[dict[int, Callable[[_Reader, int, int, int], tuple[object, int]]]] = {
        wire.NULL << 3 | wire.VARINT: _null,
        wire.BOOLEAN << 3 | wire.VARINT: _boolean,
        wire.INTEGER << 3 | wire.VARINT: _integer,
        wire.BIG_INTEGER << 3 | wire.BYTES: _big_integer,
        wire.NUMBER << 3 | wire.FIXED64: _number,
        wire.TEXT << 3 | wire.BYTES: _text,
        wire.DATA << 3 | wire.BYTES: _content,
        wire.LIST << 3 | wire.BYTES: _list,
        wire.MAP << 3 | wire.BYTES: _map,
        wire.TAGGED << 3 | wire.BYTES: _tagged,
        wire.DOUBLES << 3 | wire.BYTES: _doubles,
    }
