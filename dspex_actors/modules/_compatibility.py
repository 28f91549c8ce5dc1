"""Whether a state fits the code that is to load it: versions of the module, and of what it depends on."""

from __future__ import annotations

import platform
from enum import Enum
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final, Protocol

from dspex_actors._errors import ConfigError
from dspex_actors.modules._copying import deep_copy
from dspex_actors.modules._module_errors import IncompatibleVersionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from packaging.version import Version

Changes = tuple[tuple[str, str, str], ...]

ALWAYS_NOTED: Final = ("dspex-actors",)


class Age(Enum):
    """What the version of a state is to the version that is to load it."""

    SAME = "same"
    OLDER = "older"
    NEWER = "newer"


class Migrations(Protocol):
    """What leads from one version of a state to another; `dspex_actors.state.MigrationGraph` does."""

    def migrate(self, state: Any, start: str, goal: str) -> Any:  # noqa: ANN401 -- a state, and a record of it
        """Return an object with the new state as `state`; the one that is given stays as it is."""


def parse_version(field: str, text: object) -> Version:
    """Return a version such as `1.10.0`, `2.0rc1` or `1.0+local`.

    Raises:
        ConfigError: it is something else.
    """
    from packaging.version import InvalidVersion, Version  # noqa: PLC0415 -- only where versions are compared

    if isinstance(text, str):
        try:
            return Version(text)
        except InvalidVersion:
            pass
    raise ConfigError(field, text, "a version such as '1.2.0'")


def age_of(saved: str, current: str) -> Age:
    """Return what a saved version is to the current one; 1.0 and 1.0.0 are the same.

    Raises:
        ConfigError: one of them is no version.
    """
    then, now = parse_version("saved version", saved), parse_version("version", current)
    return Age.SAME if then == now else Age.OLDER if then < now else Age.NEWER


def migrated(
    state: Any,  # noqa: ANN401 -- a state
    saved: str,
    current: str,
    migrations: Migrations | None,
    code_change: Callable[[str, Any], Any] | None,
) -> Any:  # noqa: ANN401 -- a state
    """Return a state as the current version has it; the one that is given stays as it is.

    Args:
        state: of the version `saved`.
        saved: the version that dumped it.
        current: the version that is to load it.
        migrations: steps from version to version; they come first.
        code_change: takes the old version and a copy of the state, and returns the new state.

    Raises:
        IncompatibleVersionError: it is newer, or older and nothing leads from it, or a step failed.
    """
    age = age_of(saved, current)
    if age is Age.SAME:
        return state
    if age is Age.NEWER:
        raise IncompatibleVersionError(
            saved, current, "it is newer; load it with that version or a later one"
        )
    if migrations is None and code_change is None:
        reason = "it is older, and there is no way from it; give `migrations`, or the class a `code_change`"
        raise IncompatibleVersionError(saved, current, reason)
    try:
        if migrations is not None:
            new = migrations.migrate(deep_copy(state), saved, current).state
        else:
            assert code_change is not None  # noqa: S101 -- seen above
            new = code_change(saved, deep_copy(state))
    except Exception as error:  # the migration is the caller's code, which may raise anything
        raise IncompatibleVersionError(saved, current, f"{type(error).__name__}: {error}") from error
    if new is None:
        reason = "its migration returned None; return the new state, also where the old one was changed"
        raise IncompatibleVersionError(saved, current, reason)
    return new


def versions_of(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of Python, of this package and of others, by name; empty for what is not there."""
    found = {"python": platform.python_version()}
    for name in (*ALWAYS_NOTED, *names):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = ""
    return found


def changes_between(saved: Mapping[str, str], now: Mapping[str, str]) -> Changes:
    """Return each package with its saved and its present version, where they differ, by name."""
    return tuple(
        (name, saved.get(name, ""), now.get(name, ""))
        for name in sorted(saved.keys() | now.keys())
        if saved.get(name, "") != now.get(name, "")
    )
