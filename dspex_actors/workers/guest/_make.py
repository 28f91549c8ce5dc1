"""Which worker a zygote makes: one that runs Python itself, or one that has an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dspex_actors.workers import _protocol
from dspex_actors.workers.guest import _loop, _python

if TYPE_CHECKING:
    import socket

    from dspex_actors.workers._protocol import ZygoteConfig
    from dspex_actors.workers.guest._conversation import Conversation


def worker_of(config: ZygoteConfig, channel: socket.socket) -> Conversation:
    """Return what a zygote's forks become.

    Args:
        config: what the zygote was told.
        channel: the socket to the host, or its stand-in.

    Raises:
        EngineFailureError: there is an engine, and it cannot be made.
    """
    if config.engine is None:
        return _loop.Worker(channel, make_engine(config.profile, config.allow, config.forbid))
    from dspex_actors.workers.engines._worker import make_worker  # noqa: PLC0415 -- zygotes for Python need none of it

    return make_worker(channel, config.engine)


def make_engine(profile: str, allow: tuple[str, ...], forbid: tuple[str, ...]) -> _python.Engine:
    """Return what runs Python in a profile.

    Args:
        profile: name of the policy's profile.
        allow: import rules of the strict profile beside its own.
        forbid: import rules that win over all others.
    """
    if profile != "strict":
        return _python.PythonEngine()
    from dspex_actors.workers.guest._strict import StrictEngine  # noqa: PLC0415 -- brings in RestrictedPython, 40 ms

    return StrictEngine(allow, forbid)


def no_use(error: Exception) -> _protocol.Up:
    """Return what a zygote says that cannot start.

    Args:
        error: why not.
    """
    if type(error).__name__ == "EngineFailureError":  # its module is not loaded for Python
        return _protocol.Up(_protocol.VERSION, [], engine_error=str(error))
    return _protocol.Up(_protocol.VERSION, [], f"{type(error).__name__}: {error}")
