"""The address of a supervisor: its children, and the verbs that administer them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supervisors._address import Address, not_found
from supervisors._child_spec import ChildType, check_child_spec
from supervisors._requests import (
    ChangeSpecsRequest,
    CountChildrenRequest,
    DeleteChildRequest,
    GetChildSpecRequest,
    ReinitRequest,
    RestartChildRequest,
    StartChildRequest,
    StartedChild,
    TerminateChildRequest,
    WhichChildrenRequest,
)
from supervisors._tree import snapshot

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from supervisors._child_spec import ChildSpec, SupervisorFlags
    from supervisors._future import CallFuture
    from supervisors._pid import Pid
    from supervisors._tree import ChildCounts, ChildInfo, TreeNode
    from supervisors._types import Argument, Message, Reply

READ_TIMEOUT_S = 5.0


class SupervisorAddress(Address):
    """An `Address` that administers children.

    Verbs that change something wait without limit, and are served one after the other, behind what the
    supervisor is doing already; those that read are answered at once, also while a child starts. All of
    them raise `ActorExitedError` when the supervisor is not there or ends meanwhile, TypeError when the actor
    is no supervisor.
    """

    __slots__ = ()

    def child(self, child_id: Hashable) -> Address:
        """Return the stable address of a child, of its speaker if its spec names one.

        A `SupervisorAddress` when the child is a supervisor without a speaker.

        Raises:
            ChildNotFoundError: there is no such child now.
        """
        entry = self.at(child_id)
        if entry is None:
            raise not_found(self, child_id)
        return self.below(child_id, entry)

    def supervisor(self, child_id: Hashable) -> SupervisorAddress:
        """Return the address of a child that is a supervisor, itself and not its speaker.

        Raises:
            ChildNotFoundError: there is no such child now, or it is a worker.
        """
        entry = self.at(child_id)
        if entry is None or entry.type is not ChildType.SUPERVISOR:
            raise not_found(self, child_id)
        return SupervisorAddress(self.root, (*self.path, child_id))

    def start_child(self, spec: ChildSpec) -> Reply:
        """Start a new child and wait for its `init`.

        Returns:
            The `Address` of the child, None when its `init` returned `IGNORE`.

        Raises:
            ChildSpecError: `spec` is none; nothing is sent.
            DuplicateChildError: the id is taken (not by a `DynamicSupervisor`, which ignores ids).
            StartError: the child did not start; its spec is not kept.
            MaxChildrenError: a `DynamicSupervisor` is full.
        """
        return self._ask(StartChildRequest(check_child_spec(spec)))

    def start_child_async(self, spec: ChildSpec) -> CallFuture:
        """Like `start_child`, but return the future at once; for actors that must not wait.

        Raises:
            ChildSpecError: as in `start_child`; its other errors are those of the future.
        """
        return self._ask_async(StartChildRequest(check_child_spec(spec)))

    def start_child_with_info(self, spec: ChildSpec) -> StartedChild:
        """Like `start_child`, and return what the child's `init` has to say to whoever starts it.

            class Listener(GenServer):
                def init(self):
                    self.socket = socket.create_server(("", 0))
                    return Info(self.socket.getsockname())

            address, where = tree.start_child_with_info(Listener.child_spec())

        Returns:
            The address and the value of the `Info`. Nobody keeps the value; that of a later automatic restart
            is dropped.

        Raises:
            SupervisorError: as of `start_child`.
        """
        request = StartChildRequest(check_child_spec(spec), with_info=True)
        started: StartedChild = self._ask(request)
        return started

    def start_child_with_info_async(self, spec: ChildSpec) -> CallFuture:
        """Like `start_child_with_info`, but return the future at once.

        Raises:
            ChildSpecError: as in `start_child`; its other errors are those of the future.
        """
        return self._ask_async(StartChildRequest(check_child_spec(spec), with_info=True))

    def terminate_child(self, child_id: Hashable | Address | Pid) -> None:
        """Stop a child and wait until it has ended; quiet if it is stopped. Ends its restart tries, too.

        Args:
            child_id: an id; of a `DynamicSupervisor` the address `start_child` returned, or a Pid.

        Raises:
            ChildNotFoundError: there is no such child.
        """
        self._ask(TerminateChildRequest(child_id))

    def terminate_child_async(self, child_id: Hashable | Address | Pid) -> CallFuture:
        """Begin to stop a child; the future's value and errors are those of `terminate_child`."""
        return self._ask_async(TerminateChildRequest(child_id))

    def restart_child(self, child_id: Hashable) -> Address | None:
        """Start a stopped child again; not counted as a restart.

        Returns:
            Its address, None when its `init` returned `IGNORE`.

        Raises:
            ChildNotFoundError: there is no such child.
            ChildStateError: it is not stopped.
            StartError: it did not start; its spec is kept.
        """
        address: Address | None = self._ask(RestartChildRequest(child_id))
        return address

    def restart_child_with_info(self, child_id: Hashable) -> StartedChild:
        """Like `restart_child`, and return what the child's `init` has to say, see `start_child_with_info`.

        Raises:
            SupervisorError: as of `restart_child`.
        """
        started: StartedChild = self._ask(RestartChildRequest(child_id, with_info=True))
        return started

    def delete_child(self, child_id: Hashable) -> None:
        """Forget a stopped child.

        Raises:
            ChildNotFoundError: there is no such child.
            ChildStateError: it is not stopped.
        """
        self._ask(DeleteChildRequest(child_id))

    def change_specs(self, children: Iterable[ChildSpec], *, flags: SupervisorFlags | None = None) -> None:
        """Replace the specs of a running supervisor, as OTP's `code_change` does; nothing starts or stops.

        A child whose id is known runs on and has its new spec from its next start or stop on. A new one is
        added stopped: `restart_child` starts it. One that `children` leave out is kept, behind the others:
        `terminate_child` and `delete_child` remove it. The restarts so far still count.

        A supervisor that its own supervisor starts again begins with what its spec says, as ever.

        Args:
            children: in their new start order.
            flags: replace the old ones as a whole; None leaves those.

        Raises:
            ChildSpecError: a spec is wrong, or does not go with the flags; nothing has changed.
            TypeError: a `DynamicSupervisor` has no list of specs; see `reinit`.
        """
        self._ask(ChangeSpecsRequest(tuple(children), flags))

    def reinit(self, *args: Argument, **kwargs: Argument) -> None:
        """Call `init` of a running supervisor again and take its result over, as OTP's `code_change` does.

            pool.reinit(max_children=200)  # a DynamicSupervisor: its limits
            tree.reinit()                  # a subclass whose `init` reads something that has changed

        Specs are merged as by `change_specs`; flags and limits are replaced as a whole: those left out get
        their defaults. An error in `init`, and `IGNORE`, leave everything as it was. `init` runs in the
        supervisor's thread.

        Args:
            args: for `init`, now and at the next `reinit()` without arguments; those of the last time if
                there are neither `args` nor `kwargs`.
            kwargs: as above.

        Raises:
            ChildSpecError: what `init` returned does not go together.
            TypeError: it returned something else, or there are no arguments from the last time: a plain
                `Supervisor` keeps none.
            Exception: what `init` raised.
        """
        self._ask(ReinitRequest(args, kwargs))

    def get_childspec(self, child_id: Hashable) -> ChildSpec:
        """Return a child's spec; that of a temporary child has lost its start arguments.

        Raises:
            ChildNotFoundError: there is no such child.
        """
        spec: ChildSpec = self._ask(GetChildSpecRequest(child_id), READ_TIMEOUT_S)
        return spec

    def which_children(self) -> tuple[ChildInfo, ...]:
        """List the children, the one started last first."""
        children: tuple[ChildInfo, ...] = self._ask(WhichChildrenRequest(), READ_TIMEOUT_S)
        return children

    def count_children(self) -> ChildCounts:
        """Count the children."""
        counts: ChildCounts = self._ask(CountChildrenRequest(), READ_TIMEOUT_S)
        return counts

    def snapshot(self) -> TreeNode:
        """Draw the tree from here down as plain data; asks no actor, so none can hold it up.

        Raises:
            ActorExitedError: the supervisor is not there.
        """
        return snapshot(self.id, self.path, self._resolve())

    def _ask(self, request: Message, timeout: float | None = None) -> Reply:
        self._check_kind()
        return self.call(request, timeout)

    def _ask_async(self, request: Message) -> CallFuture:
        self._check_kind()
        return self.call_async(request)

    def _check_kind(self) -> None:
        pid = self.pid
        if pid is not None and pid.directory is None:
            raise TypeError(f"{self.name} is a {pid.actor_class.__name__}, which is no supervisor")
