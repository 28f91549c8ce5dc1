"""The address of a supervisor: its children, and the verbs that administer them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supervisors._address import Address, not_found
from supervisors._child_spec import ChildType
from supervisors._requests import (
    CountChildrenRequest,
    DeleteChildRequest,
    GetChildSpecRequest,
    RestartChildRequest,
    StartChildRequest,
    TerminateChildRequest,
    WhichChildrenRequest,
)
from supervisors._tree import snapshot

if TYPE_CHECKING:
    from collections.abc import Hashable

    from supervisors._child_spec import ChildSpec
    from supervisors._future import CallFuture
    from supervisors._pid import Pid
    from supervisors._tree import ChildCounts, ChildInfo, TreeNode
    from supervisors._types import Reply


class SupervisorAddress(Address):
    """An `Address` that administers children.

    Verbs that change something wait without limit, and are served one after the other, behind what the
    supervisor is doing already; those that read are answered at once, also while a child starts. All of
    them raise `ActorExitedError` when the supervisor is not there or ends meanwhile.
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
            DuplicateChildError: the id is taken (not by a `DynamicSupervisor`, which ignores ids).
            StartError: the child did not start; its spec is not kept.
            MaxChildrenError: a `DynamicSupervisor` is full.
        """
        return self.call(StartChildRequest(spec), timeout=None)

    def start_child_async(self, spec: ChildSpec) -> CallFuture:
        """Like `start_child`, but return the future at once; for actors that must not wait."""
        return self.call_async(StartChildRequest(spec))

    def terminate_child(self, child_id: Hashable | Address | Pid) -> None:
        """Stop a child and wait until it has ended; quiet if it is stopped. Ends its restart tries, too.

        Args:
            child_id: an id; of a `DynamicSupervisor` the address `start_child` returned, or a Pid.

        Raises:
            ChildNotFoundError: there is no such child.
        """
        self.call(TerminateChildRequest(child_id), timeout=None)

    def terminate_child_async(self, child_id: Hashable | Address | Pid) -> CallFuture:
        """Begin to stop a child; the future's value and errors are those of `terminate_child`."""
        return self.call_async(TerminateChildRequest(child_id))

    def restart_child(self, child_id: Hashable) -> Address | None:
        """Start a stopped child again; not counted as a restart.

        Returns:
            Its address, None when its `init` returned `IGNORE`.

        Raises:
            ChildNotFoundError: there is no such child.
            ChildStateError: it is not stopped.
            StartError: it did not start; its spec is kept.
        """
        address: Address | None = self.call(RestartChildRequest(child_id), timeout=None)
        return address

    def delete_child(self, child_id: Hashable) -> None:
        """Forget a stopped child.

        Raises:
            ChildNotFoundError: there is no such child.
            ChildStateError: it is not stopped.
        """
        self.call(DeleteChildRequest(child_id), timeout=None)

    def get_childspec(self, child_id: Hashable) -> ChildSpec:
        """Return a child's spec; that of a temporary child has lost its start arguments.

        Raises:
            ChildNotFoundError: there is no such child.
        """
        spec: ChildSpec = self.call(GetChildSpecRequest(child_id))
        return spec

    def which_children(self) -> tuple[ChildInfo, ...]:
        """List the children, the one started last first."""
        children: tuple[ChildInfo, ...] = self.call(WhichChildrenRequest())
        return children

    def count_children(self) -> ChildCounts:
        """Count the children."""
        counts: ChildCounts = self.call(CountChildrenRequest())
        return counts

    def snapshot(self) -> TreeNode:
        """Draw the tree from here down as plain data; asks no actor, so none can hold it up.

        Raises:
            ActorExitedError: the supervisor is not there.
        """
        return snapshot(self.id, self._resolve())
