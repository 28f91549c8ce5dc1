"""How modules begin and end, and the way from what programs hold to what is behind it."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Self

from dspex_actors._errors import ConfigError
from dspex_actors.modules._core import ModulesCore
from dspex_actors.modules._tables import ModuleTables
from supervisors import Handle, SupervisorAddress

if TYPE_CHECKING:
    from types import TracebackType

    from dspex_actors._guest_session import OpenSession


class ModulesHandle(Handle[SupervisorAddress, ModuleTables]):
    """The base of `Modules`."""

    def __init__(
        self, *, hot_reload: bool = True, open_session: OpenSession | None = None, name: str = "modules"
    ) -> None:
        super().__init__(name)
        if not isinstance(hot_reload, bool):
            raise ConfigError("hot_reload", hot_reload, "True or False")
        self._core = ModulesCore(self, hot_reload_enabled=hot_reload, open_session=open_session)
        self._owned = False
        self._watchers = count(1)  # of files

    @classmethod
    def open(cls, *, hot_reload: bool = True, name: str = "modules") -> Self:
        """Start modules that are in no tree of yours, and end with this object."""
        modules = cls(hot_reload=hot_reload, name=name)
        modules.start()
        modules._owned = True
        return modules

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all watchers, forget the private code, and stop the actors if `open` started them."""
        if self._owned and self.alive:
            self.address.stop()
        tables = self._core.tables
        for subscriber in tables.subscribers():
            tables.unsubscribe(subscriber.number)
        tables.files.close()


def core_of(modules: ModulesHandle) -> ModulesCore:
    """Return what is behind the modules; for their actors, and for a runtime that shows them."""
    return modules._core  # noqa: SLF001 -- see above
