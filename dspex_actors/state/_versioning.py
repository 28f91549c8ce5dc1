"""Which version a save makes: its revision, its time, and its label by one of four strategies.

The revision counts the saves of one id, from 1. It decides who is newer, and `expected=` compares it; the
label is a name for people and other programs. Times never go back, whatever the clock does:

| strategy | label | the same for equal states |
|---|---|---|
| `Timestamp` | microseconds since 1970, 16 digits; larger than that of the version before | no |
| `Semantic` | `major.minor.patch`; the caller, or a rule, says which of the three grows | no |
| `HashBased` | the SHA-256 of the canonical encoding, 64 hexadecimal digits | yes |
| `Incremental` | the revision | no |

Everything here is a function of its arguments. The caller passes the time.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final, TypeAlias

from dspex_actors._errors import ConfigError
from dspex_actors.serialization import content_hash
from dspex_actors.state._errors import VersionNotFoundError
from dspex_actors.state._order import SHOWN, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_TIMESTAMP_DIGITS: Final = 16  # of any time from 2001 to 2286
_SEMANTIC: Final = re.compile(r"(0|[1-9]\d{0,17})\.(0|[1-9]\d{0,17})\.(0|[1-9]\d{0,17})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One saved state of an id.

    Attributes:
        revision: 1 for the first save of the id, one more for each save after it.
        label: its name, by the strategy that was in force.
        saved_us: microseconds since 1970 in UTC. Greater than that of the revision before, also where the
            clock had been set back.
        clock_behind_us: how far the clock was behind what `saved_us` says; 0 unless it had been set back, or
            two saves fell into one microsecond.
    """

    revision: int
    label: str
    saved_us: int
    clock_behind_us: int = 0

    @property
    def saved_at(self) -> datetime:
        """The time of the save, in UTC."""
        return from_us(self.saved_us)


class Bump(Enum):
    """Which part of a semantic version grows; those behind it become 0."""

    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"


@dataclass(frozen=True, slots=True)
class Timestamp:
    """Labels that are times: they sort as they were saved."""


@dataclass(frozen=True, slots=True)
class HashBased:
    """Labels that tell states apart: equal states, equal labels."""


