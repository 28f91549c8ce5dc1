"""What a runtime has beside executors: state stores, modules and services."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dspex_actors._errors import RuntimeClosedError
from dspex_actors.runtime._stores import DEFAULT

if TYPE_CHECKING:
    from pathlib import Path

    from dspex_actors.modules import Modules
    from dspex_actors.runtime._modules import RuntimeModules
    from dspex_actors.runtime._stores import Stores
    from dspex_actors.state import States
    from supervisors import SupervisorAddress


class Parts:
    """A base of `Runtime`."""

    _stores: Stores
    _modules: RuntimeModules
    _closing: bool
    _root: SupervisorAddress

    @property
    def state(self) -> States:
        """The runtime's state store: `rt.state.save("agent-7", state)`, `rt.state.load("agent-7", at=then)`.

        Where it keeps states is said by the argument `state`; without it, in memory until the runtime ends.

        Raises:
            RuntimeClosedError: the runtime is closed or closing.
        """
        return self.store(DEFAULT)

    def store(self, name: str) -> States:
        """Return one of the state stores by its name in `stores`; `"state"` is that of the property.

        Raises:
            ConfigError: there is none of this name.
            StorageUnavailableError: it was to be started, and the tree has ended.
            RuntimeClosedError: the runtime is closed or closing.
        """
        if self._closing:
            raise RuntimeClosedError
        return self._stores.states(name)

    @property
    def modules(self) -> Modules:
        """The runtime's modules: `rt.modules.register(...)`, `rt.modules.hot_reload("summarizer", "1.1.0")`.

        Their actors are started when this is first asked for.

        Raises:
            RuntimeClosedError: the runtime is closed or closing, or its tree has ended.
        """
        if self._closing:
            raise RuntimeClosedError
        return self._modules.started()

    def _open_control(self, path: str | Path) -> None:
        """Start the services, with a control socket among them; after the modules, which it shows.

        Raises:
            ConfigError: the path cannot be had.
        """
        from dspex_actors.runtime._services import start_services  # noqa: PLC0415 -- only who asks for it pays

        start_services(self._root, str(path), lambda: self.modules)
