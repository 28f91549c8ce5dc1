"""Values as JSON, for engines whose programs have them in no other form."""

from __future__ import annotations

import json
from typing import Any

from dspex_actors.values._places import path_to
from dspex_actors.workers.engines._engine import GuestFailedError

JSON_PER_BYTE = 8
"""Characters of JSON that one byte of an encoded value may have been, generously."""


class _NoFormError(Exception):
    """JSON has nothing for a value.

    Attributes:
        value: that one.
    """

    def __init__(self, value: object) -> None:
        super().__init__(type(value).__name__)
        self.value = value


def as_json(value: object, name: str = "value") -> bytes:
    """Return a value as JSON in UTF-8. Tuples become lists; infinities and NaN are words, as in Python.

    Args:
        value: plain data.
        name: what refusals call it; the place within it is put behind.

    Raises:
        GuestFailedError: it has no such form.
    """
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain).encode(
            "utf-8", "surrogatepass"
        )
    except _NoFormError as error:
        path = path_to(error.value, value, name) or name
        kind = type(error.value).__name__
        message = f"{path} ({kind}) cannot cross: JSON has nothing for it"
        raise GuestFailedError("ValueEncodeError", message) from error
    except (TypeError, ValueError, RecursionError) as error:
        message = f"{name} ({type(value).__name__}) cannot cross: it has no form in JSON: {error}"
        raise GuestFailedError("ValueEncodeError", message) from error


def _plain(value: object) -> list[Any]:
    """Return what JSON has for values that it does not know: lists of numbers for bytes, lists for sets.

    Raises:
        _NoFormError: it has nothing.
    """
    if isinstance(value, bytes | bytearray | set | frozenset | range):
        return list(value)
    raise _NoFormError(value)


def from_json(text: str) -> Any:  # noqa: ANN401 -- plain data of the guest's
    """Read JSON.

    Raises:
        GuestFailedError: it is none.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise GuestFailedError("ValueError", f"the guest gave what is no JSON: {error}") from error
