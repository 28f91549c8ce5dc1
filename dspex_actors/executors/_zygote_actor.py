"""The actor that owns a policy's zygote process.

It refuses to start when a layer that the policy requires is not active: nothing untrusted is ever run without
it.
"""

from __future__ import annotations

import socket
import tempfile
from typing import TYPE_CHECKING, Any

from dspex_actors import _events
from dspex_actors._errors import ConfigError, EngineError, SandboxUnavailableError, WorkerLostError
from dspex_actors._policy import LAYERS, NETWORK_LIST, Profile
from dspex_actors.executors._messages import GetHandle, GetNetwork, GetReport, ProbeReport
from dspex_actors.executors.languages import find_engine
from dspex_actors.workers import (
    BuildCache,
    Builder,
    ZygoteHandle,
    remove_folder,
    rules_of,
    setup_of,
    zygote_command,
    zygote_config,
    zygote_environment,
)
from supervisors import (
    Command,
    OsProcess,
    OsProcessExitedError,
    Refuse,
    Shutdown,
    Stop,
    SupervisorAddress,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dspex_actors._config import ExecutorConfig
    from dspex_actors.workers import EngineSetup, LayerReport
    from supervisors import ExitReason, Sender

_LAST_WORDS_S = 0.5


class ZygoteActor(OsProcess):
    """Owns the zygote of one policy; hands out the handle that workers are asked for with."""

    def init(self, config: ExecutorConfig) -> Stop | None:
        """Start the process, configure it, and look at what its probe found.

        Raises:
            ConfigError: a package of the policy is not installed, or a path of it is not there.
            EngineError: the engine of the language cannot be used.
            OSError: the process cannot be run.
            WorkerLostError: it did not come up.
        """
        self._config, self._policy = config, config.policy
        self._engine: EngineSetup | None = None
        self._timeout_s = config.start_timeout_s * (1 if config.language is None else 2)
        self._scratch = tempfile.mkdtemp(prefix="dspex-")
        # A killed actor runs no `terminate`; this runs at every end.
        self.pid.on_release(self._release)
        self._ours, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        profile = Profile(config.policy.profile).value
        self._handle = ZygoteHandle(self._ours, profile, rules_of(config.policy))
        if self._policy.network_access == NETWORK_LIST and isinstance(self.parent, SupervisorAddress):
            self._handle.network = self.parent.child("network").call(GetNetwork())
        try:
            super().init()
        except (ConfigError, EngineError) as error:
            return Stop(Shutdown(error))
        except OsProcessExitedError as error:
            if isinstance(error.__cause__, EngineError):  # it said so, and ended
                return Stop(Shutdown(error.__cause__))
            raise
        self._layers = self._handle.layers
        if config.language is not None and config.language.build_limits and self._engine is not None:
            try:
                cache = BuildCache(config.build_cache)
            except ConfigError as error:
                return Stop(Shutdown(error))
            self._handle.builder = Builder(
                self._handle.spawn_builder,
                config.language,
                self._engine.config,
                cache,
                config.start_timeout_s,
            )
        missing = first_missing(self._policy.required_layers, self._layers)
        if missing is not None:
            self.terminate(Shutdown(missing))
            return Stop(Shutdown(missing))
        active = {layer.name: layer.active for layer in self._layers}
        facts = {"profile": Profile(config.policy.profile).value, "layers": active}
        self.system.telemetry.emit(_events.SANDBOX_STARTED, {}, facts)
        return None

    def command(self) -> Command:
        """Return the zygote's command line; it inherits one socket and nothing else.

        Raises:
            ConfigError: a package that it imports is not installed.
            EngineError: it is one of the engine's.
        """
        fd = self._theirs.fileno()
        try:
            argv = zygote_command(fd, self._policy, self._config.language)
        except ConfigError:
            _engine_of(self._config)  # if it is one of these that is missing, this says what installs it
            raise
        return Command(argv=argv, env=zygote_environment(), pass_fds=(fd,))

    def on_spawned(self) -> None:
        """Find the engine while the zygote loads, then configure it and wait until it is up.

        Raises:
            ConfigError: a package of the policy is not installed, or a path of it is not there.
            EngineError: the engine cannot be used.
            WorkerLostError: it did not come up.
        """
        self._theirs.close()
        self._handle.pid = self.process.pid
        self._engine = _engine_of(self._config)
        try:
            config = zygote_config(self._policy, self._scratch, engine=self._engine)
            self._handle.handshake(config, self._timeout_s, with_worker=self._config.spares > 0)
        except WorkerLostError:
            self.process.wait(_LAST_WORDS_S)  # if it is ending, what it wrote to stderr tells more
            raise

    def handle_call(self, message: object, sender: Sender) -> Any:  # noqa: ANN401, ARG002 -- each message has its own reply
        """Hand out the handle, or the probe's report.

        Raises:
            Refuse: it is neither asked for.
        """
        match message:
            case GetHandle():
                return self._handle
            case GetReport():
                return ProbeReport(tuple(self._layers), self._handle.no_copies)
        raise Refuse(ConfigError("message", message, "GetHandle() or GetReport()"))

    def terminate(self, reason: ExitReason) -> None:
        """Close the socket, which ends the zygote and its workers; then make sure."""
        self._handle.close()
        super().terminate(reason)

    def _release(self) -> None:
        """Give back what outlives a process; runs at every end, a kill included."""
        self._handle.close()
        remove_folder(self._scratch)


def _engine_of(config: ExecutorConfig) -> EngineSetup | None:
    """Return the engine of an executor's language, None for Python.

    Raises:
        EngineError: it cannot be used.
    """
    if config.language is None:
        return None
    found = find_engine(config.language, config.engine)
    return setup_of(config.language, found, config.start_timeout_s)


def first_missing(required: frozenset[str], found: Sequence[LayerReport]) -> SandboxUnavailableError | None:
    """Return the error for the first required layer that was not found active; None if all were.

    Args:
        required: names of layers.
        found: what a probe saw. A layer that it says nothing about is not active.
    """
    by_name = {layer.name: layer for layer in found}
    for name in (name for name in LAYERS if name in required):
        layer = by_name.get(name)
        if layer is None:
            return SandboxUnavailableError(name, "the probe says nothing about it", "report this as a fault")
        if not layer.active:
            return SandboxUnavailableError(name, layer.detail, layer.fix)
    return None
