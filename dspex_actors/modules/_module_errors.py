"""What can go wrong with an object's parameters, copies and states: whose part it is, why, and what helps."""

from __future__ import annotations

from dspex_actors.modules._errors import ModuleError


class PathError(ModuleError, LookupError):
    """A path is not in the form of a path, or leads nowhere.

    Attributes:
        path: as it was given.
        reason: what is wrong, as text.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def _sentence(self) -> str:
        return f"{_shown(self.path)} leads nowhere: {self.reason}"


class CopyFailedError(ModuleError):
    """A part cannot be copied, although it is not of the kind that copies share. Nothing was changed.

    Attributes:
        path: of the part; empty for the object itself.
        type_name: of the part.
        reason: what happened, as text. An exception of the part's own code is the cause of this one.
    """

    def __init__(self, path: str, type_name: str, reason: str) -> None:
        super().__init__(path, type_name, reason)
        self.path = path
        self.type_name = type_name
        self.reason = reason

    def _sentence(self) -> str:
        return f"{_shown(self.path)}, a {self.type_name}, cannot be copied: {self.reason}"


class NotDumpableError(ModuleError, TypeError):
    """A part has no form in a state.

    Attributes:
        path: of the part; empty for the object itself.
        type_name: of the part.
        reason: why not, and what helps.
    """

    def __init__(self, path: str, type_name: str, reason: str) -> None:
        super().__init__(path, type_name, reason)
        self.path = path
        self.type_name = type_name
        self.reason = reason

    def _sentence(self) -> str:
        return f"{_shown(self.path)}, a {self.type_name}, cannot be dumped: {self.reason}"


class LoadError(ModuleError):
    """Root of the reasons for which a state is not loaded. The object it was for is as it was before."""


class MalformedStateError(LoadError, ValueError):
    """It is not a state, or not one in the form that a dump has.

    Attributes:
        reason: what is wrong, as text.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def _sentence(self) -> str:
        return f"this is not a dumped state: {self.reason}"


class StateMismatchError(LoadError):
    """The state is sound and does not fit the object.

    Attributes:
        path: of the part that does not fit; empty for the object itself.
        reason: what does not fit, and what helps.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def _sentence(self) -> str:
        return f"the state does not fit {_shown(self.path)}: {self.reason}"


class IncompatibleVersionError(LoadError):
    """The state was dumped by a version from which no way leads to this one.

    Attributes:
        saved: version that dumped it.
        current: version that was to load it.
        reason: why there is no way, and what helps. A migration's exception is the cause of this one.
    """

    def __init__(self, saved: str, current: str, reason: str) -> None:
        super().__init__(saved, current, reason)
        self.saved = saved
        self.current = current
        self.reason = reason

    def _sentence(self) -> str:
        return f"a state of version {self.saved} cannot be loaded by version {self.current}: {self.reason}"


class DependencyMismatchError(LoadError):
    """The state was dumped beside other versions of packages, and that was to be refused.

    Attributes:
        changes: each package with the version it was dumped with and the one there is now, empty for none.
    """

    def __init__(self, changes: tuple[tuple[str, str, str], ...]) -> None:
        super().__init__(changes)
        self.changes = changes

    def _sentence(self) -> str:
        listed = ", ".join(
            f"{name} {saved or 'none'} (now {now or 'none'})" for name, saved, now in self.changes
        )
        return f"the state was dumped with {listed}; install those, or load with dependencies='report'"


class StateRefusedError(LoadError):
    """A part's own `load_state` raised; its exception is the cause of this one.

    Attributes:
        path: of the part; empty for the object itself.
        reason: the exception, as text.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def _sentence(self) -> str:
        return f"{_shown(self.path)} did not take its state: {self.reason}"


def _shown(path: str) -> str:
    if not path:
        return "the object"
    return repr(path if len(path) <= 200 else f"{path[:97]}...{path[-100:]}")
