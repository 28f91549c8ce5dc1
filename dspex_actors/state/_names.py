"""Which ids, names and metadata a store takes: what every database can keep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dspex_actors._errors import ConfigError
from dspex_actors.state._backend import MAX_ID_BYTES


def check_name(field: str, text: object) -> str:
    """Return an id or a name that every backend can keep.

    Raises:
        ConfigError: it is no text of 1 to 256 UTF-8 bytes without NUL and lone surrogates.
    """
    if isinstance(text, str) and 0 < len(text) <= MAX_ID_BYTES and "\0" not in text:
        try:
            if len(text.encode()) <= MAX_ID_BYTES:
                return str(text)
        except UnicodeEncodeError:
            pass
    shown = text if not isinstance(text, str) or len(text) <= MAX_ID_BYTES else f"{len(text)} characters"
    raise ConfigError(
        field, shown, f"text of 1 to {MAX_ID_BYTES} UTF-8 bytes without NUL and lone surrogates"
    )


def check_metadata(metadata: object) -> dict[str, Any]:
    """Return metadata as a dict of its own.

    Raises:
        ConfigError: it is no mapping with texts as keys.
    """
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping) or not all(type(key) is str for key in metadata):
        raise ConfigError("metadata", metadata, "a mapping with texts as keys, or None")
    return dict(metadata)


def check_revision(field: str, number: object, *, least: int) -> int:
    """Return a revision.

    Raises:
        ConfigError: it is no whole number of at least `least`.
    """
    if type(number) is not int or number < least:
        raise ConfigError(field, number, f"a whole number >= {least}")
    return number
