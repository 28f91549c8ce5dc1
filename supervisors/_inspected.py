"""What an actor answers to the requests of `_sys`: its state, its status, suspension, another class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from supervisors._errors import NotReplaceableError, NotSuspendedError
from supervisors._signalled import SignalledActor

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from supervisors._types import Message


@dataclass(frozen=True, slots=True)
class ActorStatus:
    """The answer of `get_status`: plain data.

    `path` leads from the root of its tree to it; `parent` is the name of its parent, None without one.
    `queued` messages wait, and each system message that waits counts as one more. `links` and `monitors`
    will be told of its end, `monitoring` is how many ends it will be told of. `since` is when this
    incarnation began, in seconds of the system's clock. `restarts` is how often its supervisor has started
    it again, None without a supervisor.
    """

    name: str
    path: tuple[Hashable, ...]
    actor_class: str
    generation: int
    parent: str | None
    suspended: bool
    queued: int
    links: int
    monitors: int
    monitoring: int
    since: float
    restarts: int | None


class InspectedActor(SignalledActor):
    """One method for each request, named like OTP's system callbacks; they are no part of the user's server.

    They run in the actor's own thread, between two messages; what they raise goes to whoever asked.
    """

    def system_get_state(self) -> dict[str, Any]:
        """Return the attributes that hooks have set."""
        return {name: value for name, value in vars(self).items() if name not in self._framework}

    def system_replace_state(
        self, replace: Callable[[dict[str, Any]], Mapping[str, Any]] | Mapping[str, Any]
    ) -> dict[str, Any]:
        """Put other attributes in the place of those that hooks have set.

        Raises:
            NotReplaceableError: the new state is no dict of attribute names, or names one of the package's.
        """
        before = self.system_get_state()
        after = replace(dict(before)) if callable(replace) else replace
        name = self.pid.name
        if not isinstance(after, dict) or not all(isinstance(key, str) for key in after):
            raise NotReplaceableError(
                name, f"the new state is {after!r}; it must be a dict of attributes by name"
            )
        taken = self._framework & after.keys()
        if taken:
            raise NotReplaceableError(
                name, f"{sorted(taken)} are the package's own; only state can be replaced"
            )
        attributes = vars(self)
        for key in before:
            del attributes[key]
        attributes.update(after)
        return dict(after)

    def system_get_status(self) -> ActorStatus:
        """Describe this actor."""
        pid, path, parent = self.pid, self.address.path, self._parent_pid
        links, monitors = pid.ties()
        entry = parent.directory.get(path[-1]) if path and parent is not None and parent.directory else None
        return ActorStatus(
            name=pid.name,
            path=path,
            actor_class=f"{type(self).__module__}.{type(self).__qualname__}",
            generation=pid.generation,
            parent=parent.name if parent is not None else None,
            suspended=pid.suspended,
            queued=len(pid.mailbox),
            links=links,
            monitors=monitors,
            monitoring=len(self._monitored),
            since=pid.since,
            restarts=entry.restarts if entry is not None else None,
        )

    def system_suspend(self) -> None:
        """Handle no more messages until `system_resume`."""
        self.pid.suspended = True

    def system_resume(self) -> None:
        """Handle messages again, first those that came meanwhile."""
        self._resume()

    def system_change_code(
        self, new_class: type[InspectedActor], old_version: Message, extra: Message
    ) -> None:
        """Become an instance of `new_class` and run its `code_change`; all or nothing.

        Raises:
            NotSuspendedError: messages are being handled.
            NotReplaceableError: the instance cannot become one of that class.
        """
        name = self.pid.name
        if not self.pid.suspended:
            raise NotSuspendedError(name, "change_code()")
        old_class, attributes = type(self), vars(self)
        before = dict(attributes)
        try:
            self.__class__ = new_class
        except TypeError as error:
            raise NotReplaceableError(name, str(error)) from None
        try:
            self.code_change(old_version, extra)
        except BaseException:
            self.__class__ = old_class
            for key in attributes.keys() - before.keys():
                del attributes[key]
            attributes.update(before)
            raise
        self.pid.actor_class = new_class

    def code_change(self, old_version: Message, extra: Message) -> None:
        """Bring the state up to date; see `GenServer.code_change`."""
