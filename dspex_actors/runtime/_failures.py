"""What failures of the tree mean to a user of the runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from dspex_actors._errors import (
    ConfigError,
    EngineError,
    ExecutorUnavailableError,
    SandboxUnavailableError,
)
from supervisors import ActorExitedError, CallTimeoutError, Crash, FailedToStart, Shutdown

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from dspex_actors._execution import ExecutionResult
    from supervisors import CallFuture, StartError, SupervisorError


_MEANT = (SandboxUnavailableError, ConfigError, EngineError)
"""What is said to the user as it was said here."""


def start_failed(error: StartError | ActorExitedError) -> NoReturn:
    """Raise what a failed start of an executor means to a user.

    Raises:
        SandboxUnavailableError: a required layer is missing.
        ConfigError: a package is not installed.
        EngineError: the engine of the language cannot be used.
        ExecutorUnavailableError: anything else.
    """
    reason = error.reason
    while isinstance(reason, Shutdown) and isinstance(reason.detail, FailedToStart):
        reason = reason.detail.reason
    if isinstance(reason, Shutdown) and isinstance(reason.detail, _MEANT):
        raise reason.detail from None
    cause = reason.message if isinstance(reason, Crash) else str(reason)
    raise ExecutorUnavailableError(f"it could not be started: {cause}") from error


def unavailable(error: SupervisorError) -> NoReturn:
    """Raise what a call without a reply means to a user.

    Raises:
        ExecutorUnavailableError: always.
    """
    raise ExecutorUnavailableError(str(error)) from error


def settle(
    future: Future[ExecutionResult],
    reply: CallFuture,
    meaning: Callable[[ActorExitedError | CallTimeoutError], Exception] = lambda error: (
        ExecutorUnavailableError(str(error))
    ),
) -> None:
    """Pass a reply on to a `concurrent.futures.Future`.

    Args:
        future: whose holder waits.
        reply: what the actor answered.
        meaning: what it means to the holder that the actor did not answer.
    """
    if not future.set_running_or_notify_cancel():
        return
    try:
        value = reply.get(timeout=0)
    except (ActorExitedError, CallTimeoutError) as error:
        future.set_exception(meaning(error))
    except Exception as error:  # noqa: BLE001 -- whatever the call raised belongs to whoever holds the future
        future.set_exception(error)
    else:
        future.set_result(value)
