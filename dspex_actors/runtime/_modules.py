"""The modules of a runtime: one branch of its tree, there once somebody asks for them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from dspex_actors._errors import RuntimeClosedError
from supervisors import ActorExitedError

if TYPE_CHECKING:
    from dspex_actors._guest_session import OpenSession
    from dspex_actors.modules import Modules
    from supervisors import SupervisorAddress

MODULES: Final = "modules"


class RuntimeModules:
    """A runtime that has no modules loads nothing of them.

    Args:
        root: of the tree.
        hot_reload: whether modules can be reloaded.
        open_session: opens a session for an object that is to live in a worker.
    """

    def __init__(self, root: SupervisorAddress, *, hot_reload: bool, open_session: OpenSession) -> None:
        self._root = root
        self._open_session = open_session
        self._hot_reload = hot_reload
        self._lock = threading.Lock()
        self._modules: Modules | None = None

    def started(self) -> Modules:
        """Return the modules; start their actors the first time.

        Raises:
            RuntimeClosedError: the tree has ended.
        """
        from dspex_actors.modules import Modules  # noqa: PLC0415 -- see the class

        with self._lock:
            if self._modules is None:
                modules = Modules(hot_reload=self._hot_reload, open_session=self._open_session)
                try:
                    self._root.start_child(modules.child_spec(id=MODULES))
                except ActorExitedError:
                    raise RuntimeClosedError from None
                self._modules = modules
            return self._modules

    def close(self) -> None:
        """End watchers and forget private code, after the tree has ended."""
        if self._modules is not None:
            self._modules.close()
