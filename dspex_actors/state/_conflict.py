"""Two states that grew from one: which is kept, or what they are together.

A resolver gets the common state before (None if it is not known), mine and theirs, each as a `Side`, and
returns the state that is kept or raises `UnresolvedConflictError`. The ready ones give the same whoever is
"mine", so that two stores that resolve for themselves end with equal states.

States are compared by their canonical encoding: 1 and True differ, and NaN equals NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from dspex_actors._errors import ValueEncodeError
from dspex_actors.serialization import canonical
from dspex_actors.state._errors import UnresolvedConflictError

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Side:
    """A state that takes part in a conflict.

    Attributes:
        state: the state.
        saved_us: when it was saved, in microseconds since 1970 in UTC; now, if it is about to be.
    """

    state: Any
    saved_us: int = 0


Resolver: TypeAlias = Callable[[Side | None, Side, Side], Any]


def resolve(resolver: Resolver, base: Side | None, mine: Side, theirs: Side) -> Any:  # noqa: ANN401 -- any state
    """Return the state that is kept. The resolver is asked only if both sides changed, and not to the same.

    Args:
        resolver: decides; called in this thread.
        base: the last state that both had, None if it is not known.
        mine: one side.
        theirs: the other.

    Raises:
        UnresolvedConflictError: the resolver does not choose. What else a resolver of yours raises comes out
            as it is.
    """
    if equal(mine.state, theirs.state):
        return mine.state
    if base is not None and equal(base.state, theirs.state):
        return mine.state
    if base is not None and equal(base.state, mine.state):
        return theirs.state
    return resolver(base, mine, theirs)


def equal(left: object, right: object) -> bool:
    """Return whether two states are equal with all their types.

    Objects of classes of your own are compared by `==`.
    """
    if left is right:
        return True
    if type(left) is not type(right):
        return False
    try:
        return canonical(left) == canonical(right)
    except ValueEncodeError:
        return bool(left == right)


def reject(base: Side | None, mine: Side, theirs: Side) -> Any:  # noqa: ANN401 -- as every resolver
    """Choose nothing: every conflict is an error.

    Raises:
        UnresolvedConflictError: always.
    """
    del base, mine, theirs
    raise UnresolvedConflictError(("state",))


def last_writer_wins(base: Side | None, mine: Side, theirs: Side) -> Any:  # noqa: ANN401 -- as every resolver
    """Keep the side that was saved last, and of two saved at once the one whose encoding is greater.

    What the other side changed is lost.

    Raises:
        ValueEncodeError: both were saved at once and a part of one has no canonical encoding.
    """
    del base
    if mine.saved_us != theirs.saved_us:
        return max(mine, theirs, key=lambda side: side.saved_us).state
    return max(mine, theirs, key=lambda side: canonical(side.state)).state


class _Absent:
    """Stands for a key that a side does not have."""


_ABSENT: Final = _Absent()


def merge_disjoint(base: Side | None, mine: Side, theirs: Side) -> Any:  # noqa: ANN401 -- as every resolver
    """Keep what either side changed, where they changed different keys; dicts within dicts are merged alike.

    A key that one side removed and the other left alone is gone. A list is one value: two sides that changed
    it differently are in conflict. Without a base, a key that one side alone has counts as added by it. Keys
    that Python takes for one and that are not, such as 1 and True, are in conflict.

    Raises:
        UnresolvedConflictError: both changed one key and not to the same; names all such keys.
    """
    paths: list[str] = []
    before = _ABSENT if base is None else base.state
    merged = _merge(before, mine.state, theirs.state, "state", paths)
    if paths:
        raise UnresolvedConflictError(tuple(paths))
    return merged


def _merge(base: Any, mine: Any, theirs: Any, path: str, paths: list[str]) -> Any:  # noqa: ANN401 -- any states
    """Return the merged value, `_ABSENT` for none; adds to `paths` where there is no merging."""
    if _equal_parts(mine, theirs) or _equal_parts(base, theirs):
        return mine
    if _equal_parts(base, mine):
        return theirs
    if type(mine) is not dict or type(theirs) is not dict:
        paths.append(path)
        return mine
    before: dict[Any, Any] = base if type(base) is dict else {}
    merged: dict[Any, Any] = {}
    keys = {**before, **mine, **theirs}
    if len({_identity(key) for side in (before, mine, theirs) for key in side}) > len(keys):
        paths.append(path)
        return mine
    for key in keys:
        one, other = mine.get(key, _ABSENT), theirs.get(key, _ABSENT)
        kept = _merge(before.get(key, _ABSENT), one, other, f"{path}[{key!r}]", paths)
        if kept is not _ABSENT:
            merged[key] = kept
    return merged


def _identity(key: object) -> object:
    """Return what is equal for keys that are equal with all their types."""
    if type(key) is str:
        return key
    try:
        return type(key), canonical(key)
    except ValueEncodeError:
        return type(key), key


def _equal_parts(left: object, right: object) -> bool:
    if left is _ABSENT or right is _ABSENT:
        return left is right
    return equal(left, right)


def first_of(*resolvers: Resolver) -> Resolver:
    """Return a resolver that asks each of these in turn until one chooses.

        first_of(merge_disjoint, last_writer_wins)

    It raises what the last of them raises.
    """

    def resolver(base: Side | None, mine: Side, theirs: Side) -> Any:  # noqa: ANN401 -- as every resolver
        unresolved = UnresolvedConflictError(("state",))
        for each in resolvers:
            try:
                return each(base, mine, theirs)
            except UnresolvedConflictError as error:
                unresolved = error
        raise unresolved

    return resolver


@dataclass(frozen=True, slots=True)
class Divergence:
    """Where two histories of one id part.

    Attributes:
        common: how many versions they begin with alike.
        mine: versions of mine after those.
        theirs: versions of theirs after those.
    """

    common: int
    mine: int
    theirs: int

    @property
    def diverged(self) -> bool:
        """Whether both went on, so that neither is only ahead of the other."""
        return bool(self.mine and self.theirs)


def divergence(mine: Sequence[str], theirs: Sequence[str]) -> Divergence:
    """Compare two histories, each given as the content hashes of its versions, the oldest first."""
    common = 0
    for left, right in zip(mine, theirs, strict=False):
        if left != right:
            break
        common += 1
    return Divergence(common, len(mine) - common, len(theirs) - common)
