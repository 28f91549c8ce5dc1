"""Requests that every actor answers whatever its handlers do, after OTP's `sys`: for debugging and upgrades.

    suspend(address)
    replace_state(address, lambda state: {**state, "limit": 10})
    change_code(address, NewServer, old_version=1)
    resume(address)

They are served between two messages, ahead of those that wait in the queue, and also while the actor is
suspended. OTP's `sys:terminate` is `Address.stop`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from supervisors._dynamic_supervisor import DynamicSupervisor
from supervisors._errors import ActorExitedError, NotReplaceableError
from supervisors._gen_server import GenServer
from supervisors._inspected import InspectedActor
from supervisors._os_process import OsProcess
from supervisors._pid import Pid
from supervisors._reasons import NO_PROCESS
from supervisors._supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable

    from supervisors._actor import GenActor
    from supervisors._address import Address
    from supervisors._inspected import ActorStatus
    from supervisors._types import Message, Reply

_KINDS: Final = (GenServer, OsProcess, Supervisor, DynamicSupervisor)  # each with a loop of its own


def get_state(target: Address | Pid, timeout: float | None = 5.0) -> dict[str, Any]:
    """Return the state of an actor, as it is between two messages; also while it is suspended.

    Returns:
        The attributes that its hooks have set, by name; the values are not copied. Of a supervisor its
        `flags`, the `restarts` that count at present, and its `children` as from `which_children`.

    Raises:
        CallTimeoutError: the actor was busy with one message for longer than `timeout` seconds, where None
            waits for ever. A request that has not begun by then never will.
        CallCycleError: an actor asks itself, or one that waits for it.
        ActorExitedError: the actor is not there, or ends before it answers.
    """
    state: dict[str, Any] = _ask(target, lambda actor: actor.system_get_state(), timeout)
    return state


def replace_state(
    target: Address | Pid,
    replace: Callable[[dict[str, Any]], dict[str, Any]] | dict[str, Any],
    timeout: float | None = 5.0,
) -> dict[str, Any]:
    """Replace the state of an actor; all or nothing.

    Args:
        target: whose.
        replace: the new state as `get_state` returns it, or a function of the old one, which runs in the
            actor's thread. Attributes it leaves out are gone.
        timeout: seconds.

    Returns:
        The new state.

    Raises:
        NotReplaceableError: that is no state, or the actor is a supervisor.
        Exception: what the function raised; the state is as it was.
        SupervisorError: as of `get_state`.
    """
    state: dict[str, Any] = _ask(target, lambda actor: actor.system_replace_state(replace), timeout)
    return state


def get_status(target: Address | Pid, timeout: float | None = 5.0) -> ActorStatus:
    """Describe an actor as plain data.

    Raises:
        SupervisorError: as of `get_state`.
    """
    status: ActorStatus = _ask(target, lambda actor: actor.system_get_status(), timeout)
    return status


def suspend(target: Address | Pid, timeout: float | None = 5.0) -> None:
    """Let an actor handle no messages until `resume`; quiet if it is suspended.

    What is sent meanwhile waits, in order, and calls time out as usual. What ends an actor still ends it:
    `stop`, a kill, its parent, and the exits of linked actors unless it traps them. A suspended supervisor
    does nothing about its children.

    Raises:
        SupervisorError: as of `get_state`.
    """
    _ask(target, lambda actor: actor.system_suspend(), timeout)


def resume(target: Address | Pid, timeout: float | None = 5.0) -> None:
    """Let a suspended actor handle messages again, first those that came meanwhile; quiet if it does.

    Raises:
        SupervisorError: as of `get_state`.
    """
    _ask(target, lambda actor: actor.system_resume(), timeout)


def change_code(
    target: Address | Pid,
    new_class: type[GenActor],
    old_version: Message = None,
    extra: Message = None,
    timeout: float | None = 5.0,
) -> None:
    """Replace the class of a suspended actor, then run `code_change(old_version, extra)` of the new one.

    All or nothing: when `code_change` raises, class and attributes are put back. The child's spec keeps the
    old class, which a restart starts again.

    Args:
        target: whose.
        new_class: of the same kind: `GenServer`, `OsProcess`, `Supervisor` or `DynamicSupervisor`.
        old_version: for `code_change`.
        extra: for `code_change`.
        timeout: seconds.

    Raises:
        NotSuspendedError: call `suspend` first.
        NotReplaceableError: the actor cannot become a `new_class`.
        Exception: what `code_change` raised.
        SupervisorError: as of `get_state`.
    """
    pid = _pid_of(target)
    old_class = pid.actor_class
    if not (isinstance(new_class, type) and issubclass(new_class, InspectedActor)) or any(
        issubclass(new_class, kind) is not issubclass(old_class, kind) for kind in _KINDS
    ):
        kind = next((kind for kind in reversed(_KINDS) if issubclass(old_class, kind)), InspectedActor)
        raise NotReplaceableError(
            pid.name, f"{new_class!r} is not of the same kind; it must be a {kind.__name__}"
        )
    pid.system_call(lambda actor: actor.system_change_code(new_class, old_version, extra), timeout)


def _ask(target: Address | Pid, act: Callable[[InspectedActor], object], timeout: float | None) -> Reply:
    return _pid_of(target).system_call(act, timeout)


def _pid_of(target: Address | Pid) -> Pid:
    if isinstance(target, Pid):
        return target
    pid = target.pid
    if pid is not None:
        return pid
    last = target.find()
    raise ActorExitedError(target.name, (last.exit_reason if last is not None else None) or NO_PROCESS)
