"""Where in a value something is, for messages that refuse it."""

from __future__ import annotations


def path_to(wanted: object, value: object, path: str) -> str | None:
    """Return where in a value an object is; None if it is in a set, a key of a dict, or not there.

    Args:
        wanted: the very object.
        value: what may hold it, in dicts, lists and tuples.
        path: what the value itself is called.
    """
    if value is wanted:
        return path
    if isinstance(value, dict):
        parts = ((f"{path}[{key!r}]", part) for key, part in value.items())
    elif isinstance(value, list | tuple):
        parts = ((f"{path}[{index}]", part) for index, part in enumerate(value))
    else:
        return None
    return next((found for name, part in parts if (found := path_to(wanted, part, name))), None)
