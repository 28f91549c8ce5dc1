"""A supervisor with an ordered list of children.

    with Supervisor.start(
        [Cache.child_spec(id="cache"), Server.child_spec(8080, id="server")],
        strategy="rest_for_one",
        intensity=3,
        period=5,
    ) as tree:
        tree.child("server").call(Ping())

Start: children one after the other, in list order; the next one when `init` of the one before is through.
When one does not start, those before it are stopped in reverse order and `start` raises `StartError`.

A child's exit: `restart` decides whether it is started again (`permanent` always, `transient` after an
abnormal exit, `temporary` never), `strategy` which siblings are stopped, in reverse start order, and started
again with it. One incident counts once towards `intensity` restarts in `period` whole seconds, inclusive.
One too many: the children are stopped in reverse order, the supervisor exits with `SHUTDOWN`, and its own
parent decides. A restart that fails is tried again at once, counted each time; requests are served between.

Stop: children in reverse start order, one after the other. Each is asked to end and killed after its
`shutdown_s`. A thread cannot be killed: one that stays is listed in the result of `stop`, with file and line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from supervisors._boot import End
from supervisors._child import Child, Failed, Ignored
from supervisors._child_spec import ChildSpec, Restart, Strategy, SupervisorFlags, SupervisorInit
from supervisors._errors import (
    ChildNotFoundError,
    ChildSpecError,
    ChildStateError,
    DuplicateChildError,
    Refuse,
    StartError,
)
from supervisors._gen_server import IGNORE
from supervisors._plan import Member
from supervisors._reasons import NORMAL, FailedToStart, Shutdown
from supervisors._requests import (
    CountChildrenRequest,
    DeleteChildRequest,
    GetChildSpecRequest,
    RestartChildRequest,
    StartChildRequest,
    TerminateChildRequest,
    WhichChildrenRequest,
)
from supervisors._restarting import RestartingKeeper
from supervisors._supervisor_address import SupervisorAddress
from supervisors._tree import ChildState

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from supervisors._boot import Boot
    from supervisors._children import Procedure
    from supervisors._future import Sender
    from supervisors._reasons import ExitReason
    from supervisors._system import System
    from supervisors._types import Argument, Message, Reply


class Supervisor(RestartingKeeper):
    """See the module's docstring. Start it with a list, or subclass it and override `init`.

        class Tree(Supervisor):
            def init(self, port):
                flags = SupervisorFlags(strategy="one_for_all")
                return SupervisorInit(flags, (Server.child_spec(port),))

    A supervisor is always alive to questions: it never waits inside a handler.
    """

    address_class = SupervisorAddress

    @classmethod
    def start(  # type: ignore[override]  # as in GenActor
        cls,
        *args: Argument,
        name: str | None = None,
        system: System | None = None,
        start_timeout_s: float | None = None,
        **kwargs: Argument,
    ) -> SupervisorAddress:
        """Start a root supervisor and wait until all its children are up.

        Args:
            args: for `init`; of `Supervisor` itself the list of child specs.
            name: for people; the class's name by default.
            system: shared with other roots; by default a new one that ends with this tree.
            start_timeout_s: seconds the start may take; None means no limit.
            kwargs: for `init`; of `Supervisor` itself `strategy`, `intensity`, `period`.

        Returns:
            Its address, a context manager that stops the tree.

        Raises:
            StartError: a child did not start; `child_id` and `reason` say which and why, and those started
                before it are stopped. Or `init` raised, say with a `ChildSpecError`.
        """
        address = super().start(*args, name=name, system=system, start_timeout_s=start_timeout_s, **kwargs)
        assert isinstance(address, SupervisorAddress)  # noqa: S101 -- address_class says so
        return address

    def init(
        self,
        children: Iterable[ChildSpec] = (),
        *,
        strategy: Strategy | str = Strategy.ONE_FOR_ONE,
        intensity: int = 3,
        period: int = 5,
    ) -> Reply:
        """Return flags and children; runs in the supervisor's thread, before any child starts.

        Returns:
            A `SupervisorInit`, or `IGNORE`.

        Raises:
            ChildSpecError: a flag or a spec is wrong.
        """
        flags = SupervisorFlags(strategy=strategy, intensity=intensity, period=period)  # type: ignore[arg-type]  # strings are turned into members
        return SupervisorInit(flags, tuple(children))

    def _begin(self, boot: Boot) -> Callable[[], Any] | End | None:
        outcome = self.init(*boot.args, **dict(boot.kwargs))
        if outcome is IGNORE:
            self._acknowledge(ignored=True)
            return End(NORMAL, orderly=False)
        if not isinstance(outcome, SupervisorInit):
            msg = (
                f"{type(self).__name__}.init returned {outcome!r}; allowed are SupervisorInit(...) and IGNORE"
            )
            raise TypeError(msg)
        self._use(outcome.flags)
        for spec in outcome.children:
            self._add(spec)
        self._queue(None, self._opening())
        return self._ending()

    def _add(self, spec: ChildSpec) -> Child:
        child = self._children[spec.id] = Child(spec.id, spec)
        self._move(child, ChildState.STOPPED)
        return child

    # -- rules

    def _line_of(self, child: Child) -> Hashable:  # noqa: ARG002 -- all children stand in one line
        return None

    def _members(self, child: Child) -> list[Member]:  # noqa: ARG002 -- siblings may be concerned
        return [Member(known.key, known.spec.restart) for known in self._children.values()]

    def _opening(self) -> Procedure:
        children = list(self._children.values())
        for child in children:
            outcome = yield from self._starting(child)
            if isinstance(outcome, Failed):
                for other in reversed(children):
                    yield from self._stopping(other)
                self._end = End(Shutdown(FailedToStart(child.key, outcome.reason)))
                return
            if isinstance(outcome, Ignored) and child.spec.restart is Restart.TEMPORARY:
                self._forget(child)
        self._acknowledge()

    def _closing(self, reason: ExitReason) -> Procedure:
        for child in reversed(list(self._children.values())):
            yield from self._stopping(child)
        self._end = End(reason)

    # -- requests

    def handle_call(self, message: Message, sender: Sender) -> Reply:
        """Answer what only reads at once; queue what changes something.

        Raises:
            Refuse: the request is unknown, names no child, or would wait for its own caller.
        """
        match message:
            case WhichChildrenRequest():
                return tuple(child.info(child.key) for child in reversed(self._children.values()))
            case CountChildrenRequest():
                return self._counts(self._children.values())
            case GetChildSpecRequest(child_id):
                return self._spec_of(child_id)
            case StartChildRequest(spec):
                procedure, about = self._start_new(spec), None
            case TerminateChildRequest(child_id):
                procedure, about = self._terminate(child_id), child_id
            case RestartChildRequest(child_id):
                procedure, about = self._restart(child_id), None
            case DeleteChildRequest(child_id):
                procedure, about = self._delete(child_id), None
            case _:
                name = type(message).__name__
                unknown = TypeError(f"a supervisor does not understand {name}; see SupervisorAddress")
                raise Refuse(unknown)
        return self._request(sender, procedure, about=about)

    def _spec_of(self, child_id: Hashable) -> ChildSpec:
        try:
            return self._child(child_id).spec
        except ChildNotFoundError as error:
            raise Refuse(error) from None

    def _request(self, sender: Sender, procedure: Procedure, *, about: Hashable = None) -> Reply:
        caller = self._by_pid.get(sender.caller) if sender.caller is not None else None
        if caller is not None and (caller.state is ChildState.STARTING or caller.key == about):
            raise self._would_wait_for_itself(caller)
        return self._serve_request(None, sender, procedure)

    def _start_new(self, spec: ChildSpec) -> Procedure:
        if not isinstance(spec, ChildSpec):
            msg = f"start_child got {spec!r}; expected a ChildSpec, see Actor.child_spec(...)"
            raise ChildSpecError(msg)
        if spec.id in self._children:
            raise DuplicateChildError(spec.id, self._children[spec.id].state.value)
        child = self._add(spec)
        outcome = yield from self._starting(child)
        if isinstance(outcome, Failed):
            self._forget(child)
            raise StartError(spec.id, outcome.reason)
        if isinstance(outcome, Ignored):
            if spec.restart is Restart.TEMPORARY:
                self._forget(child)
            return None
        return self._address_of(child)

    def _terminate(self, child_id: Hashable) -> Procedure:
        child = self._child(child_id)
        child.epoch += 1
        yield from self._stopping(child)
        if child.spec.restart is Restart.TEMPORARY:
            self._forget(child)

    def _restart(self, child_id: Hashable) -> Procedure:
        child = self._stopped(child_id)
        outcome = yield from self._starting(child)
        if isinstance(outcome, Failed):
            raise StartError(child_id, outcome.reason)
        return None if isinstance(outcome, Ignored) else self._address_of(child)

    def _delete(self, child_id: Hashable) -> Procedure:
        self._forget(self._stopped(child_id))
        yield from ()

    def _stopped(self, child_id: Hashable) -> Child:
        child = self._child(child_id)
        if child.state is not ChildState.STOPPED:
            raise ChildStateError(child_id, child.state.value)
        return child

    def _address_of(self, child: Child) -> Reply:
        entry = self.address.at(child.key)
        return None if entry is None else self.address.below(child.key, entry)
