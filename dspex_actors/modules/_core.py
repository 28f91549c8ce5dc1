"""What the actors of the modules and their users share: tables, names, and the way to each actor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dspex_actors._errors import ConfigError
from dspex_actors.modules._bodies import build_here
from dspex_actors.modules._instance import ModuleInstance
from dspex_actors.modules._module_watch import WatchFeed
from dspex_actors.modules._objects import StepFailedError
from dspex_actors.modules._spec import Isolation
from dspex_actors.modules._tables import ModuleTables
from dspex_actors.modules._worker_body import build_in_worker
from supervisors import Registry

if TYPE_CHECKING:
    from dspex_actors._guest_session import OpenSession
    from dspex_actors.modules._bodies import Built
    from dspex_actors.modules._catalog import LoadedCode
    from dspex_actors.modules._objects import SavedState
    from dspex_actors.modules._spec import ModuleSpec
    from supervisors import ChildSpec, Handle, RegistryVia, SupervisorAddress

TIMEOUT_S: Final = 120.0  # seconds for one answer: a reload waits for instances, and for what they do
NO_SESSIONS: Final = "'host', as these modules have no sandbox; those of a Runtime do"
RESTART_S: Final = 5.0  # seconds to wait for an actor that is being restarted


class ModulesCore:
    """What is behind a `Modules`.

    Args:
        handle: of the tree.
        hot_reload_enabled: whether modules can be reloaded.
        open_session: opens a session for an object that is to live in a worker; None if there are no workers.
    """

    def __init__(
        self,
        handle: Handle[SupervisorAddress, ModuleTables],
        *,
        hot_reload_enabled: bool,
        open_session: OpenSession | None,
    ) -> None:
        self._handle = handle
        self.hot_reload_enabled = hot_reload_enabled
        self.open_session = open_session
        self.tables = ModuleTables()
        self.names = Registry(keys="unique", name=f"{handle.name}-names")

    @property
    def instances(self) -> SupervisorAddress:
        """The supervisor of the instances.

        Raises:
            ActorExitedError: the tree is not running.
        """
        return self._handle.address.supervisor("instances")

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
        address = self._handle.address.child(child)
        address.wait_available(RESTART_S)
        return address.call(message, TIMEOUT_S)
