"""The sessions of a runtime: opened within its limit, and found again when it stops."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypedDict

from dspex_actors._config import SessionConfig
from dspex_actors._errors import ConfigError, ExecutorUnavailableError, SessionLimitError, one_of
from dspex_actors.executors import OpenedSession, OpenSession
from dspex_actors.runtime._session import Session
from supervisors import ActorExitedError, CallTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dspex_actors._config import CheckpointAt, OnError
    from dspex_actors._execution import ExecutionContext
    from supervisors import Address


class SessionOptions(TypedDict, total=False):
    """The keyword arguments of `Runtime.session` beside policy, limits and language; see `SessionConfig`."""

    checkpoint: CheckpointAt | str
    on_error: OnError | str
    idle_timeout_s: float | None
    reseed: bool
    history: int


def session_config(options: SessionOptions) -> SessionConfig:
    """Return the settings that keyword arguments name.

    Raises:
        ConfigError: there is no such setting, or it is wrong.
    """
    allowed = tuple(SessionConfig.__dataclass_fields__)
    unknown = [name for name in options if name not in allowed]
    if unknown:
        raise ConfigError("session option", unknown[0], one_of(allowed))
    return SessionConfig(**options)


class Sessions:
    """The open sessions of one runtime. Any thread may use it.

    Args:
        most: how many there may be.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._open: list[Session] = []
        self._opening = 0

    def open(self, executor: Address, config: SessionConfig, defaults: ExecutionContext) -> Session:
        """Open a session in an executor's sandbox.

        Args:
            executor: its address.
            config: how the session is set up.
            defaults: tools and limits of its calls.

        Raises:
            SessionLimitError: there are as many as there may be.
            ExecutorUnavailableError: it could not be started.
        """
        message = OpenSession(config, defaults.limits)
        return self.add(lambda: executor.call(message, timeout=None), defaults)

    def add(self, start: Callable[[], OpenedSession], defaults: ExecutionContext) -> Session:
        """Start a session and count it.

        Args:
            start: does it.
            defaults: as for `open`.

        Raises:
            SessionLimitError: there are as many as there may be.
            ExecutorUnavailableError: it could not be started.
        """
        with self._lock:
            self._open = [session for session in self._open if not session.closed]
            if len(self._open) + self._opening >= self._most:
                raise SessionLimitError(self._most)
            self._opening += 1
        try:
            session = Session(self, start(), defaults)
        except (ActorExitedError, CallTimeoutError) as error:
            raise ExecutorUnavailableError(str(error)) from error
        finally:
            with self._lock:
                self._opening -= 1
        with self._lock:
            self._open.append(session)
        return session

    def all(self) -> list[Session]:
        """Return the sessions that are open."""
        with self._lock:
            return [session for session in self._open if not session.closed]
