"""A supervisor whose children come and go: started on demand, unordered, each on its own.

    with DynamicSupervisor.start(max_children=100) as pool:
        address = pool.start_child(Session.child_spec(user, restart="temporary"))
        address.call(Ping())
        pool.terminate_child(address)

Ids are ignored; `start_child` returns an address that stays valid while a `permanent` or `transient` child is
restarted. Children are started, restarted and stopped independently of each other: a slow `init` holds up
nobody else. A stop tells 64 of them at once, one more whenever one has ended, and 64 more whenever none has
in half a second; each has its own limit from when it is told. `backoff` and `max_abandoned` are as of a
`Supervisor`; `reinit` of its address replaces the limits.
"""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from supervisors._address import Address
from supervisors._boot import NO_REPLY, End
from supervisors._changing import ChangingKeeper
from supervisors._child import Child, Deadline, Failed, Ignored
from supervisors._child_spec import (
    MAX_ABANDONED,
    AutoShutdown,
    ChildSpec,
    SupervisorFlags,
    choose,
)
from supervisors._errors import ChildNotFoundError, ChildSpecError, MaxChildrenError, Refuse, StartError
from supervisors._gen_server import IGNORE
from supervisors._pid import Pid
from supervisors._plan import Member
from supervisors._reasons import NORMAL
from supervisors._requests import (
    CountChildrenRequest,
    GetChildSpecRequest,
    ReinitRequest,
    StartChildRequest,
    TerminateChildRequest,
    WhichChildrenRequest,
)
from supervisors._supervisor_address import SupervisorAddress
from supervisors._tree import ChildState
from supervisors._waves import PAUSE_S, Waves, next_wave

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from supervisors._backoff import Backoff
    from supervisors._boot import Boot
    from supervisors._children import Procedure
    from supervisors._future import Sender
    from supervisors._reasons import ExitReason
    from supervisors._system import System
    from supervisors._types import Argument, Message, Reply


