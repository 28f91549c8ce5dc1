"""The types in Rust of a request's variables: a snippet has them as parameters.

Programs whose variables have equal types are compiled once, whatever the values are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ANY = "dspex::Value"
"""What has no type of its own: a value is looked at when the program runs."""

_PLAIN = {bool: "bool", float: "f64", str: "String", bytes: "Vec<u8>", bytearray: "Vec<u8>"}
_DEEPEST = 8
_LONGEST_TUPLE = 6
_I64, _I128 = 2**63, 2**127


def declare(variables: Mapping[str, Any]) -> str:
    """Return a line for each variable: `name: type`."""
    return "\n".join(f"{name}: {type_of(value)}" for name, value in variables.items())


def type_of(value: object, depth: int = 0) -> str:
    """Return the type of a value in Rust.

    A list is a `Vec` if its items are of one type, whole numbers among floats being floats. A tuple is one if
    it has at most six items. A dict with text as keys is a `BTreeMap<String, ...>`. Bytes are a `Vec<u8>`.

    Args:
        value: plain data.
        depth: how deep it lies in a variable.
    """
    match value:
        case int() if not isinstance(value, bool):
            return _whole(value)
        case tuple() if 0 < len(value) <= _LONGEST_TUPLE and depth < _DEEPEST:
            types = [type_of(each, depth + 1) for each in value]
            return f"({', '.join(types)},)"
        case list() | tuple() | set() | frozenset() | range() if depth < _DEEPEST:
            return f"Vec<{_common(value, depth)}>"
        case dict() if depth < _DEEPEST and all(isinstance(key, str) for key in value):
            return f"std::collections::BTreeMap<String, {_common(value.values(), depth)}>"
    return _PLAIN.get(type(value), ANY)


def _whole(value: int) -> str:
    if -_I64 <= value < _I64:
        return "i64"
    return "i128" if -_I128 <= value < _I128 else ANY


def _common(values: Iterable[object], depth: int) -> str:
    """Return the one type of all values; `ANY` for none, or for several."""
    types = {type_of(each, depth + 1) for each in values}
    if len(types) > 1 and types <= {"i64", "i128"}:
        return "i128"
    if types == {"i64", "f64"}:
        return "f64"
    return types.pop() if len(types) == 1 else ANY
