"""Elixir's structs as Python values: sets, ranges and times; any other is a dict of its fields.

A struct arrives as a map whose key `__struct__` names its module. Guests can make up such a map, so nothing
of it is relied on.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    Fields = dict[Any, Any]

_ISO: Final = "Calendar.ISO"


class UnfitError(ValueError):
    """A struct of a known name that has no value in Python; the message says why."""


def from_struct(name: str, fields: Fields) -> Any:  # noqa: ANN401 -- plain data
    """Return the value of a struct.

    Args:
        name: of its module, like `"MapSet"`.
        fields: its fields, the name included.

    Raises:
        UnfitError: it is of a known kind, and Python has no such value.
    """
    make = _KINDS.get(name)
    if make is None:
        return fields
    if fields.get("calendar", _ISO) != _ISO:
        raise UnfitError("Python knows the calendar of ISO 8601 alone")
    try:
        return make(fields)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise UnfitError(f"Python has no such value: {error}") from None


def _set(fields: Fields) -> set[Any]:
    return set(fields["map"].keys())


def _range(fields: Fields) -> range:
    step = fields["step"]
    return range(fields["first"], fields["last"] + (1 if step > 0 else -1), step)


def _date(fields: Fields) -> date:
    return date(fields["year"], fields["month"], fields["day"])


def _time(fields: Fields) -> time:
    return time(fields["hour"], fields["minute"], fields["second"], fields["microsecond"][0])


def _naive(fields: Fields) -> datetime:
    return datetime.combine(_date(fields), _time(fields))


def _aware(fields: Fields) -> datetime:
    offset = timedelta(seconds=fields["utc_offset"] + fields["std_offset"])
    return _naive(fields).replace(tzinfo=timezone(offset))


_KINDS: Final[dict[str, Callable[[Fields], Any]]] = {
    "MapSet": _set,
    "Range": _range,
    "Date": _date,
    "Time": _time,
    "NaiveDateTime": _naive,
    "DateTime": _aware,
}
