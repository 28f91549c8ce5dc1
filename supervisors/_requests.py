"""What the administration verbs of a `SupervisorAddress` send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

    from supervisors._child_spec import ChildSpec


@dataclass(frozen=True, slots=True)
class StartChildRequest:
    """Start a new child."""

    spec: ChildSpec


@dataclass(frozen=True, slots=True)
class TerminateChildRequest:
    """Stop a child; its spec stays, unless it is temporary or dynamic."""

    id: Hashable


@dataclass(frozen=True, slots=True)
class RestartChildRequest:
    """Start a stopped child again."""

    id: Hashable


@dataclass(frozen=True, slots=True)
class DeleteChildRequest:
    """Forget a stopped child."""

    id: Hashable


@dataclass(frozen=True, slots=True)
class GetChildSpecRequest:
    """Read a spec."""

    id: Hashable


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
