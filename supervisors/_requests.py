"""What the administration verbs of a `SupervisorAddress` send, and `StartedChild`, which some return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from supervisors._address import Address
    from supervisors._child_spec import ChildSpec, SupervisorFlags


class StartedChild(NamedTuple):
    """The answer of `start_child_with_info` and `restart_child_with_info`.

    `address` is None when the child's `init` returned `IGNORE`; `info` is the value of the `Info` that it
    returned, None if it returned none.
    """

    address: Address | None
    info: Any = None


@dataclass(frozen=True, slots=True)
class StartChildRequest:
    """Start a new child. The answer is its address, or a `StartedChild` when asked `with_info`."""

    spec: ChildSpec
    with_info: bool = False


@dataclass(frozen=True, slots=True)
class TerminateChildRequest:
    """Stop a child; its spec stays, unless it is temporary or dynamic."""

    id: Hashable


@dataclass(frozen=True, slots=True)
class RestartChildRequest:
    """Start a stopped child again; answered as a `StartChildRequest` is."""

    id: Hashable
    with_info: bool = False


@dataclass(frozen=True, slots=True)
class DeleteChildRequest:
    """Forget a stopped child."""

    id: Hashable


@dataclass(frozen=True, slots=True)
class GetChildSpecRequest:
    """Read a spec."""

    id: Hashable


@dataclass(frozen=True, slots=True)
class ChangeSpecsRequest:
    """Take over other specs, and other flags unless those are None."""

    children: tuple[ChildSpec, ...]
    flags: SupervisorFlags | None


@dataclass(frozen=True, slots=True)
class ReinitRequest:
    """Call `init` again and take its result over; without arguments with those of the last time."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WhichChildrenRequest:
    """List the children."""


@dataclass(frozen=True, slots=True)
class CountChildrenRequest:
    """Count the children."""


@dataclass(frozen=True, slots=True)
class TryAgain:
    """A supervisor's message to itself: start the child whose restart failed, if nothing has changed.

    It queues behind the requests that are there already, so those are served between two tries.
    """

    key: Hashable
    epoch: int


@dataclass(frozen=True, slots=True)
class WaitOver:
    """A supervisor's message to itself: a child's back-off is over; start it, if nothing has changed."""

    key: Hashable
    epoch: int
