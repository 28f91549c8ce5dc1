"""Addresses that are a name: looked up at each send, valid before, between and after the actors behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supervisors._reasons import SHUTDOWN
from supervisors._supervisor_address import SupervisorAddress

if TYPE_CHECKING:
    from collections.abc import Hashable

    from supervisors._address import Address, StopResult
    from supervisors._pid import Pid
    from supervisors._reasons import ExitReason
    from supervisors._system import System
    from supervisors._types import Message


class Via(SupervisorAddress):
    """Base of addresses by name; subclasses say in `find` who has it, and what `name` and `system` are.

    `call`, `acall`, `cast`, `send_info`, `monitor`, `link`, `stop` and `wait_available` work as with any
    Address. No Pid is kept between two sends, since the name may have passed on to another actor. A name says
    nothing of what has it: if that is a supervisor its children are administered by the name, too.
    """

    __slots__ = ("_key",)

    def __init__(self, key: Hashable) -> None:
        self._root = None  # type: ignore[assignment]  # it is no place in a tree; `root` looks it up
        self._path = ()
        self._pid = None
        self._key = key

    def find(self) -> Pid | None:
        """Return the actor that has the name now; None if there is none."""
        raise NotImplementedError

    @property
    def name(self) -> str:
        """Where the name is looked up, and the name."""
        raise NotImplementedError

    @property
    def system(self) -> System:
        """What the actors of the tree share that keeps the name."""
        raise NotImplementedError

    @property
    def id(self) -> Hashable:
        """The name."""
        return self._key

    @property
    def root(self) -> Pid:
        """The root of the tree the named actor lives in.

        Raises:
            ActorExitedError: nobody has the name.
        """
        pid = self._resolve()
        while pid.parent is not None:
            pid = pid.parent
        return pid

    @property
    def pid(self) -> Pid | None:
        """The actor that has the name now; None while there is none."""
        pid = self.find()
        return pid if pid is not None and not pid.mailbox.closed else None

    def child(self, child_id: Hashable) -> Address:
        """Return the address of a child of the supervisor that has the name now, valid while that lives.

        Raises:
            ActorExitedError: nobody has the name.
            ChildNotFoundError: there is no such child now.
        """
        return SupervisorAddress(self._resolve()).child(child_id)

    def supervisor(self, child_id: Hashable) -> SupervisorAddress:
        """Like `child`, of a child that is a supervisor, itself and not its speaker.

        Raises:
            ActorExitedError: nobody has the name.
            ChildNotFoundError: there is no such child now, or it is a worker.
        """
        return SupervisorAddress(self._resolve()).supervisor(child_id)

    def cast(self, message: Message) -> None:
        """Send without a reply; never fails. Dropped and counted when nobody has the name."""
        pid = self.pid
        if pid is None:
            self.system.count_dropped(self.name)
        else:
            pid.cast(message)

    def wait_available(self, timeout: float | None = None) -> bool:
        """Block until somebody has the name; False if nobody had within `timeout` seconds."""
        return self.system.wait_published(lambda: self.alive, timeout) and self.alive

    def stop(self, reason: ExitReason = SHUTDOWN, timeout: float | None = None) -> StopResult:
        """Stop the actor that has the name; see `Address.stop`."""
        pid = self.pid
        result = super().stop(reason, timeout)
        if pid is not None:
            pid.join()
        return result
