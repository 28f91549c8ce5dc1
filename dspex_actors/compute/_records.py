"""Results as plain data, and back: what crosses from a guest to its host.

What comes back was sent by a guest, which may have made it up. So it is compared with the fields of the
record it claims to be, type by type; nothing is looked up by a name that is not in the table here.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any

import numpy as np

from dspex_actors._errors import ProtocolError
from dspex_actors.compute._bootstrap import Bootstrap
from dspex_actors.compute._correlation import CorrelationAnalysis
from dspex_actors.compute._distribution import DistributionAnalysis, NormalityTest
from dspex_actors.compute._families import FamilyFit
from dspex_actors.compute._hypotheses import HolmCorrection, HypothesisTest
from dspex_actors.compute._intervals import Interval, Intervals
from dspex_actors.compute._matrix import MatrixAnalysis
from dspex_actors.compute._optimize import Optimization
from dspex_actors.compute._statistics import StatisticalAnalysis, Summary

_RECORDS = {
    kind.__name__: kind
    for kind in (
        Bootstrap,
        CorrelationAnalysis,
        DistributionAnalysis,
        FamilyFit,
        HolmCorrection,
        HypothesisTest,
        Interval,
        Intervals,
        MatrixAnalysis,
        NormalityTest,
        Optimization,
        StatisticalAnalysis,
        Summary,
    )
}
_KIND = "record"


def to_plain(value: Any) -> Any:  # noqa: ANN401 -- a record, or a part of one
    """Return a result as dicts, tuples, numbers, texts and arrays."""
    if is_dataclass(value) and not isinstance(value, type):
        parts = {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
        return {_KIND: type(value).__name__, **parts}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple) and type(value) is tuple:
        return tuple(to_plain(each) for each in value)
    return value


def from_plain(data: object) -> Any:  # noqa: ANN401 -- one of the records
    """Return the result that plain data stand for.

    Raises:
        ProtocolError: they stand for none.
    """
    name = data.get(_KIND) if isinstance(data, dict) else None
    kind = _RECORDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ProtocolError(f"a worker sent {type(data).__name__} where the result of a computation belongs")
    return _record(kind, data)


def _record(kind: Any, data: object) -> Any:  # noqa: ANN401 -- a class of records
    hints = _hints(kind)
    if not isinstance(data, dict) or set(data) != {_KIND, *hints} or data[_KIND] != kind.__name__:
        raise ProtocolError(f"a worker sent what is no {kind.__name__}")
    return kind(**{name: _part(hint, data[name], f"{kind.__name__}.{name}") for name, hint in hints.items()})


@cache
def _hints(kind: Any) -> dict[str, Any]:  # noqa: ANN401 -- as above
    known = typing.get_type_hints(kind)
    return {field.name: known[field.name] for field in fields(kind)}


def _part(hint: Any, value: Any, place: str) -> Any:  # noqa: ANN401 -- what the hint says
    """Return a part of a record.

    Raises:
        ProtocolError: it is not what the hint says.
    """
    for option in _options(hint):
        found, result = _matched(option, value, place)
        if found:
            return result
    raise ProtocolError(f"a worker sent {type(value).__name__} for {place}")


def _options(hint: Any) -> tuple[Any, ...]:  # noqa: ANN401 -- any type
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        return typing.get_args(hint)
    return (hint,)


_EXACT = frozenset({type(None), bool, int, str, complex})


def _matched(option: Any, value: Any, place: str) -> tuple[bool, Any]:  # noqa: ANN401 -- as above
    """Return whether a value is of one type, and the value as that."""
    if option is Any or (option in _EXACT and type(value) is option):
        return True, value
    if option is float and type(value) in {float, int}:
        return True, float(value)
    if typing.get_args(option):
        return _contained(typing.get_origin(option), typing.get_args(option), value, place)
    if isinstance(option, type) and issubclass(option, Enum):
        return _member(option, value)
    if option in _RECORDS.values() and isinstance(value, dict):
        return True, _record(option, value)
    return False, None


def _contained(
    origin: Any,  # noqa: ANN401 -- as above
    arguments: tuple[Any, ...],
    value: Any,  # noqa: ANN401 -- as above
    place: str,
) -> tuple[bool, Any]:
    """Return whether a value is an array, a tuple or a mapping, and the value with its parts looked at."""
    if origin is np.ndarray:
        return type(value) is np.ndarray, value
    if origin is tuple and type(value) is tuple:
        return True, tuple(_part(arguments[0], each, place) for each in value)
    if origin is Mapping and type(value) is dict:
        pairs = value.items()
        return True, {_part(arguments[0], k, place): _part(arguments[1], v, place) for k, v in pairs}
    return False, None


def _member(kind: type[Enum], value: object) -> tuple[bool, Enum | None]:
    if not isinstance(value, str):
        return False, None
    try:
        return True, kind(value)
    except ValueError:
        return False, None