class DynamicSupervisor(ChangingKeeper):
    """See the module's docstring. Start it with limits, or subclass it and override `init`.

        class Sessions(DynamicSupervisor):
            def init(self, store):
                super().init(max_children=100, extra_arguments=(store,))

    A child started with `Session.child_spec(user)` then gets `init(store, user)`.
    """

    address_class = SupervisorAddress
    _max_children: int | None = None
    _extra_arguments: tuple[Argument, ...] = ()  # of children to come

    @classmethod
    def start(  # type: ignore[override]  # as in GenActor
        cls,
        *args: Argument,
        name: str | None = None,
        system: System | None = None,
        start_timeout_s: float | None = None,
        **kwargs: Argument,
    ) -> SupervisorAddress:
        """Start a root without children; see `Supervisor.start`.

        Args:
            args: for `init`.
            name: for people; the class's name by default.
            system: shared with other roots; by default a new one that ends with this tree.
            start_timeout_s: seconds the start may take; None means no limit.
            kwargs: for `init`.

        Raises:
            StartError: `init` raised, say with a `ChildSpecError`.
        """
        address = super().start(*args, name=name, system=system, start_timeout_s=start_timeout_s, **kwargs)
        assert isinstance(address, SupervisorAddress)  # noqa: S101 -- address_class says so
        return address

    def init(
        self,
        *,
        max_children: int | None = None,
        intensity: int = 3,
        period: int = 5,
        extra_arguments: Sequence[Argument] = (),
        auto_shutdown: AutoShutdown | str = AutoShutdown.NEVER,
        backoff: Backoff | None = None,
        max_abandoned: int | None = MAX_ABANDONED,
    ) -> Reply:
        """Take the limits; runs in the supervisor's thread. One that sets none has the defaults.

        Args:
            max_children: how many there may be, those being restarted included; None means no limit.
            intensity: restarts allowed within `period`, over all children.
            period: length of the window in whole seconds, inclusive.
            extra_arguments: come before the positional arguments of the spec of every child that is started
                from now on, at its restarts too.
            auto_shutdown: only `never`: no child is significant here, as in Elixir.
            backoff: as of `SupervisorFlags`.
            max_abandoned: as of `SupervisorFlags`.

        Returns:
            None, or `IGNORE`.

        Raises:
            ChildSpecError: a limit is wrong.
        """
        if max_children is not None and (type(max_children) is not int or max_children < 0):
            msg = f"max_children is {max_children!r}; it must be None or a whole number >= 0"
            raise ChildSpecError(msg)
        if not isinstance(extra_arguments, tuple | list):
            msg = f"extra_arguments is {extra_arguments!r}; it must be a tuple or a list"
            raise ChildSpecError(msg)
        if choose(AutoShutdown, auto_shutdown, "auto_shutdown") is not AutoShutdown.NEVER:
            raise ChildSpecError(f"auto_shutdown is {auto_shutdown!r}; a DynamicSupervisor has only 'never'")
        flags = SupervisorFlags(
            intensity=intensity, period=period, backoff=backoff, max_abandoned=max_abandoned
        )
        self._use(flags)
        self._max_children = max_children
        self._extra_arguments = tuple(extra_arguments)

    def _begin(self, boot: Boot) -> Callable[[], Any] | End | None:
        if not self._init_again(boot.args, boot.kwargs):
            self._acknowledge(ignored=True)
            return End(NORMAL, orderly=False)
        self._keep(boot.args, boot.kwargs)
        self._acknowledge()
        return None

    def _init_again(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
        before = self._flags, self._max_children, self._extra_arguments
        self._use(SupervisorFlags())
        self._max_children, self._extra_arguments = None, ()
        taken = False
        try:
            outcome = self.init(*args, **kwargs)
            if outcome is not None and outcome is not IGNORE:
                name = type(self).__name__
                raise TypeError(f"{name}.init returned {outcome!r}; allowed are None and IGNORE")
            taken = outcome is None
        finally:
            if not taken:
                flags, self._max_children, self._extra_arguments = before
                self._use(flags)
        return taken

    # -- rules

    def _line_of(self, child: Child) -> Hashable:
        return child.key

    def _members(self, child: Child) -> list[Member]:
        return [Member(child.key, child.spec.restart)]

    def _ignored_restart(self, child: Child) -> None:
        self._forget(child)

    def _recover(self, child: Child, pid: Pid | None) -> Procedure:
        yield from super()._recover(child, pid)
        if child.state is ChildState.STOPPED:  # not to be restarted: nobody can name it any more
            self._forget(child)

    def _closing(self, reason: ExitReason) -> Procedure:
        # Those that a request has told are counted first.
        children = sorted(self._children.values(), key=lambda child: child.state is not ChildState.STOPPING)
        untold, waves, pause = iter(children), Waves(len(children)), Deadline()
        while waves.untold:
            paused = pause.fired
            count, waves = next_wave(waves, self._stopping_now(), paused=paused)
            if paused:
                pause = Deadline()
            for child in islice(untold, count):
                self._queue(child.key, self._stopping(child))
            if not count:
                if pause.timer is None:
                    pause = self._arm(PAUSE_S, None)
                yield partial(self._has_moved, waves, pause)
        pause.cancel()
        yield lambda: not self._stopping_now()
        self._end = End(reason)

    def _stopping_now(self) -> int:
        return len(self._lines) - 1  # without that of `_closing`

    def _has_moved(self, waves: Waves, pause: Deadline) -> bool:
        return pause.fired or self._stopping_now() < waves.stopping

    # -- requests

    def handle_call(self, message: Message, sender: Sender) -> Reply:
        """Answer what only reads at once; queue what changes something behind that child's other business.

        Raises:
            Refuse: the request is unknown, names no child, exceeds `max_children`, or would wait for its own
                caller.
        """
        match message:
            case WhichChildrenRequest():
                return tuple(child.info(None) for child in reversed(self._children.values()))
            case CountChildrenRequest():
                return self._counts(self._children.values())
            case GetChildSpecRequest(target):
                return self._find(target).spec
            case StartChildRequest(spec, with_info):
                if self._close_reason is not None:
                    return NO_REPLY  # the end of this supervisor is the answer
                child = self._admit(spec)
                key, procedure = child.key, self._start_new(child, with_info=with_info)
            case TerminateChildRequest(target):
                child = self._find(target)
                if sender.caller is not None and sender.caller is child.pid:
                    raise self._would_wait_for_itself(child)
                key, procedure = child.key, self._terminate(child)
            case ReinitRequest(args, kwargs):
                key, procedure = None, self._changing(partial(self._reinit, args, kwargs))
            case _:
                unknown = TypeError(f"a DynamicSupervisor does not understand {type(message).__name__}")
                raise Refuse(unknown)
        return self._serve_request(key, sender, procedure)

    def _admit(self, spec: ChildSpec) -> Child:
        if spec.significant:
            msg = f"child {spec.id!r} has significant=True; here there is only auto_shutdown='never'"
            raise Refuse(ChildSpecError(msg))
        if self._max_children is not None and len(self._children) >= self._max_children:
            raise Refuse(MaxChildrenError(self._max_children))
        key = next(self.system.serials)
        child = self._children[key] = Child(key, spec, extra_arguments=self._extra_arguments)
        return child

    def _find(self, target: Hashable) -> Child:
        key = target
        if isinstance(target, Pid):
            known = self._by_pid.get(target)
            key = known.key if known is not None else None
        elif isinstance(target, Address):
            own = self.address
            below = target.root is own.root and target.path[: len(own.path)] == own.path
            key = target.path[len(own.path)] if below and len(target.path) > len(own.path) else None
        try:
            return self._child(key)
        except ChildNotFoundError:
            raise Refuse(ChildNotFoundError(target)) from None

    def _start_new(self, child: Child, *, with_info: bool) -> Procedure:
        outcome = yield from self._starting(child)
        if isinstance(outcome, Failed | Ignored):
            self._forget(child)
            if isinstance(outcome, Failed):
                raise StartError(child.spec.id, outcome.reason)
        return self._answer(child, outcome, with_info=with_info)

    def _terminate(self, child: Child) -> Procedure:
        if child.key not in self._children:
            raise ChildNotFoundError(child.key)
        child.epoch += 1
        yield from self._stopping(child)
        self._forget(child)