@dataclass(frozen=True, slots=True)
class Incremental:
    """Labels that count: the revision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Semantic:
    """Labels that say how much has changed.

    Attributes:
        first: the label of the first version.
        rule: says from the state before and the new one which part grows, where the caller of a save does
            not say. None lets the patch grow. See `bump_by_shape`.

    Raises:
        ConfigError: `first` is not of the form `major.minor.patch`.
    """

    first: str = "1.0.0"
    rule: Callable[[object, object], Bump] | None = None

    def __post_init__(self) -> None:
        if _SEMANTIC.fullmatch(self.first) is None:
            raise ConfigError("Semantic.first", self.first, "numbers in the form major.minor.patch")


Versioning: TypeAlias = Timestamp | Semantic | HashBased | Incremental


def to_us(moment: datetime) -> int:
    """Return microseconds since 1970 in UTC.

    Raises:
        ConfigError: the moment has no time zone.
    """
    if moment.utcoffset() is None:
        raise ConfigError("at", moment, "a datetime with a time zone, such as datetime.now(UTC)")
    return (moment - _EPOCH) // _MICROSECOND


def from_us(us: int) -> datetime:
    """Return the moment of microseconds since 1970, in UTC."""
    return _EPOCH + us * _MICROSECOND


def next_version(
    strategy: Versioning,
    state: object,
    *,
    previous: Version | None,
    now_us: int,
    bump: Bump | None = None,
    previous_state: Callable[[], object] | None = None,
) -> Version:
    """Return the version that saving `state` now makes.

    Args:
        strategy: how it is labelled.
        state: what is saved; looked at by `HashBased` and by a rule alone.
        previous: the newest version of the id, None for the first save.
        now_us: what the clock says, in microseconds since 1970 in UTC.
        bump: which part grows; for `Semantic` alone, and only from the second save on.
        previous_state: gives the state of `previous`; called only where a rule needs it.

    Raises:
        ConfigError: `bump` is given to another strategy, the version before has no semantic label, or there
            is a rule and no `previous_state`.
        ValueEncodeError: `HashBased` and a part of the state has no canonical encoding.
    """
    if bump is not None and not isinstance(strategy, Semantic):
        raise ConfigError("bump", bump, f"None: {type(strategy).__name__} labels do not grow by parts")
    revision = 1 if previous is None else previous.revision + 1
    saved_us = max(now_us, 0 if previous is None else previous.saved_us + 1)
    match strategy:
        case Timestamp():
            label = f"{saved_us:0{_TIMESTAMP_DIGITS}d}"
        case HashBased():
            label = content_hash(state)
        case Incremental():
            label = str(revision)
        case Semantic():
            label = _semantic_label(strategy, state, previous, bump, previous_state)
    return Version(revision=revision, label=label, saved_us=saved_us, clock_behind_us=saved_us - now_us)


def _semantic_label(
    strategy: Semantic,
    state: object,
    previous: Version | None,
    bump: Bump | None,
    previous_state: Callable[[], object] | None,
) -> str:
    if previous is None:
        return strategy.first
    if bump is None and strategy.rule is not None:
        if previous_state is None:
            raise ConfigError("previous_state", None, "a function, as Semantic.rule compares with that state")
        bump = strategy.rule(previous_state(), state)
    return bumped(previous.label, bump or Bump.PATCH)


def bumped(label: str, bump: Bump) -> str:
    """Return the semantic label after `label`.

    Raises:
        ConfigError: `label` is not of the form `major.minor.patch`.
    """
    found = _SEMANTIC.fullmatch(label)
    if found is None:
        allowed = "numbers in the form major.minor.patch: it was saved with another strategy"
        raise ConfigError("the label before", label, allowed)
    major, minor, patch = map(int, found.groups())
    match bump:
        case Bump.MAJOR:
            return f"{major + 1}.0.0"
        case Bump.MINOR:
            return f"{major}.{minor + 1}.0"
        case Bump.PATCH:
            return f"{major}.{minor}.{patch + 1}"


def bump_by_shape(before: object, after: object) -> Bump:
    """Return how much a state's shape has changed, for `Semantic(rule=...)`.

    A key that is gone or has a value of another type is a major change, a new key a minor one, anything else
    a patch. Dicts within dicts count alike; a state that is no dict has one part, itself.
    """
    if type(before) is not type(after):
        return Bump.MAJOR
    if not isinstance(before, dict) or not isinstance(after, dict):
        return Bump.PATCH
    if before.keys() - after.keys():
        return Bump.MAJOR
    inner = {bump_by_shape(value, after[key]) for key, value in before.items()}
    if Bump.MAJOR in inner:
        return Bump.MAJOR
    return Bump.MINOR if Bump.MINOR in inner or after.keys() - before.keys() else Bump.PATCH


LATEST: Final = "latest"


def select(
    versions: Sequence[Version], version: str | int = LATEST, *, at: datetime | None = None
) -> Version:
    """Return one of the versions of an id.

    Args:
        versions: all of them, the oldest first.
        version: `"latest"`, a revision, or a label; of several with one label the newest.
        at: the version that was the latest at this time, with a time zone. Not together with `version`.

    Raises:
        VersionNotFoundError: there is no such version; names the nearest.
        ConfigError: `at` has no time zone, or was given together with a version.
    """
    if at is not None:
        if version != LATEST:
            raise ConfigError("version", version, "'latest' where `at` is given")
        before = bisect_right(versions, to_us(at), key=lambda each: each.saved_us)
        if before:
            return versions[before - 1]
        raise VersionNotFoundError(f"at {at.isoformat()}", tuple(each.label for each in versions[:SHOWN]))
    if version == LATEST:
        if versions:
            return versions[-1]
        raise VersionNotFoundError(LATEST, ())
    if type(version) is int:
        found, names = _by_revision(versions, version), [str(each.revision) for each in versions]
    else:
        found, names = _by_label(versions, str(version)), [each.label for each in versions]
    if found is None:
        raise VersionNotFoundError(repr(version), nearest(str(version), names))
    return found


def _by_revision(versions: Sequence[Version], revision: int) -> Version | None:
    after = bisect_right(versions, revision, key=lambda each: each.revision)
    found = versions[after - 1] if after else None
    return found if found is not None and found.revision == revision else None


def _by_label(versions: Sequence[Version], label: str) -> Version | None:
    return next((each for each in reversed(versions) if each.label == label), None)
