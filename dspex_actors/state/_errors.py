"""What can go wrong with versions, migrations and conflicts of a stored state."""

from __future__ import annotations

from dspex_actors._errors import DspexError


class StateError(DspexError):
    """Root of the errors of stored states."""


class VersionNotFoundError(StateError, LookupError):
    """There is no such version.

    Attributes:
        wanted: what was asked for, as text.
        nearest: labels of versions there are, or revisions where one was asked for, the nearest first; empty
            if there is none.
    """

    def __init__(self, wanted: str, nearest: tuple[str, ...]) -> None:
        super().__init__(wanted, nearest)
        self.wanted = wanted
        self.nearest = nearest

    def _sentence(self) -> str:
        if not self.nearest:
            return f"there is no version {self.wanted}: nothing was saved"
        return f"there is no version {self.wanted}; the nearest are {_listed(self.nearest)}"


class VersionConflictError(StateError):
    """Somebody else saved since: the newest version is not the one that the writer expected.

    Attributes:
        id: whose state.
        expected: the revision that was expected, 0 for none.
        actual: the revision of the newest version, 0 if there is none.
    """

    def __init__(self, id: str, expected: int, actual: int) -> None:  # noqa: A002 -- the word of the whole library
        super().__init__(id, expected, actual)
        self.id = id
        self.expected = expected
        self.actual = actual

    def _sentence(self) -> str:
        return (
            f"{self.id!r} is at revision {self.actual}, not at {self.expected} as expected; "
            "load it, apply the change again, and save with the new revision"
        )


class StateDeletedError(StateError, LookupError):
    """The id was deleted; its earlier versions are still there, unless they were pruned.

    Attributes:
        id: whose state.
        revision: of the version that says so.
    """

    def __init__(self, id: str, revision: int) -> None:  # noqa: A002 -- the word of the whole library
        super().__init__(id, revision)
        self.id = id
        self.revision = revision

    def _sentence(self) -> str:
        return f"{self.id!r} was deleted at revision {self.revision}; its versions before that can be loaded"


class DamagedVersionError(StateError):
    """A stored version is not what was saved.

    The others are as they were: load one by its revision, load with `fall_back=True`, or `recover` one.

    Attributes:
        id: whose state.
        revision: of the damaged version.
        reason: what is wrong, as text.
    """

    def __init__(self, id: str, revision: int, reason: str) -> None:  # noqa: A002 -- the word of the whole library
        super().__init__(id, revision, reason)
        self.id = id
        self.revision = revision
        self.reason = reason

    def _sentence(self) -> str:
        return f"revision {self.revision} of {self.id!r} is damaged: {self.reason}"


class SnapshotNotFoundError(StateError, LookupError):
    """There is no snapshot of this name.

    Attributes:
        name: what was asked for.
        nearest: names there are, the nearest first.
    """

    def __init__(self, name: str, nearest: tuple[str, ...]) -> None:
        super().__init__(name, nearest)
        self.name = name
        self.nearest = nearest

    def _sentence(self) -> str:
        there = f"; the nearest are {_listed(self.nearest)}" if self.nearest else ""
        return f"there is no snapshot {self.name!r}{there}"


class DamagedSnapshotError(StateError):
    """A stored snapshot is not what was made.

    Attributes:
        name: of the snapshot.
        reason: what is wrong, as text.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def _sentence(self) -> str:
        return f"the snapshot {self.name!r} is damaged: {self.reason}"


class MigrationPathError(StateError, LookupError):
    """No steps lead from one version to another.

    Attributes:
        start: the version to migrate from.
        goal: the version to migrate to.
        reached: versions that can be reached from `start`, the nearest to `goal` first; if no step knows
            `start`, the known versions nearest to it.
        leading: versions from which `goal` can be reached, the nearest to `start` first; if no step knows
            `goal`, the known versions nearest to it.
        unknown: those of the two at which no step starts or ends.
    """

    def __init__(
        self,
        start: str,
        goal: str,
        reached: tuple[str, ...],
        leading: tuple[str, ...],
        unknown: tuple[str, ...] = (),
    ) -> None:
        super().__init__(start, goal, reached, leading, unknown)
        self.start = start
        self.goal = goal
        self.reached = reached
        self.leading = leading
        self.unknown = unknown

    def _sentence(self) -> str:
        way = f"no migration leads from {self.start!r} to {self.goal!r}"
        return f"{way}: {self._near_start()}; {self._near_goal()}"

    def _near_start(self) -> str:
        if self.start in self.unknown:
            return f"no step knows {self.start!r}" + _nearest(self.reached)
        if not self.reached:
            return f"no step starts at {self.start!r}"
        return f"from {self.start!r} one gets to {_listed(self.reached)}"

    def _near_goal(self) -> str:
        if self.goal in self.unknown:
            return f"no step knows {self.goal!r}" + _nearest(self.leading)
        if not self.leading:
            return f"no step ends at {self.goal!r}"
        return f"to {self.goal!r} one gets from {_listed(self.leading)}"


class MigrationFailedError(StateError):
    """A step failed; the state that was to be migrated is as it was.

    Attributes:
        step: name of the step.
        start: the version it was to migrate from.
        goal: the version it was to migrate to.
        reason: what happened, as text. An exception of the step's is the cause of this one.
    """

    def __init__(self, step: str, start: str, goal: str, reason: str) -> None:
        super().__init__(step, start, goal, reason)
        self.step = step
        self.start = start
        self.goal = goal
        self.reason = reason

    def _sentence(self) -> str:
        return f"the migration step {self.step!r} from {self.start!r} to {self.goal!r} failed: {self.reason}"


class UnresolvedConflictError(StateError):
    """Two states changed the same part in different ways, and the resolver does not choose.

    Attributes:
        paths: where, for example `state['weights']`; the whole state is `state`.
    """

    def __init__(self, paths: tuple[str, ...]) -> None:
        super().__init__(paths)
        self.paths = paths

    def _sentence(self) -> str:
        return f"both sides changed {_listed(self.paths)} and not to the same"


class IdExistsError(StateError):
    """An import would add to an id that the store has already; nothing was written."""

    def __init__(self, id: str) -> None:  # noqa: A002 -- the word of the whole library
        super().__init__(id)
        self.id = id

    def _sentence(self) -> str:
        return f"{self.id!r} is in the store already; import with existing='skip' or 'append'"


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"


def _nearest(names: tuple[str, ...]) -> str:
    return f" (the nearest known are {_listed(names)})" if names else ""
