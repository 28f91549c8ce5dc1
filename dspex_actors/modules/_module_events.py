"""What watchers are told: what became of which module, from which version to which. Plain data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleChange:
    """What happened; the base of all changes.

    Attributes:
        old: the version before; None if there was none.
        new: the version after, or the one that was tried; None if there is none.
        old_digest: sha256 of the source of `old`, in hexadecimal.
        new_digest: that of `new`; None also where the new source could not be read.
    """

    old: str | None = None
    new: str | None = None
    old_digest: str | None = None
    new_digest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleRegistered(ModuleChange):
    """A module is registered, with its first version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleUnregistered(ModuleChange):
    """A module is gone, and so are its instances."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadStarted(ModuleChange):
    """A reload or a roll-back began; one of the next three follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HotReloaded(ModuleChange):
    """The module and its instances have the new version.

    Also told of modules that share their code with the one that was reloaded.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadFailed(ModuleChange):
    """A reload or a roll-back failed: everything is as before.

    Attributes:
        step: what failed, as in `ReloadError`.
        reason: why, as text.
    """

    step: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RolledBack(ModuleChange):
    """The module and its instances have the version before again; here that is `new`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceRestarted(ModuleChange):
    """An instance was made anew from its last saved state; `old` is the version that state was of.

    Attributes:
        instance: its name.
    """

    instance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceLost(ModuleChange):
    """An instance could not be made anew; it is gone until it is started again.

    Attributes:
        instance: its name.
        reason: why, as text.
    """

    instance: str
    reason: str


@dataclass(frozen=True, slots=True)
class ModuleEvent:
    """One change of one module.

    Attributes:
        module_id: whose.
        change: what happened.
        number: counts the events of all modules, from 1; unique, and growing for every watcher.
    """

    module_id: str
    change: ModuleChange
    number: int


@dataclass(frozen=True, slots=True)
class EventsMissed:
    """Stands where events are missing, because the watcher did not take them in time.

    Attributes:
        count: how many.
    """

    count: int
