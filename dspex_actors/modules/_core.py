"""What the actors of the modules and their users share: tables, names, and the way to each actor."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, Final, Self

from dspex_actors._errors import ConfigError
from dspex_actors.modules._bodies import build_here
from dspex_actors.modules._instance import ModuleInstance
from dspex_actors.modules._module_watch import WatchFeed
from dspex_actors.modules._objects import StepFailedError
from dspex_actors.modules._spec import Isolation
from dspex_actors.modules._tables import ModuleTables
from dspex_actors.modules._worker_body import build_in_worker
from supervisors import Handle, Registry, SupervisorAddress

if TYPE_CHECKING:
    from types import TracebackType

    from dspex_actors._guest_session import OpenSession
    from dspex_actors.modules._bodies import Built
    from dspex_actors.modules._catalog import LoadedCode
    from dspex_actors.modules._objects import SavedState
    from dspex_actors.modules._spec import ModuleSpec
    from supervisors import ChildSpec, RegistryVia

TIMEOUT_S: Final = 120.0  # seconds for one answer: a reload waits for instances, and for what they do
NO_SESSIONS: Final = "'host', as these modules have no sandbox; those of a Runtime do"
RESTART_S: Final = 5.0  # seconds to wait for an actor that is being restarted


class ModulesCore(Handle[SupervisorAddress, ModuleTables]):
    """The base of `Modules`."""

    def __init__(
        self, *, hot_reload: bool = True, open_session: OpenSession | None = None, name: str = "modules"
    ) -> None:
        super().__init__(name)
        if not isinstance(hot_reload, bool):
            raise ConfigError("hot_reload", hot_reload, "True or False")
        self.hot_reload_enabled = hot_reload
        self.open_session = open_session
        self.tables = ModuleTables()
        self.names = Registry(keys="unique", name=f"{name}-names")
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
        for subscriber in self.tables.subscribers():
            self.tables.unsubscribe(subscriber.number)
        self.tables.files.close()

    # -- for the actors of the tree

    @property
    def instances(self) -> SupervisorAddress:
        """The supervisor of the instances.

        Raises:
            ActorExitedError: the tree is not running.
        """
        return self.address.supervisor("instances")

    def via(self, module_id: str, name: str) -> RegistryVia:
        """Return the address of an instance, by its name."""
        return self.names.via((module_id, name))

    def instance_spec(self, key: tuple[str, str]) -> ChildSpec:
        """Describe an instance as a child."""
        spec = ModuleInstance.child_spec(self.tables, self.build, *key, id=key)
        return self.via(*key).named(spec)

    def build(self, code: LoadedCode, spec: ModuleSpec, saved: SavedState | None) -> Built:
        """Make an object where the spec wants it.

        Raises:
            StepFailedError: the module's own code raised.
        """
        if spec.isolation is Isolation.HOST:
            return build_here(code, spec, saved)
        if self.open_session is None:
            raise StepFailedError("construct", ConfigError("isolation", "worker", NO_SESSIONS))
        return build_in_worker(self.open_session, code, spec, saved)

    def end_watches(self) -> None:
        """End the iterators; called when the supervisor ends."""
        for subscriber in self.tables.subscribers():
            if isinstance(subscriber.delivery, WatchFeed):
                self.tables.unsubscribe(subscriber.number)

    def ask_registry(self, message: object) -> Any:  # noqa: ANN401 -- each message has its own reply
        """Ask the registry, once it is there."""
        return self._call("registry", message)

    def ask_tables(self, message: object) -> Any:  # noqa: ANN401 -- as above
        """Ask the keeper of the tables, once it is there."""
        return self._call("tables", message)

    def _call(self, child: str, message: object) -> Any:  # noqa: ANN401 -- as above
        """Ask one of the actors, once it is there: nothing has been sent before, so waiting is safe."""
        address = self.address.child(child)
        address.wait_available(RESTART_S)
        return address.call(message, TIMEOUT_S)
