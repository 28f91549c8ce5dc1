"""Starting a session's actor beside the workers of its sandbox."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from dspex_actors._errors import ExecutorUnavailableError
from dspex_actors.executors._session_messages import OpenedSession
from dspex_actors.workers import Cause
from supervisors import ChildSpec, Restart, Shutdown, Start, StartError

if TYPE_CHECKING:
    from dspex_actors.executors._session_body import Branch, SessionSetup
    from supervisors import CallFuture, GenServer, Sender, SupervisorAddress

_UNWANTED = "nobody wanted it any more"
_STOP_S = 1.0
"""A session's actor may be blocked in its guest; after this it is fenced off, which kills the process."""


def start_session(
    workers: SupervisorAddress,
    kind: type[GenServer],
    setup: SessionSetup,
    sender: Sender,
    branch: Branch | None = None,
) -> None:
    """Start a session and answer who asked for it once it takes calls; returns at once.

    Args:
        workers: the supervisor of its sandbox's workers.
        kind: the class of its actor.
        setup: how the session is set up.
        sender: whose call is answered by an `OpenedSession`.
        branch: what it starts with; None for nothing.
    """
    spec = ChildSpec(
        id=setup.number,
        start=Start(kind, (setup, branch)),
        restart=Restart.TEMPORARY,  # nobody could bring its state back
        shutdown_s=_STOP_S,
    )
    workers.start_child_async(spec).add_done_callback(partial(_answer, setup, sender, branch))


def _answer(setup: SessionSetup, sender: Sender, branch: Branch | None, started: CallFuture) -> None:
    """Answer who asked for a session; runs in the supervisor's thread."""
    try:
        address = started.get(timeout=0)
    except Exception as error:  # noqa: BLE001 -- whatever it was, somebody waits
        if branch is not None:
            branch.worker.close()
        why = error.reason if isinstance(error, StartError) else error
        sender.fail(ExecutorUnavailableError(f"a session could not be started: {why}"))
    else:
        if not sender.reply(OpenedSession(setup.number, address, setup.lifeline)):
            setup.lifeline.cut(Cause.STOPPED, _UNWANTED)
            address.pid.request_stop(Shutdown(_UNWANTED))
