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

With a `backoff` a restart waits: siblings that share it are stopped at once, and all start together when the
wait is over. It is counted before it waits. Meanwhile requests are served; `terminate_child` ends the wait.

A `significant` child that ends and is not started again ends the supervisor, if `auto_shutdown` says so: the
children are stopped in reverse order, then it exits with `SHUTDOWN`.

Stop: children in reverse start order, one after the other. Each is asked to end and killed after its
`shutdown_s`. A thread cannot be killed: one that stays is listed in the result of `stop`, with file and line.
A supervisor that runs leaves at most `max_abandoned` of those behind. With one more it answers the request
that led to it, stops its children and exits with `SHUTDOWN`, as beyond its intensity. A root that gives up
ends its tree and nothing else: what becomes of the program is for whoever monitors the root.

Change: `change_specs` and `reinit` of its address replace flags and specs. No child starts or stops by that.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from supervisors._backoff import NO_RESTARTS
from supervisors._boot import End
from supervisors._changing import ChangingKeeper, start_order
from supervisors._child import Child, Failed, Ignored
from supervisors._child_spec import (
    MAX_ABANDONED,
    AutoShutdown,
    ChildSpec,
    Restart,
    Strategy,
    SupervisorFlags,
    SupervisorInit,
    check_significance,
)
from supervisors._errors import (
    ChildNotFoundError,
    ChildStateError,
    DuplicateChildError,
    Refuse,
    StartError,
)
from supervisors._gen_server import IGNORE
from supervisors._plan import Member
from supervisors._reasons import NORMAL, FailedToStart, Shutdown
from supervisors._requests import (
    ChangeSpecsRequest,
    CountChildrenRequest,
    DeleteChildRequest,
    GetChildSpecRequest,
    ReinitRequest,
    RestartChildRequest,
    StartChildRequest,
    TerminateChildRequest,
    WhichChildrenRequest,
)
from supervisors._supervisor_address import SupervisorAddress
from supervisors._tree import ChildState

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping

    from supervisors._backoff import Backoff
    from supervisors._boot import Boot
    from supervisors._children import Procedure
    from supervisors._future import Sender
    from supervisors._reasons import ExitReason
    from supervisors._system import System
    from supervisors._types import Argument, Message, Reply


class Supervisor(ChangingKeeper):
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
            kwargs: for `init`; of `Supervisor` itself the fields of `SupervisorFlags`.

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
        auto_shutdown: AutoShutdown | str = AutoShutdown.NEVER,
        backoff: Backoff | None = None,
        max_abandoned: int | None = MAX_ABANDONED,
    ) -> Reply:
        """Return flags and children; runs in the supervisor's thread, before any child starts.

        Also when the supervisor runs already, see `SupervisorAddress.reinit`. The arguments are the children,
        in start order, and the fields of `SupervisorFlags`.

        Returns:
            A `SupervisorInit`, or `IGNORE`.

        Raises:
            ChildSpecError: a flag or a spec is wrong.
        """
        flags = SupervisorFlags(
            strategy=strategy,  # type: ignore[arg-type]  # a string is turned into a member
            intensity=intensity,
            period=period,
            auto_shutdown=auto_shutdown,  # type: ignore[arg-type]  # as above
            backoff=backoff,
            max_abandoned=max_abandoned,
        )
        return SupervisorInit(flags, children)  # type: ignore[arg-type]  # it makes a tuple of any iterable

    def _begin(self, boot: Boot) -> Callable[[], Any] | End | None:
        if not self._init_again(boot.args, boot.kwargs):
            self._acknowledge(ignored=True)
            return End(NORMAL, orderly=False)
        self._keep(boot.args, boot.kwargs)
        self._queue(None, self._opening())
        return self._ending()

    def _init_again(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
        outcome = self.init(*args, **kwargs)
        if outcome is IGNORE:
            return False
        if not isinstance(outcome, SupervisorInit):
            msg = (
                f"{type(self).__name__}.init returned {outcome!r}; allowed are SupervisorInit(...) and IGNORE"
            )
            raise TypeError(msg)
        self._adopt(outcome)
        return True

    def _keeps_arguments(self) -> bool:
        return type(self).init is not Supervisor.init  # whose arguments hold those of temporary children

    def _adopt(self, new: SupervisorInit) -> None:
        """Go by other flags and specs; nothing is started or stopped."""
        self._use(new.flags)
        for spec in new.children:
            child = self._children.setdefault(spec.id, Child(spec.id, spec))
            serves = child.state is ChildState.RUNNING and spec.restart is Restart.TEMPORARY
            child.spec = spec.without_arguments() if serves else spec
        order = start_order(new.children, self._children)
        self._children = {child_id: self._children[child_id] for child_id in order}
        self.pid.directory = {child_id: child.entry() for child_id, child in self._children.items()}

    def _add(self, spec: ChildSpec) -> Child:
        child = self._children[spec.id] = Child(spec.id, spec)
        self._move(child, ChildState.STOPPED)
        return child

    # -- rules

    def _line_of(self, child: Child) -> Hashable:  # noqa: ARG002 -- all children stand in one line
        return None

    def _members(self, child: Child) -> list[Member]:  # noqa: ARG002 -- siblings may be concerned
        return [
            Member(
                known.key,
                known.spec.restart,
                known.spec.significant,
                active=known.state is not ChildState.STOPPED,
            )
            for known in self._children.values()
        ]

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
            case StartChildRequest(spec, with_info):
                procedure, about = self._start_new(spec, with_info=with_info), None
            case TerminateChildRequest(child_id):
                procedure, about = self._terminate(child_id), child_id
            case RestartChildRequest(child_id, with_info):
                procedure, about = self._restart(child_id, with_info=with_info), None
            case DeleteChildRequest(child_id):
                procedure, about = self._delete(child_id), None
            case ChangeSpecsRequest(children, flags):
                procedure = self._changing(
                    lambda: self._adopt(SupervisorInit(self._flags if flags is None else flags, children))
                )
                about = None
            case ReinitRequest(args, kwargs):
                procedure, about = self._changing(partial(self._reinit, args, kwargs)), None
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

    def _start_new(self, spec: ChildSpec, *, with_info: bool) -> Procedure:
        check_significance(spec, self._flags.auto_shutdown)
        if spec.id in self._children:
            raise DuplicateChildError(spec.id, self._children[spec.id].state.value)
        child = self._add(spec)
        outcome = yield from self._starting(child)
        if isinstance(outcome, Failed):
            self._forget(child)
            raise StartError(spec.id, outcome.reason)
        if isinstance(outcome, Ignored) and spec.restart is Restart.TEMPORARY:
            self._forget(child)
        return self._answer(child, outcome, with_info=with_info)

    def _terminate(self, child_id: Hashable) -> Procedure:
        child = self._child(child_id)
        child.epoch += 1
        child.streak = NO_RESTARTS
        yield from self._stopping(child)
        if child.spec.restart is Restart.TEMPORARY:
            self._forget(child)

    def _restart(self, child_id: Hashable, *, with_info: bool) -> Procedure:
        child = self._stopped(child_id)
        outcome = yield from self._starting(child)
        if isinstance(outcome, Failed):
            raise StartError(child_id, outcome.reason)
        return self._answer(child, outcome, with_info=with_info)

    def _delete(self, child_id: Hashable) -> Procedure:
        self._forget(self._stopped(child_id))
        yield from ()

    def _stopped(self, child_id: Hashable) -> Child:
        child = self._child(child_id)
        if child.state is not ChildState.STOPPED:
            raise ChildStateError(child_id, child.state.value)
        return child
