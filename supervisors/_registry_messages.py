"""The two kinds of registry, and what its listeners are sent."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Hashable

    from supervisors._pid import Pid
    from supervisors._reasons import ExitReason
    from supervisors._registry import Registry


class RegistryKeys(Enum):
    """How many actors may hold one key."""

    UNIQUE = "unique"  # one
    DUPLICATE = "duplicate"  # any number, each any number of times


@dataclass(frozen=True, slots=True)
class Registered:
    """Sent to a registry's listeners, in their `handle_info`, after an entry was made."""

    registry: Registry
    key: Hashable
    owner: Pid
    value: Any


@dataclass(frozen=True, slots=True)
class Unregistered:
    """Sent to a registry's listeners after an entry was removed.

    `reason` is None when the owner removed it, and why the owner ended with `notify_exits`.
    """

    registry: Registry
    key: Hashable
    owner: Pid
    reason: ExitReason | None = None
