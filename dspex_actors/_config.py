"""How a runtime is set up. Frozen, checked once; nothing reads the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from dspex_actors._checks import check_seconds
from dspex_actors._errors import ConfigError, one_of
from dspex_actors._language import Language
from dspex_actors._limits import Limits
from dspex_actors._policy import Policy

MAX_SOCKET_PATH_BYTES = 107
"""Bytes of the longest path that a socket can have: Linux's `sun_path`, without its last byte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorConfig:
    """How one executor and its workers are set up.

    Attributes:
        policy: what guest code may do.
        limits: what one execution may use when the request does not say.
        spares: ready workers kept beside the busy ones, so that a request finds one waiting. The first worker
            of all starts alone.
        max_workers: worker processes at the same time, spares included.
        max_queue: requests that may wait for a worker before `when_full="error"` refuses more.
        start_timeout_s: seconds the zygote, and each worker, may take to be ready; also what the engine of
            another language may take to start.
        language: what its requests are written in; None for Python.
        engine: path of that language's engine; None to look for it.
        build_cache: folder in which programs that were compiled are kept, ours alone (mode 0700), made if it
            is not there; None keeps them in memory, as long as the executor lives. After the first program
            one more worker waits, beside `max_workers`, to compile the next one.

    Raises:
        ConfigError: a setting has the wrong type or is out of range, or the language cannot run under the
            policy.
    """

    policy: Policy = field(default_factory=Policy)
    limits: Limits = field(default_factory=Limits)
    spares: int = 2
    max_workers: int = field(default_factory=lambda: max(8, 2 * (os.cpu_count() or 1)))
    max_queue: int = 1000
    start_timeout_s: float = 10.0
    language: Language | None = None
    engine: str | None = None
    build_cache: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.policy, Policy):
            raise ConfigError("policy", self.policy, "a Policy")
        if not isinstance(self.limits, Limits):
            raise ConfigError("limits", self.limits, "a Limits object")
        if self.language is None:
            if self.limits.fuel is not None:
                allowed = "None for python, which does not count fuel"
                raise ConfigError("Limits.fuel", self.limits.fuel, allowed)
        elif isinstance(self.language, Language):
            self.language.check_policy(self.policy)
            self.language.check_limits(self.limits)
        else:
            raise ConfigError("language", self.language, "a Language, or None for Python")
        check_count("spares", self.spares, least=0)
        check_count("max_workers", self.max_workers, least=1)
        check_count("max_queue", self.max_queue, least=0)
        check_seconds("start_timeout_s", self.start_timeout_s)
        if not isinstance(self.build_cache, str | None):
            raise ConfigError("build_cache", self.build_cache, "the path of a folder, or None")


class CheckpointAt(Enum):
    """When a session makes a checkpoint by itself."""

    EVERY_CALL = "every_call"  # after each reply, before the next call
    IDLE = "idle"  # once nothing was asked of it for a moment
    NEVER = "never"  # only when it is told to


class OnError(Enum):
    """What a call that fails does to the state of its session."""

    KEEP = "keep"  # what it did before it failed stays, as in Python's own prompt
    ROLLBACK = "rollback"  # it is undone


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionConfig:
    """How one session is set up.

    Attributes:
        checkpoint: when it makes a checkpoint: `"every_call"`, `"idle"` or `"never"`.
        on_error: what a call that fails does to its state: `"keep"` or `"rollback"`.
        idle_timeout_s: seconds without a call after which it is closed; None for never.
        reseed: whether `random` and numpy's legacy generator start anew in a copy of the state, so that two
            branches do not draw the same numbers.
        history: how many earlier states `Session.rollback` can go back to; each costs a frozen process.

    Raises:
        ConfigError: a setting has the wrong type or is out of range.
    """

    checkpoint: CheckpointAt | str = CheckpointAt.EVERY_CALL
    on_error: OnError | str = OnError.KEEP
    idle_timeout_s: float | None = 1800.0
    reseed: bool = True
    history: int = 1

    def __post_init__(self) -> None:
        for name, kind in (("checkpoint", CheckpointAt), ("on_error", OnError)):
            value = getattr(self, name)
            try:
                object.__setattr__(self, name, kind(value))
            except ValueError:
                raise ConfigError(name, value, one_of(member.value for member in kind)) from None
        if self.idle_timeout_s is not None:
            check_seconds("idle_timeout_s", self.idle_timeout_s)
        if not isinstance(self.reseed, bool):
            raise ConfigError("reseed", self.reseed, "True or False")
        check_count("history", self.history, least=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeConfig:
    """How a runtime is set up.

    Attributes:
        executor: settings of the executors it starts; a request may name another policy.
        max_policies: how many different policies may be in use, each with a zygote and spares of its own.
        max_sessions: how many sessions may be open at the same time.
        stop_timeout_s: seconds a stop may take: first for the work under way, then for ending what is left.
        handle_signals: whether SIGTERM and SIGINT drain and close the runtime; off unless asked for.
        languages: languages beside those that come with this package; one of the same name wins.
        engines: names of languages to paths of their engines; one that is not named is looked for.
        hot_reload: whether `Runtime.modules` can be reloaded and rolled back.
        control: path of a socket by which `dspex-actors modules` reaches the runtime, for its own user and
            root; in a folder that nobody else can enter, which is made if it is not there. None for none.

    Raises:
        ConfigError: a setting has the wrong type or is out of range.
    """

    executor: ExecutorConfig = field(default_factory=ExecutorConfig)
    max_policies: int = 16
    max_sessions: int = 64
    stop_timeout_s: float = 10.0
    handle_signals: bool = False
    languages: tuple[Language, ...] = ()
    engines: Mapping[str, str] = field(default_factory=dict)
    hot_reload: bool = True
    control: str | Path | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.executor, ExecutorConfig):
            raise ConfigError("executor", self.executor, "an ExecutorConfig")
        if self.executor.language is not None:
            allowed = "None in a runtime, whose requests name their languages"
            raise ConfigError("executor.language", self.executor.language.name, allowed)
        check_count("max_policies", self.max_policies, least=1)
        check_count("max_sessions", self.max_sessions, least=1)
        check_seconds("stop_timeout_s", self.stop_timeout_s)
        for name in ("handle_signals", "hot_reload"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(name, getattr(self, name), "True or False")
        if not isinstance(self.languages, tuple) or not all(isinstance(x, Language) for x in self.languages):
            raise ConfigError("languages", self.languages, "a tuple of Language objects")
        good = isinstance(self.engines, Mapping) and all(
            part and isinstance(part, str) for item in self.engines.items() for part in item
        )
        if not good:
            allowed = "a mapping of languages to paths, both text that is not empty"
            raise ConfigError("engines", self.engines, allowed)
        if self.control is not None:
            object.__setattr__(self, "control", _socket_path(self.control))


def _socket_path(value: object) -> Path:
    """Return the path of a socket as an absolute one.

    Raises:
        ConfigError: it is no path, or one that no socket can have.
    """
    if not isinstance(value, (str, Path)) or not str(value) or "\0" in str(value):
        raise ConfigError("control", value, "a path, or None")
    path = Path(value).absolute()
    if len(os.fsencode(path)) > MAX_SOCKET_PATH_BYTES:
        raise ConfigError("control", str(path), f"a path of at most {MAX_SOCKET_PATH_BYTES} bytes")
    return path


def check_count(field_name: str, value: object, *, least: int) -> None:
    """Refuse what is not a whole number of at least `least`.

    Raises:
        ConfigError: it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(field_name, value, f"a whole number >= {least}")
