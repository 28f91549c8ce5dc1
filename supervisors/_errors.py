"""Every error of the package, under one root; data as attributes, all picklable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from supervisors._abandoned import Abandoned
    from supervisors._pid import Pid
    from supervisors._reasons import ExitReason


class SupervisorError(Exception):
    """Root of the errors of `supervisors`."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Rebuild from the attributes: `args` holds the finished message, not the arguments."""
        return _rebuild, (type(self), self.args, self.__dict__)


def _rebuild(kind: type[SupervisorError], args: tuple[Any, ...], state: dict[str, Any]) -> SupervisorError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


class ChildSpecError(SupervisorError, ValueError):
    """A child spec or a supervisor flag is wrong; the message says what is allowed."""


class ChildNotFoundError(SupervisorError, LookupError):
    """The supervisor has no child with this id."""

    def __init__(self, child_id: Hashable, known: Iterable[Hashable] = ()) -> None:
        self.child_id = child_id
        self.known = tuple(known)
        super().__init__(f"no child {child_id!r}; children are {list(self.known)!r}")


class DuplicateChildError(SupervisorError):
    """A child with this id is there already, running or not."""

    def __init__(self, child_id: Hashable, state: str) -> None:
        self.child_id = child_id
        self.state = state
        super().__init__(
            f"a child {child_id!r} exists ({state}); use another id, or restart_child() when it is stopped"
        )


class ChildStateError(SupervisorError):
    """The child must be stopped for this request."""

    def __init__(self, child_id: Hashable, state: str) -> None:
        self.child_id = child_id
        self.state = state
        super().__init__(f"child {child_id!r} is {state}; call terminate_child({child_id!r}) first")


class MaxChildrenError(SupervisorError):
    """A `DynamicSupervisor` has as many children as it may have."""

    def __init__(self, max_children: int) -> None:
        self.max_children = max_children
        super().__init__(f"the supervisor already has its max_children={max_children}")


class StartError(SupervisorError):
    """An actor did not start, or a supervisor rolled its start back because of this child."""

    def __init__(self, child_id: Hashable, reason: ExitReason) -> None:
        self.child_id = child_id
        self.reason = reason
        super().__init__(f"{child_id!r} did not start: {reason!r}")


class RestartsExceededError(SupervisorError):
    """A supervisor gave up: more restarts than its intensity allows."""

    def __init__(self, supervisor: str, intensity: int, period: int) -> None:
        self.supervisor = supervisor
        self.intensity = intensity
        self.period = period
        super().__init__(f"{supervisor} needed more than {intensity} restarts in {period} s and gave up")


class AbandonedExceededError(SupervisorError):
    """A supervisor gave up: more threads of children it had to kill are still there than it may leave.

    `abandoned` says which, and where each is stuck.
    """

    def __init__(self, supervisor: str, max_abandoned: int, abandoned: Iterable[Abandoned]) -> None:
        self.supervisor = supervisor
        self.max_abandoned = max_abandoned
        self.abandoned = tuple(abandoned)
        stuck = ", ".join(f"{record.thread} at {record.where}" for record in self.abandoned)
        super().__init__(f"{supervisor} gave up with more than {max_abandoned} abandoned threads: {stuck}")


class CallTimeoutError(SupervisorError, TimeoutError):
    """No reply came in time; a later one is dropped. The actor may still do the work."""

    def __init__(self, target: str, timeout: float) -> None:
        self.target = target
        self.timeout = timeout
        super().__init__(f"no reply from {target} within {timeout:g} s")


class CallAbandonedError(SupervisorError):
    """Somebody called `abandon` on the future this thread waits for."""

    def __init__(self) -> None:
        super().__init__("the call was abandoned")


class ActorExitedError(SupervisorError):
    """The called actor is dead, dying or being restarted; no reply will come."""

    def __init__(self, target: str, reason: ExitReason) -> None:
        self.target = target
        self.reason = reason
        super().__init__(f"{target} is not running: {reason!r}")


