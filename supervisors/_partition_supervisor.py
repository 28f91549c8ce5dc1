"""Several copies of one child, each serving a share of the keys.

    counters = PartitionSupervisor(Counter.child_spec(0), name="counters", partitions=4)
    with counters.start():
        counters.via(user_id).call(("add", user_id))

One actor handles one message at a time; n copies handle n. The keys are shared out by `via`: the same key
leads to the same partition in every run, while the number of partitions stays. Ids of the children are 0 to
n - 1, `partitions` is the number of processors by default.
"""

from __future__ import annotations

import contextlib
import os
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from supervisors._child_spec import (
    MAX_ABANDONED,
    AutoShutdown,
    ChildSpec,
    Start,
    Strategy,
    SupervisorFlags,
    SupervisorInit,
    check_significance,
    choose,
)
from supervisors._errors import (
    ActorExitedError,
    ChildNotFoundError,
    ChildSpecError,
    ChildStateError,
    NoPartitionsError,
)
from supervisors._handle import Handle
from supervisors._stable_hash import partition_of
from supervisors._strict_key import strict
from supervisors._supervisor import Supervisor
from supervisors._supervisor_address import SupervisorAddress
from supervisors._tree import ChildState
from supervisors._via import Via

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from supervisors._backoff import Backoff
    from supervisors._pid import Pid
    from supervisors._system import System
    from supervisors._tree import ChildCounts, ChildInfo
    from supervisors._types import Message, Reply

    WithArguments = Callable[[tuple[Any, ...], int], tuple[Any, ...]]


class _Partitions:
    """How many partitions one incarnation has now."""

    def __init__(self, keeper: Pid, address: SupervisorAddress, count: int) -> None:
        self.keeper = keeper
        self.address = address
        self.count = count
        self.resizing = threading.Lock()


class PartitionKeeper(Supervisor):
    """The supervisor of the copies."""

    def init(self, handle: PartitionSupervisor) -> Reply:  # type: ignore[override]  # a handle makes it
        """Bind the number of partitions to the handle, then start them."""
        assert isinstance(self.address, SupervisorAddress)  # noqa: S101 -- address_class says so
        specs = tuple(handle.spec_of(index) for index in range(handle.partitions))
        handle.bind(self, _Partitions(self.pid, self.address, handle.partitions))
        return SupervisorInit(handle.flags, specs)


