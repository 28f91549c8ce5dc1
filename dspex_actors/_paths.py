"""The paths and patterns of a policy: what is wrong on any machine, and which names a pattern means."""

from __future__ import annotations

import os
from collections.abc import Mapping
from fnmatch import fnmatchcase

from dspex_actors._errors import ConfigError

# Not files: what is behind them reaches other processes, devices, or what a guest has of its own.
_RESERVED = ("/proc", "/sys", "/dev", "/scratch", "/sentinel")
_ABSOLUTE = "absolute paths without '..', in UTF-8 and without NUL"
_NAME = "the name of one folder, without '/'"


def read_paths_of(value: object) -> tuple[str, ...]:
    """Return the read paths of a policy as texts, each once.

    Raises:
        ConfigError: something is no absolute path, or a path that no guest may have.
    """
    field = "Policy.read_paths"
    if not isinstance(value, (tuple, list, set, frozenset)):
        raise ConfigError(field, value, f"a sequence of {_ABSOLUTE}")
    paths = dict.fromkeys(_path(field, each) for each in value)
    return tuple(sorted(paths) if isinstance(value, (set, frozenset)) else paths)


def write_paths_of(value: object) -> dict[str, str]:
    """Return the write paths of a policy: the folder's name in the guest's scratch folder, to its path.

    Raises:
        ConfigError: it is no mapping of names to absolute paths, or two of the paths overlap.
    """
    field = "Policy.write_paths"
    if not isinstance(value, Mapping):
        raise ConfigError(field, value, f"a mapping of names to {_ABSOLUTE}")
    found = {_name(field, name): _path(field, path) for name, path in value.items()}
    for name, path in found.items():
        for other, above in found.items():
            if name != other and is_below(path, above):
                raise ConfigError(
                    field, {other: above, name: path}, "a mapping to folders that do not overlap"
                )
    return found


def patterns_of(value: object) -> tuple[str, ...]:
    """Return the patterns of names that a policy asks back.

    Raises:
        ConfigError: they are no sequence of relative patterns.
    """
    field, allowed = "Policy.files", "a sequence of patterns like '*.csv' or 'out/**', without '.' and '..'"
    if not isinstance(value, (tuple, list)):
        raise ConfigError(field, value, allowed)
    for pattern in value:
        if not isinstance(pattern, str) or not {"", ".", ".."}.isdisjoint(pattern.split("/")):
            raise ConfigError(field, pattern, allowed)
    return tuple(value)


def matches(pattern: str, name: str) -> bool:
    """Whether a pattern means a name.

    Args:
        pattern: shell wildcards; `*` and `?` stay within one folder, `**` is any number of folders, and at
            the end everything below.
        name: relative, with `/` between folders; may be a guest's, and as long as it likes.
    """
    wanted = pattern.split("/")
    if wanted[-1] == "**":
        wanted.append("*")
    parts = name.split("/")
    # Where in the name the part of the pattern that comes next may begin.
    starts = {0}
    for each in wanted:
        if each == "**":
            starts = set(range(min(starts), len(parts) + 1)) if starts else starts
        else:
            starts = {at + 1 for at in starts if at < len(parts) and fnmatchcase(parts[at], each)}
    return len(parts) in starts


def is_below(path: str, above: str) -> bool:
    """Whether a path is another one, or lies below it."""
    return path == above or path.startswith(above.rstrip("/") + "/")


def _path(field: str, value: object) -> str:
    """Return an absolute path as a text.

    Raises:
        ConfigError: it is none, or one that no guest may have.
    """
    path = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
    if not isinstance(path, str) or not path.startswith("/") or ".." in path.split("/") or not is_text(path):
        raise ConfigError(field, value, _ABSOLUTE)
    path = "/" + os.path.normpath(path).lstrip("/")
    reserved = next((each for each in _RESERVED if is_below(path, each)), None)
    if path == "/" or reserved is not None:
        raise ConfigError(field, path, f"paths other than / and those below {', '.join(_RESERVED)}")
    return path


def _name(field: str, value: object) -> str:
    """Return the name of one folder.

    Raises:
        ConfigError: it is none.
    """
    if not isinstance(value, str) or value in {"", ".", ".."} or "/" in value or not is_text(value):
        raise ConfigError(field, value, _NAME)
    return value


def is_text(name: str) -> bool:
    """Whether a name of a file is text in UTF-8, as the file system takes it."""
    try:
        return b"\0" not in name.encode()
    except UnicodeEncodeError:
        return False
