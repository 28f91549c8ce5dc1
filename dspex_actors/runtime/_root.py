"""The upper part of a runtime's tree, and what it means that it did not start.

root             rest_for_one   3 in 5 s
├─ stores        one_for_one    one child for each state store, see `state`
├─ sandboxes     one_for_one    one child for each policy in use, see `executors`
├─ modules       rest_for_one   once it is asked for; see `modules`
└─ services      one_for_one    with a control socket; see `control`
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from supervisors import Crash, FailedToStart, Shutdown, StartError, Supervisor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dspex_actors.state import StorageError
    from supervisors import ChildSpec, SupervisorAddress

STORES: Final = "stores"
SANDBOXES: Final = "sandboxes"


def start_root(stores: Sequence[ChildSpec]) -> SupervisorAddress:
    """Start the tree, with its stores and no sandbox yet.

    Raises:
        StorageError: a store did not start.
    """
    children = [
        Supervisor.child_spec(part, strategy="one_for_one", intensity=3, period=5, id=name)
        for name, part in ((STORES, stores), (SANDBOXES, ()))
    ]
    try:
        return Supervisor.start(children, strategy="rest_for_one", intensity=3, period=5, name="runtime")
    except StartError as error:
        raise _store_failed(error) from error


def _store_failed(error: StartError) -> StorageError:
    """Return what a store that did not start means to a user of the runtime."""
    from dspex_actors.state import StorageError  # noqa: PLC0415 -- a runtime without stores loads none of it

    name, reason = error.child_id, error.reason
    while isinstance(reason, Shutdown) and isinstance(reason.detail, FailedToStart):
        name, reason = reason.detail.child_id, reason.detail.reason
    cause = reason.message if isinstance(reason, Crash) else str(reason)
    return StorageError(f"the store {name!r}", "start", cause)