class CallCycleError(SupervisorError):
    """The call would wait, directly or through other actors, for the actor that makes it."""

    def __init__(self, cycle: Iterable[str]) -> None:
        self.cycle = tuple(cycle)
        super().__init__(f"this call would wait for its own caller: {' -> '.join(self.cycle)}")


class NotSuspendedError(SupervisorError):
    """The actor must be suspended for this."""

    def __init__(self, target: str, operation: str) -> None:
        self.target = target
        self.operation = operation
        super().__init__(f"{operation} needs {target} to be suspended; call suspend() first")


class NotReplaceableError(SupervisorError, TypeError):
    """The state or the class of an actor cannot be replaced by what was given; nothing has changed."""

    def __init__(self, target: str, problem: str) -> None:
        self.target = target
        self.problem = problem
        super().__init__(f"{target} stays as it is: {problem}")


class OsProcessExitedError(SupervisorError):
    """An operating system process ended although nobody had asked it to.

    `exit_code` is None when a signal ended it, `signal` is None when it did not.
    """

    def __init__(self, command: str, *, exit_code: int | None, signal: int | None, stderr_tail: str) -> None:
        self.command = command
        self.exit_code = exit_code
        self.signal = signal
        self.stderr_tail = stderr_tail
        how = f"signal {signal}" if signal is not None else f"exit code {exit_code}"
        tail = f"; stderr ends with: {stderr_tail[-500:]!r}" if stderr_tail else ""
        super().__init__(f"{command} ended with {how}{tail}")


class Refuse(SupervisorError):  # noqa: N818 -- a verdict of a handler, not a failure of anybody
    """Raised by a call handler to give the caller `error` while the actor lives on."""

    def __init__(self, error: BaseException) -> None:
        self.error = error
        super().__init__(f"refused: {error!r}")


class NotAnActorError(SupervisorError, RuntimeError):
    """Only an actor can do this: what it makes belongs to the calling actor and goes with its end."""

    def __init__(self, operation: str) -> None:
        self.operation = operation
        super().__init__(
            f"{operation} was called by a thread that is no actor's; call it in a hook or a task"
        )


class NameTakenError(SupervisorError):
    """A unique key, or a handle, belongs to an actor that is alive.

    `owner` is that actor; None once the error was pickled, since a Pid means nothing in another process.
    """

    def __init__(self, registry: str, key: Hashable, owner: Pid | None) -> None:
        self.registry = registry
        self.key = key
        self.owner = owner
        super().__init__(f"{key!r} is taken in {registry} by {owner!r}; unregister it there first")

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave the owner behind."""
        return _rebuild, (type(self), self.args, {**self.__dict__, "owner": None})


class NotRegisteredError(SupervisorError, LookupError):
    """The calling actor holds no entry of this key, or nothing is kept under it."""

    def __init__(self, registry: str, key: Hashable) -> None:
        self.registry = registry
        self.key = key
        super().__init__(f"{key!r} is not registered in {registry} by the caller")


class RegistryKeysError(SupervisorError, TypeError):
    """The operation needs the other kind of registry."""

    def __init__(self, registry: str, operation: str, needs: str) -> None:
        self.registry = registry
        self.operation = operation
        self.needs = needs
        super().__init__(f"{operation} needs a registry with keys={needs!r}; {registry} has others")


class UnknownRegistryError(ActorExitedError, LookupError):
    """The registry is not running: not started yet, being restarted, or stopped."""


class NotJoinedError(SupervisorError, LookupError):
    """The actor is no member of this group."""

    def __init__(self, group: Hashable, member: str) -> None:
        self.group = group
        self.member = member
        super().__init__(f"{member} has not joined {group!r}")


class NoPartitionsError(SupervisorError, LookupError):
    """A `PartitionSupervisor` was resized to zero partitions, so no key leads anywhere."""

    def __init__(self, supervisor: str) -> None:
        self.supervisor = supervisor
        super().__init__(f"{supervisor} has zero partitions; resize it first")


class UnstableKeyError(SupervisorError, TypeError):
    """A key cannot be hashed alike in every run; use text, numbers, enums, or tuples of these."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"{key} has no stable hash; use text, a number, an enum member or a tuple of these")