class PartitionSupervisor(Handle[SupervisorAddress, _Partitions]):
    """See the module's docstring. A handle: make it, then `start` it or put its `child_spec` into a tree.

    Args:
        spec: of one child; its id is replaced by the number of the partition.
        name: for people.
        partitions: how many, >= 1; the number of processors by default.
        with_arguments: `with_arguments(args, partition)` returns the positional arguments of that
            partition's `init`; runs in the supervisor's thread, at its start. The same for all by default.
        strategy: as of `Supervisor`.
        intensity: as of `Supervisor`.
        period: as of `Supervisor`.
        auto_shutdown: only "never": no partition is more significant than the others.
        backoff: as of `SupervisorFlags`.
        max_abandoned: as of `SupervisorFlags`.

    Raises:
        ChildSpecError: an option is wrong.
    """

    actor_class = PartitionKeeper

    def __init__(  # noqa: PLR0913 -- its own options, and those of every supervisor
        self,
        spec: ChildSpec,
        *,
        name: str,
        partitions: int | None = None,
        with_arguments: WithArguments | None = None,
        strategy: Strategy | str = Strategy.ONE_FOR_ONE,
        intensity: int = 3,
        period: int = 5,
        auto_shutdown: AutoShutdown | str = AutoShutdown.NEVER,
        backoff: Backoff | None = None,
        max_abandoned: int | None = MAX_ABANDONED,
    ) -> None:
        count = (os.cpu_count() or 1) if partitions is None else partitions
        never = choose(AutoShutdown, auto_shutdown, "auto_shutdown") is AutoShutdown.NEVER
        checks = (
            (isinstance(spec, ChildSpec), "spec", spec, "a ChildSpec, see Actor.child_spec(...)"),
            (isinstance(name, str) and bool(name), "name", name, "text"),
            (type(count) is int and count >= 1, "partitions", partitions, "a whole number >= 1"),
            (
                with_arguments is None or callable(with_arguments),
                "with_arguments",
                with_arguments,
                "a function of the arguments and the partition",
            ),
            (never, "auto_shutdown", auto_shutdown, "'never'"),
        )
        for passed, field, value, allowed in checks:
            if not passed:
                raise ChildSpecError(f"{field} is {value!r}; it must be {allowed}")
        check_significance(spec, AutoShutdown.NEVER)
        super().__init__(name)
        self.spec = spec
        self.partitions = count
        self.flags = SupervisorFlags(
            strategy=strategy,  # type: ignore[arg-type]  # a string is turned into a member
            intensity=intensity,
            period=period,
            backoff=backoff,
            max_abandoned=max_abandoned,
        )
        self._with_arguments = with_arguments

    def spec_of(self, partition: int) -> ChildSpec:
        """Return the spec of one partition.

        Raises:
            ChildSpecError: `with_arguments` did not return a tuple or a list.
        """
        start = self.spec.start
        if self._with_arguments is not None:
            args = self._with_arguments(start.args, partition)
            if not isinstance(args, tuple | list):
                raise ChildSpecError(f"with_arguments returned {args!r}; it must return a tuple or a list")
            start = Start(start.actor_class, tuple(args), start.kwargs)
        return replace(self.spec, id=partition, start=start)

    def via(self, key: Hashable) -> PartitionVia:
        """Return the address of the partition that serves a key; looked up at each send.

        Args:
            key: an int leads to partition `abs(key) % count`, anything else by a hash that is the same in
                every run.

        Raises:
            UnstableKeyError: the key has no such hash.
        """
        partition_of(key, 1)
        return PartitionVia(self, key)

    @property
    def count(self) -> int:
        """How many partitions there are now.

        Raises:
            ActorExitedError: the supervisor is not running.
        """
        return self.state.count

    def resize(self, count: int) -> int:
        """Stop the partitions from `count` on, or start stopped ones again; waits until that is done.

        Keys find their new partitions before the old ones stop, and after the new ones have started. With
        zero partitions every send raises `NoPartitionsError`.

        Args:
            count: 0 to the number the supervisor was made with.

        Returns:
            How many there were.

        Raises:
            ChildSpecError: `count` is out of range.
            StartError: a partition did not start; those before it serve.
            ActorExitedError: the supervisor is not running.
        """
        if type(count) is not int or not 0 <= count <= self.partitions:
            raise ChildSpecError(f"count is {count!r}; it must be a whole number from 0 to {self.partitions}")
        now = self.state
        with now.resizing:
            before = now.count
            if count < before:
                now.count = count
                for index in range(count, before):
                    with contextlib.suppress(ChildNotFoundError):  # a temporary one that has ended
                        now.address.terminate_child(index)
            for index in range(before, count):
                self._bring_back(now.address, index)
                now.count = index + 1
        return before

    def _bring_back(self, address: SupervisorAddress, index: int) -> None:
        try:
            address.restart_child(index)
        except ChildStateError:
            return  # it runs: an earlier resize failed before it had come to this one
        except ChildNotFoundError:
            address.start_child(self.spec_of(index))  # temporary: its spec went when it stopped

    def which_children(self) -> tuple[ChildInfo, ...]:
        """List the partitions, the last first; stopped ones too."""
        return self.address.which_children()

    def count_children(self) -> ChildCounts:
        """Count the partitions; stopped ones are in `specs` but not in `active`."""
        return self.address.count_children()

    def partition(self, key: Hashable) -> int:
        """Return the number of the partition that serves a key now.

        Raises:
            NoPartitionsError: there are zero.
            ActorExitedError: the supervisor is not running.
        """
        count = self.state.count
        if not count:
            raise NoPartitionsError(self.name)
        return partition_of(key, count)


class PartitionVia(Via):
    """The address `partition_supervisor.via(key)`; equal when supervisor and key are.

    A call to a supervisor that is not running raises `ActorExitedError`, one to zero partitions
    `NoPartitionsError`.
    """

    __slots__ = ("_handle",)

    def __init__(self, handle: PartitionSupervisor, key: Hashable) -> None:
        super().__init__(key)
        self._handle = handle

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PartitionVia):
            return False
        return self._handle is other._handle and strict(self._key) == strict(other._key)

    def __hash__(self) -> int:
        return hash((id(self._handle), strict(self._key)))

    @property
    def name(self) -> str:
        """The supervisor's name and the key, for people."""
        return f"{self._handle.name}/{self._key}"

    @property
    def system(self) -> System:
        """That of the supervisor.

        Raises:
            ActorExitedError: the supervisor is not running.
        """
        return self._handle.address.system

    def find(self) -> Pid | None:
        """Return the partition that serves the key now; None if it is being restarted.

        Raises:
            NoPartitionsError: there are zero.
        """
        if not self._handle.alive:
            return None
        try:
            index = self._handle.partition(self._key)
            now = self._handle.state
        except ActorExitedError:
            return None  # it ended while we looked
        entry = (now.keeper.directory or {}).get(index)
        if entry is None or entry.state is ChildState.STARTING:
            return None
        return entry.pid if not entry.speaker else now.address.below(index, entry).find()

    def cast(self, message: Message) -> None:
        """Send without a reply; never fails unless there are zero partitions."""
        if self._handle.alive:
            with contextlib.suppress(ActorExitedError):  # it ended since the line above
                super().cast(message)
