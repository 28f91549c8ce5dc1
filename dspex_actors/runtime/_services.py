"""The branch of a runtime's tree for what looks at it from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dspex_actors._errors import ConfigError, RuntimeClosedError
from dspex_actors.control._actor import ControlActor, ControlDoor
from dspex_actors.runtime._answers import Answers
from supervisors import ActorExitedError, FailedToStart, Shutdown, StartError, Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable

    from dspex_actors.modules import Modules
    from supervisors import SupervisorAddress

SERVICES: Final = "services"
CONTROL: Final = "control"


def start_services(root: SupervisorAddress, path: str, modules: Callable[[], Modules]) -> None:
    """Start the branch, with a control socket.

    The modules come first: in a tree that is `rest_for_one` the end of a service must not restart them.

    Args:
        root: of the tree.
        path: of the socket.
        modules: returns the runtime's modules.

    Raises:
        ConfigError: the path cannot be had.
        RuntimeClosedError: the tree has ended.
    """
    modules()
    control = ControlActor.child_spec(ControlDoor(path, Answers(modules).answer), id=CONTROL)
    try:
        root.start_child(
            Supervisor.child_spec([control], strategy="one_for_one", intensity=3, period=5, id=SERVICES)
        )
    except ActorExitedError:
        raise RuntimeClosedError from None
    except StartError as error:
        reason = error.reason
        while isinstance(reason, Shutdown) and isinstance(reason.detail, FailedToStart):
            reason = reason.detail.reason
        if isinstance(reason, Shutdown) and isinstance(reason.detail, ConfigError):
            raise reason.detail from None
        raise
