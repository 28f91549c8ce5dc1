"""`str.format` and `str.format_map` without attribute access.

The hole: a field such as `{0.__class__}` reads attributes named inside a text, where no transformer sees
them. The text is checked with the interpreter's own parser first, and then formatted by the interpreter.
"""

from __future__ import annotations

import _string  # type: ignore[import-not-found]  # no stub; what the string module uses itself
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NESTING = 2  # the interpreter expands fields inside a format specification once, and refuses deeper ones


def safe_format(template: str, /, *args: object, **kwargs: object) -> str:
    """Format like `str.format`.

    Raises:
        AttributeError: a field reads an attribute.
    """
    text = _checked(template)
    return text.format(*args, **kwargs)


def safe_format_map(template: str, mapping: Mapping[str, Any], /) -> str:
    """Format like `str.format_map`.

    Raises:
        AttributeError: a field reads an attribute.
    """
    text = _checked(template)
    return text.format_map(mapping)


REPLACEMENTS: dict[str, Callable[..., str]] = {"format": safe_format, "format_map": safe_format_map}


def _checked(template: str) -> str:
    """Return the template's characters as an exact `str`, after checking them."""
    if not issubclass(type(template), str):
        message = f"format() needs a string, not {type(template).__name__}"
        raise TypeError(message)
    text = str.__getitem__(template, slice(None))  # a subclass could answer differently each time it is asked
    _refuse_attributes(text, _NESTING)
    return text


def _refuse_attributes(text: str, depth: int) -> None:
    for _literal, field, specification, _conversion in _string.formatter_parser(text):
        if field:
            _first, rest = _string.formatter_field_name_split(field)
            for is_attribute, name in rest:
                if is_attribute:
                    message = f"format() does not read attributes here ({name!r}): use an f-string"
                    raise AttributeError(message)
        if specification and depth:
            _refuse_attributes(specification, depth - 1)
