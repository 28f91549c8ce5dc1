"""The executors of one runtime: one for each language and policy in use, started when it is first needed."""

from __future__ import annotations

import dataclasses
import threading
from typing import TYPE_CHECKING, NamedTuple

from dspex_actors._errors import ConfigError, ExecutorUnavailableError, RuntimeClosedError
from dspex_actors._execution import PYTHON
from dspex_actors._limits import Limits
from dspex_actors._policy import Policy, Profile
from dspex_actors.executors import PythonExecutor
from dspex_actors.executors.languages import Languages
from dspex_actors.runtime._failures import start_failed
from dspex_actors.runtime._root import SANDBOXES
from dspex_actors.runtime._settings import check_apart
from supervisors import ActorExitedError, StartError

if TYPE_CHECKING:
    from collections.abc import Hashable

    from dspex_actors._config import ExecutorConfig, RuntimeConfig
    from dspex_actors._language import Language
    from dspex_actors.executors import ToolLoop
    from supervisors import Address, SupervisorAddress


class Wanted(NamedTuple):
    """Which executor a request is for.

    Attributes:
        language: the row of its language.
        policy: what its code may do.
    """

    language: Language
    policy: Policy

    @property
    def key(self) -> Hashable:
        """Equal for requests that one executor serves."""
        return self.language.name, self.policy.key


class Executors:
    """See the module. Any thread may use it.

    Args:
        config: of the runtime.
        root: the runtime's tree.
        tool_loop: runs async tools.

    Attributes:
        languages: those that the runtime knows.
        closing: whether no more executors are given out.
    """

    def __init__(self, config: RuntimeConfig, root: SupervisorAddress, tool_loop: ToolLoop) -> None:
        self._config = config
        self._root = root
        self._sandboxes = root.supervisor(SANDBOXES)
        self._tool_loop = tool_loop
        self._lock = threading.Lock()
        self._known: dict[Hashable, Address] = {}
        self._ids: dict[Hashable, str] = {}
        self.languages = Languages(config.languages)
        self.closing = False

    def wanted(self, language: str, policy: Policy | None) -> Wanted:
        """Return which executor serves a language under a policy.

        Args:
            language: its name.
            policy: None for the runtime's own if the language is Python, else for that of the language.

        Raises:
            UnknownLanguageError: there is no such language.
            ConfigError: the policy is none.
        """
        row = self.languages[language]
        if not isinstance(policy, Policy | None):
            raise ConfigError("policy", policy, "a Policy object or None")
        if policy is None:
            policy = self._config.executor.policy if language == PYTHON else row.policy
        return Wanted(row, policy)

    def limits_of(self, wanted: Wanted) -> Limits:
        """Return what an execution may use that names no limits of its own.

        Limits that the runtime was given hold for all languages, those of a language's row where it was given
        none.
        """
        own = self._config.executor.limits
        return wanted.language.limits if own == Limits() else own

    def close(self) -> bool:
        """Give out no more executors; True the first time."""
        with self._lock:
            first, self.closing = not self.closing, True
        return first

    def all(self) -> list[Address]:
        """Return the addresses of all that were started."""
        with self._lock:
            return list(self._known.values())

    def find(self, wanted: Wanted) -> Address | None:
        """Return the address of an executor, None if it was not started yet.

        Raises:
            RuntimeClosedError: the runtime is closed or closing.
        """
        if self.closing:
            raise RuntimeClosedError
        return self._known.get(wanted.key)

    def available(self, wanted: Wanted, wait_s: float) -> Address:
        """Return the address of an executor, which may be started for it, when it is there.

        Nothing has been sent to it, so waiting for its restart is safe.

        Raises:
            ExecutorUnavailableError: it is being restarted for longer than `wait_s` seconds, or the tree
                ended.
        """
        address = self.find(wanted) or self.start(wanted)
        if not address.alive:
            self._root.system.wait_published(
                lambda: address.alive or not self._root.alive or self._is_lost(wanted.key), wait_s
            )
            address = self.start(wanted)
        if not self._root.alive:
            raise ExecutorUnavailableError("its supervision tree has ended; create a new Runtime")
        if not address.alive:
            raise ExecutorUnavailableError("it is being restarted")
        return address

    def start(self, wanted: Wanted) -> Address:
        """Return the address of an executor; start it the first time.

        Raises:
            SandboxUnavailableError: the policy requires what cannot be had.
            ConfigError: the policy names what is not installed, shows the control socket, is none for the
                language, or is one too many.
            EngineError: the engine of the language cannot be used.
            ExecutorUnavailableError: it could not be started for another reason.
            RuntimeClosedError: the runtime is closed or closing.
        """
        key = wanted.key
        with self._lock:
            if self.closing:
                raise RuntimeClosedError
            if key in self._known and not self._is_lost(key):
                return self._known[key]
            most = self._config.max_policies
            if key not in self._known and len(self._known) >= most:
                raise ConfigError("policy", wanted.policy, f"one of at most {most} different ones")
            check_apart(self._config.control, wanted.policy)
            name = self._ids.get(key) or self._new_id(wanted)
            spec = PythonExecutor.child_spec(self._settings(wanted), id=name, tool_loop=self._tool_loop)
            try:
                self._known[key] = self._sandboxes.start_child(spec)
            except (StartError, ActorExitedError) as error:
                start_failed(error)
            self._ids[key] = name
            return self._known[key]

    def zygote(self, wanted: Wanted) -> Address:
        """Return the address of an executor's zygote; the executor was started."""
        return self._sandboxes.supervisor(self._ids[wanted.key]).child("zygote")

    def _new_id(self, wanted: Wanted) -> str:
        kind = Profile(wanted.policy.profile).value if wanted.language.is_python else wanted.language.name
        return f"{kind}-{len(self._ids) + 1}"

    def _settings(self, wanted: Wanted) -> ExecutorConfig:
        """Return the configuration of an executor.

        Raises:
            ConfigError: its language cannot run under its policy.
        """
        own = self._config.executor
        if wanted.language.name == PYTHON and wanted.language.is_python:
            return dataclasses.replace(own, policy=wanted.policy)
        return dataclasses.replace(
            own,
            policy=wanted.policy,
            language=wanted.language,
            engine=self._config.engines.get(wanted.language.name),
            limits=self.limits_of(wanted),
        )

    def _is_lost(self, key: Hashable) -> bool:
        """Whether an executor was lost in a restart of its supervisor, which forgets what it was given."""
        return self._sandboxes.alive and self._sandboxes.at(self._ids[key]) is None
