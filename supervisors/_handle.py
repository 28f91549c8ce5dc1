"""What stands for an actor before, during and after its life: the part a registered name plays in OTP.

    names = Registry(keys="unique")
    tree = Supervisor.start([names.child_spec(), Server.child_spec(names)])

A handle is made first, so that child specs can carry it, and stays valid over the restarts of its actor. It
is an object of the program's own: there is no table of names that two trees would share.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from supervisors._child_spec import Restart
from supervisors._errors import ActorExitedError, NameTakenError
from supervisors._reasons import NO_PROCESS

if TYPE_CHECKING:
    from collections.abc import Hashable

    from supervisors._actor import GenActor
    from supervisors._address import Address
    from supervisors._child_spec import ChildSpec
    from supervisors._errors import SupervisorError
    from supervisors._pid import Pid
    from supervisors._system import System

_AddressT = TypeVar("_AddressT", bound="Address")
_StateT = TypeVar("_StateT")


class Handle(Generic[_AddressT, _StateT]):
    """Base of `Registry`, `Groups`, `PartitionSupervisor`, `TaskSupervisor` and `WarmSpare`.

    At most one actor serves a handle at a time: its `init` gets the handle and calls `bind`. What it binds is
    gone before anybody is told of its end.

    Args:
        name: for people.
    """

    actor_class: ClassVar[type[GenActor]]

    def __init__(self, name: str) -> None:
        self.name = name
        self._binding = threading.Lock()
        self._bound: tuple[Pid, _AddressT, _StateT] | None = None  # replaced as a whole

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def start(self, *, system: System | None = None, start_timeout_s: float | None = None) -> _AddressT:
        """Start the actor outside any tree and wait until it serves.

        Args:
            system: shared with other roots; by default a new one that ends with this actor.
            start_timeout_s: seconds the start may take; None means no limit.

        Returns:
            Its address, a context manager that stops it.

        Raises:
            StartError: it did not start, for example because the handle is served already.
        """
        started = self.actor_class.start(self, name=self.name, system=system, start_timeout_s=start_timeout_s)
        return cast("_AddressT", started)

    def child_spec(
        self,
        *,
        id: Hashable = None,  # noqa: A002 -- OTP's name for it
        restart: Restart | str = Restart.PERMANENT,
        shutdown_s: float | None = None,
    ) -> ChildSpec:
        """Describe the actor as a child; its id is the handle's name by default.

        Raises:
            ChildSpecError: an option is wrong.
        """
        chosen = self.name if id is None else id
        return self.actor_class.child_spec(self, id=chosen, restart=restart, shutdown_s=shutdown_s)

    @property
    def alive(self) -> bool:
        """Whether an actor serves this handle now."""
        return self._bound is not None

    @property
    def address(self) -> _AddressT:
        """The address of the actor.

        Raises:
            ActorExitedError: it is not running.
        """
        bound = self._bound
        if bound is None:
            raise self._not_running()
        return bound[1]

    @property
    def state(self) -> _StateT:
        """What the running actor has bound; for this package.

        Raises:
            ActorExitedError: it is not running.
        """
        bound = self._bound
        if bound is None:
            raise self._not_running()
        return bound[2]

    def bind(self, actor: GenActor, state: _StateT) -> None:
        """Let an actor serve this handle until it ends; called in its `init`, in its own thread.

        Raises:
            NameTakenError: another one does.
        """
        pid = actor.pid
        with self._binding:
            if self._bound is not None and not self._bound[0].mailbox.closed:
                raise NameTakenError(type(self).__name__, self.name, self._bound[0])
            self._bound = pid, cast("_AddressT", actor.address), state
        pid.on_release(partial(self._unbind, pid))

    def _unbind(self, pid: Pid) -> None:
        with self._binding:
            if self._bound is not None and self._bound[0] is pid:
                self._bound = None

    def _not_running(self) -> SupervisorError:
        return ActorExitedError(self.name, NO_PROCESS)
