"""What the registry's actor is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dspex_actors._checks import check_seconds
from dspex_actors._errors import ConfigError, one_of
from dspex_actors.modules._spec import check_version
from dspex_actors.modules._transaction import WhenBusy

if TYPE_CHECKING:
    from pathlib import Path

    from dspex_actors.modules._spec import ModuleSpec

SUSPEND_S = 5.0


@dataclass(frozen=True, slots=True)
class RegisterModule:
    """Load a module's code and register it; the reply is its `ModuleInfo`."""

    spec: ModuleSpec


@dataclass(frozen=True, slots=True)
class UnregisterModule:
    """Stop a module's instances and forget it."""

    module_id: str


@dataclass(frozen=True, slots=True)
class HotReload:
    """Reload a module; the reply is a `ReloadReport`.

    Attributes:
        module_id: which.
        version: the label of what is loaded; None for an automatic one.
        source: of a file module, the path of its next version; None for the path it has.
        when_busy: what to do about instances that do not hold still: a `WhenBusy` or its text.
        suspend_s: seconds they have to.

    Raises:
        ConfigError: a field is wrong.
    """

    module_id: str
    version: str | None = None
    source: str | Path | None = None
    when_busy: WhenBusy | str = WhenBusy.ABORT
    suspend_s: float = SUSPEND_S

    def __post_init__(self) -> None:
        if self.version is not None:
            check_version("version", self.version)
        _check_wait(self)


@dataclass(frozen=True, slots=True)
class RollBack:
    """Go back to the version before; the reply is a `ReloadReport`. See `HotReload`.

    Raises:
        ConfigError: a field is wrong.
    """

    module_id: str
    when_busy: WhenBusy | str = WhenBusy.ABORT
    suspend_s: float = SUSPEND_S

    def __post_init__(self) -> None:
        _check_wait(self)


@dataclass(frozen=True, slots=True)
class PinInstance:
    """Keep an instance of a file module at a version, None for the current one, whatever is reloaded."""

    module_id: str
    name: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class UnpinInstance:
    """Let an instance go along with the next reload."""

    module_id: str
    name: str


@dataclass(frozen=True, slots=True)
class ReloadReport:
    """What a reload or a roll-back did.

    Attributes:
        module_id: which module.
        old: the version before.
        new: the version after; the same if nothing had changed.
        changed: whether there was anything to do.
        modules: the Python modules that ran, in order; of a file module its private name.
        upgraded: instances that got new objects, as `(module id, name)`.
        restarted: instances that were busy and were killed.
        suspended_s: seconds that instances held still.
    """

    module_id: str
    old: str
    new: str
    changed: bool
    modules: tuple[str, ...] = ()
    upgraded: tuple[tuple[str, str], ...] = ()
    restarted: tuple[tuple[str, str], ...] = ()
    suspended_s: float = 0.0


def _check_wait(message: HotReload | RollBack) -> None:
    """Check what both say about busy instances, and put the member in the place of its text."""
    try:
        object.__setattr__(message, "when_busy", WhenBusy(message.when_busy))
    except ValueError:
        allowed = one_of(member.value for member in WhenBusy)
        raise ConfigError("when_busy", message.when_busy, allowed) from None
    check_seconds("suspend_s", message.suspend_s)
