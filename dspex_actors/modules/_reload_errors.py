"""What can go wrong with registered modules, their versions, their instances and their reloads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dspex_actors.modules._errors import ModuleError

if TYPE_CHECKING:
    from collections.abc import Iterable


class UnknownModuleError(ModuleError, LookupError):
    """No module is registered under this id.

    Attributes:
        module_id: the id.
        known: ids that are registered, at most five, those most like it first.
    """

    def __init__(self, module_id: str, known: tuple[str, ...] = ()) -> None:
        super().__init__(module_id, known)
        self.module_id = module_id
        self.known = known

    def _sentence(self) -> str:
        hint = f"; registered are {listed(self.known)}" if self.known else "; none is registered"
        return f"there is no module {self.module_id!r}{hint}"


class ModuleExistsError(ModuleError):
    """A module is registered under this id already; `unregister` it first, or `hot_reload` it."""

    def __init__(self, module_id: str, version: str) -> None:
        super().__init__(module_id, version)
        self.module_id = module_id
        self.version = version

    def _sentence(self) -> str:
        known = f"{self.module_id!r} is registered already, with version {self.version}"
        return f"{known}; reload it, or unregister it first"


class ModuleLoadError(ModuleError):
    """The code of a module that was to be registered cannot be loaded, or has no such class.

    Attributes:
        module_id: whose.
        reason: what happened, as text. An exception of the code's is the cause of this one.
    """

    def __init__(self, module_id: str, reason: str) -> None:
        super().__init__(module_id, reason)
        self.module_id = module_id
        self.reason = reason

    def _sentence(self) -> str:
        return f"the code of {self.module_id!r} cannot be loaded: {self.reason}"


class UnknownVersionError(ModuleError, LookupError):
    """A version of a module is not kept, or there is none before the current one.

    Attributes:
        module_id: whose.
        version: the one that was asked for.
        kept: the versions there are, the current one first.
    """

    def __init__(self, module_id: str, version: str, kept: tuple[str, ...]) -> None:
        super().__init__(module_id, version, kept)
        self.module_id = module_id
        self.version = version
        self.kept = kept

    def _sentence(self) -> str:
        return f"{self.module_id!r} has no version {self.version}; kept are {listed(self.kept)}"


class VersionTakenError(ModuleError):
    """A version was named that the module has already, with another source."""

    def __init__(self, module_id: str, version: str) -> None:
        super().__init__(module_id, version)
        self.module_id = module_id
        self.version = version

    def _sentence(self) -> str:
        return f"{self.module_id!r} has a version {self.version} already, with another source; name a new one"


class UnknownInstanceError(ModuleError, LookupError):
    """A module has no instance of this name."""

    def __init__(self, module_id: str, name: str) -> None:
        super().__init__(module_id, name)
        self.module_id = module_id
        self.name = name

    def _sentence(self) -> str:
        return f"{self.module_id!r} has no instance {self.name!r}; start it first"


class InstanceExistsError(ModuleError):
    """A module has an instance of this name already."""

    def __init__(self, module_id: str, name: str) -> None:
        super().__init__(module_id, name)
        self.module_id = module_id
        self.name = name

    def _sentence(self) -> str:
        return f"{self.module_id!r} has an instance {self.name!r} already; stop it first"


class InstanceStartError(ModuleError):
    """An instance could not be made.

    Attributes:
        module_id: whose.
        name: of the instance.
        reason: what happened, as text.
    """

    def __init__(self, module_id: str, name: str, reason: str) -> None:
        super().__init__(module_id, name, reason)
        self.module_id = module_id
        self.name = name
        self.reason = reason

    def _sentence(self) -> str:
        return f"the instance {self.name!r} of {self.module_id!r} did not start: {self.reason}"


class MethodExitedError(ModuleError):
    """A method raised `SystemExit`, `KeyboardInterrupt` or its like, which must not end its caller.

    Attributes:
        module_id: whose.
        name: of the instance.
        method: its name; `"dump_state"` where the state was asked for.
        reason: what was raised, as text; the exception itself is the cause of this one.
    """

    def __init__(self, module_id: str, name: str, method: str, reason: str) -> None:
        super().__init__(module_id, name, method, reason)
        self.module_id = module_id
        self.name = name
        self.method = method
        self.reason = reason

    def _sentence(self) -> str:
        return f"{self.method!r} of the instance {self.name!r} of {self.module_id!r} raised {self.reason}"


class ReloadRefusedError(ModuleError):
    """A module cannot be reloaded; nothing was begun, and no watcher is told.

    Attributes:
        module_id: whose.
        reason: why, and what would help.
    """

    def __init__(self, module_id: str, reason: str) -> None:
        super().__init__(module_id, reason)
        self.module_id = module_id
        self.reason = reason

    def _sentence(self) -> str:
        return f"{self.module_id!r} cannot be reloaded: {self.reason}"


class ReloadError(ModuleError):
    """A reload or a roll-back failed; code, instances and tables are as they were before.

    Attributes:
        module_id: whose.
        step: what failed: `"compile"`, `"execute"`, `"suspend"`, `"dump_state"`, `"code_change"`,
            `"construct"`, `"load_state"` or `"commit"`.
        where: the Python module or the instance it failed in.
        reason: what happened, as text. An exception of the code's is the cause of this one.
    """

    def __init__(self, module_id: str, step: str, where: str, reason: str) -> None:
        super().__init__(module_id, step, where, reason)
        self.module_id = module_id
        self.step = step
        self.where = where
        self.reason = reason

    def _sentence(self) -> str:
        return f"the reload of {self.module_id!r} failed at {self.step} in {self.where}: {self.reason}"


class WatchClosedError(ModuleError):
    """A watch has ended: it was closed, or the modules it watched are gone. No event will come."""

    def __init__(self, pattern: str) -> None:
        super().__init__(pattern)
        self.pattern = pattern

    def _sentence(self) -> str:
        return f"the watch of {self.pattern!r} has ended; no event will come"


def listed(names: Iterable[str]) -> str:
    """Return at most five names as text, and how many more there are."""
    known = tuple(names)
    more = f" and {len(known) - 5} more" if len(known) > 5 else ""
    return ", ".join(known[:5]) + more


def described(error: BaseException) -> str:
    """Return the kind of an exception and its text, on one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
