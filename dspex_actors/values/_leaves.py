"""Single values that MessagePack has no type for: how each becomes bytes, and bytes become it.

`LEAVES` maps an exact type to its code and writer; `LOADERS` maps a code to its reader. A reader gets bytes
from an untrusted sender: it checks sizes before it builds, builds nothing whose cost grows faster than its
payload, and raises ValueError, TypeError, ArithmeticError or `struct.error` on what it does not accept.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from struct import Struct
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from dspex_actors.values import _extensions as wire
from dspex_actors.values._refusal import Unsupported

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_DECIMAL_DIGITS: Final = 4300
MAX_DECIMAL_EXPONENT: Final = 999_999  # the default context's; beyond it a mere int(x) would fill the memory
MAX_FRACTION_BITS: Final = 4096  # the constructor computes a greatest common divisor

_COMPLEX: Final = Struct("<dd")
_DATE: Final = Struct("<HBB")
_TIME: Final = Struct("<BBBIB")  # hour, minute, second, microsecond, fold
_DELTA: Final = Struct("<iII")  # days, seconds, microseconds
_OFFSET: Final = Struct("<q")  # microseconds
_DATETIME_SIZE: Final = _DATE.size + _TIME.size
_DECIMAL: Final = re.compile(rb"-?(?:(\d+)(?:\.(\d+))?(?:E([+-]\d{1,7}))?|Infinity|s?NaN(\d*))", re.ASCII)


def dump_int(value: int) -> bytes:
    """Return the two's complement of `value`, little-endian.

    Raises:
        Unsupported: it has more than 1 MiB.
    """
    size = value.bit_length() // 8 + 1
    if size > wire.MAX_INT_BYTES:
        raise Unsupported(f"an int of {size} bytes, at most {wire.MAX_INT_BYTES} cross")
    return value.to_bytes(size, "little", signed=True)


def _load_int(data: memoryview) -> int:
    if len(data) > wire.MAX_INT_BYTES:
        raise ValueError("an int that is too long")
    return int.from_bytes(data, "little", signed=True)


def _dump_complex(value: complex) -> bytes:
    return _COMPLEX.pack(value.real, value.imag)


def _load_complex(data: memoryview) -> complex:
    return complex(*_COMPLEX.unpack(data))


def _dump_decimal(value: Decimal) -> bytes:
    text = str(value).encode()
    if not _is_decimal(text):
        limit = f"{MAX_DECIMAL_DIGITS} digits and an exponent of {MAX_DECIMAL_EXPONENT}"
        raise Unsupported(f"a Decimal beyond {limit}")
    return text


def _load_decimal(data: memoryview) -> Decimal:
    if len(data) > MAX_DECIMAL_DIGITS + 20 or not _is_decimal(bytes(data)):
        raise ValueError("not a decimal number, or one too long")
    return Decimal(str(data, "ascii"))


def _is_decimal(text: bytes) -> bool:
    found = _DECIMAL.fullmatch(text)
    if found is None:
        return False
    whole, part, exponent, payload = (group or b"" for group in found.groups())
    if len(whole) + len(part) + len(payload) > MAX_DECIMAL_DIGITS:
        return False
    return abs(int(exponent or b"0")) <= MAX_DECIMAL_EXPONENT


def dump_zone(zone: tzinfo | None) -> bytes:
    """Return the bytes of a fixed offset, with its name if it was given one; nothing for None.

    Raises:
        Unsupported: the time zone is anything but a `datetime.timezone`.
    """
    if zone is None:
        return b""
    if type(zone) is not timezone:
        raise Unsupported("its time zone is not a datetime.timezone; use x.astimezone(datetime.timezone.utc)")
    offset, *name = zone.__getinitargs__()  # type: ignore[attr-defined]
    return _OFFSET.pack(offset // timedelta(microseconds=1)) + b"".join(
        part.encode() for part in _named(name)
    )


def _named(name: list[str]) -> list[str]:
    # A mark before the name tells the empty name from none.
    if name and type(name[0]) is not str:
        raise Unsupported("the name of its time zone is not a plain str")
    return ["=", *name] if name else []


def _load_zone(data: memoryview) -> timezone:
    offset = timedelta(microseconds=_OFFSET.unpack(data[: _OFFSET.size])[0])
    name = str(data[_OFFSET.size :], "utf-8")
    if not name:
        return timezone(offset)
    if not name.startswith("="):
        raise ValueError("a time zone's name without its mark")
    return timezone(offset, name[1:])


def _load_zone_or_none(data: memoryview) -> timezone | None:
    return _load_zone(data) if data else None


def _clock(value: datetime | time) -> bytes:
    return _TIME.pack(value.hour, value.minute, value.second, value.microsecond, value.fold)


def _dump_datetime(value: datetime) -> bytes:
    return _dump_date(value) + _clock(value) + dump_zone(value.tzinfo)


def _load_datetime(data: memoryview) -> datetime:
    year, month, day = _DATE.unpack(data[: _DATE.size])
    hour, minute, second, micro, fold = _TIME.unpack(data[_DATE.size : _DATETIME_SIZE])
    zone = _load_zone_or_none(data[_DATETIME_SIZE:])
    return datetime(year, month, day, hour, minute, second, micro, zone, fold=fold)


def _dump_date(value: date) -> bytes:
    return _DATE.pack(value.year, value.month, value.day)


def _load_date(data: memoryview) -> date:
    return date(*_DATE.unpack(data))


def _dump_time(value: time) -> bytes:
    return _clock(value) + dump_zone(value.tzinfo)


def _load_time(data: memoryview) -> time:
    hour, minute, second, micro, fold = _TIME.unpack(data[: _TIME.size])
    return time(hour, minute, second, micro, _load_zone_or_none(data[_TIME.size :]), fold=fold)


def _dump_delta(value: timedelta) -> bytes:
    return _DELTA.pack(value.days, value.seconds, value.microseconds)


def _load_delta(data: memoryview) -> timedelta:
    return timedelta(*_DELTA.unpack(data))


def _dump_uuid(value: UUID) -> bytes:
    return value.bytes


def _load_uuid(data: memoryview) -> UUID:
    return UUID(bytes=bytes(data))


def _dump_ellipsis(_value: object) -> bytes:
    return b""


def _load_ellipsis(data: memoryview) -> object:
    if data:
        raise ValueError("an ellipsis with a payload")
    return ...


def fraction_parts(value: Fraction) -> list[int]:
    """Return numerator and denominator.

    Raises:
        Unsupported: one of them has more than 4096 bits.
    """
    parts = [value.numerator, value.denominator]
    if max(part.bit_length() for part in parts) > MAX_FRACTION_BITS:
        raise Unsupported(f"a Fraction of more than {MAX_FRACTION_BITS} bits")
    return parts


def make_range(parts: list[Any]) -> range:
    """Return the range of start, stop and step; the parts may be anything a sender put there."""
    if len(parts) != 3 or any(type(part) is not int for part in parts):
        raise ValueError("a range is three ints")
    return range(*parts)


def make_fraction(parts: list[Any]) -> Fraction:
    """Return the fraction of numerator and denominator; the parts may be anything a sender put there."""
    if len(parts) != 2 or any(type(part) is not int for part in parts):
        raise ValueError("a fraction is two ints")
    if max(part.bit_length() for part in parts) > MAX_FRACTION_BITS or parts[1] < 1:
        raise ValueError("a fraction that is too long, or with a denominator below one")
    return Fraction(*parts)


LEAVES: Final[dict[type, tuple[int, Callable[[Any], bytes]]]] = {
    complex: (wire.COMPLEX, _dump_complex),
    Decimal: (wire.DECIMAL, _dump_decimal),
    datetime: (wire.DATETIME, _dump_datetime),
    date: (wire.DATE, _dump_date),
    time: (wire.TIME, _dump_time),
    timedelta: (wire.TIMEDELTA, _dump_delta),
    timezone: (wire.TIMEZONE, dump_zone),
    UUID: (wire.UUID, _dump_uuid),
    type(...): (wire.ELLIPSIS, _dump_ellipsis),
}

LOADERS: Final[dict[int, Callable[[memoryview], Any]]] = {
    wire.INT: _load_int,
    wire.COMPLEX: _load_complex,
    wire.DECIMAL: _load_decimal,
    wire.DATETIME: _load_datetime,
    wire.DATE: _load_date,
    wire.TIME: _load_time,
    wire.TIMEDELTA: _load_delta,
    wire.TIMEZONE: _load_zone,
    wire.UUID: _load_uuid,
    wire.ELLIPSIS: _load_ellipsis,
}
