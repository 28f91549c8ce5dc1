"""A language that guests may write: which engine runs it, where that is found, and what it gives.

The rows that come with this package are in `dspex_actors.executors.languages`; `RuntimeConfig.languages`
takes further ones. [How to add a language](../docs/how-to/add-a-language.md) has an example.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from dspex_actors._errors import ConfigError, one_of
from dspex_actors._limits import Limits
from dspex_actors._policy import Policy, Profile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


TAKEN = frozenset({"module", "export", "args", "stdin"})
"""What requests in some languages have, and in others have not."""


class SessionKind(Enum):
    """What a session in a language keeps."""

    ROLLED_BACK = "rolled_back"  # its state survives a call that is killed
    RESET = "reset"  # its state lives from call to call; a call that is killed takes it along
    KEPT = "kept"  # a call that runs out of time is stopped, and what it has done stays
    NONE = "none"  # there are no sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundEngine:
    """An engine on this machine.

    Attributes:
        path: the program, or the package's folder.
        version: as it says itself.
        origin: how it was found: `"given"`, `"package"` or `"PATH"`.
        read_paths: files and folders that guests must be able to read so that it runs.
        options: what its worker's side is told besides.
        links: links that guests find, each with what it leads to; for programs that look for themselves in
            /proc, which guests do not have.
    """

    path: str
    version: str
    origin: str = "PATH"
    read_paths: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """One row of the table of languages.

    Attributes:
        name: what requests call it.
        maker: `"module:function"` of what runs it in a worker: called there with an `EngineConfig`, it
            returns an `Engine`; see `dspex_actors.workers.engines`. Empty for Python, which needs none.
        find: looks for the engine on this machine. It gets the path that the user has given, None without
            one, and raises `EngineNotFoundError`, `EngineVersionError` or `EngineStartError`.
        install: the command that installs the engine, for messages.
        minimum: lowest version of the engine that will do.
        profiles: profiles of a policy under which it can run.
        policy: what its guests may do where a request names no policy.
        limits: what an execution may use where neither the request nor the runtime's configuration says.
        sessions: what its sessions keep.
        counts_fuel: whether `Limits.fuel` means something.
        modules: top-level packages beside this one that the maker and its engine import in the worker.
        takes: which of `"module"` (code as bytes), `"export"`, `"args"` and `"stdin"` its requests may have.
        build_limits: what compiling one program may use, in a worker of its own that runs nothing else; None
            for an engine that takes source text as it is. See `EngineWorker` for what it is asked.
        declare: says what a program must know of its variables when it is compiled; programs that differ in
            that are compiled apart.
        grace_s: seconds beyond the time of a call in a session after which its worker is killed, for an
            engine that stops the call by itself.
        has_library: whether there is something of the engine's that is compiled once for all programs.
        connects: whether its guests can reach what a policy lists as its network, by a proxy that their
            environment names: so it is for programs that have sockets. It takes the profile `shell`.

    Raises:
        ConfigError: the name is no word, the maker has another form, the policy's profile is not among the
            profiles, or what it takes is none of the above.
    """

    name: str
    maker: str
    find: Callable[[str | None], FoundEngine]
    install: str
    minimum: str = ""
    profiles: tuple[Profile, ...] = (Profile.SHELL, Profile.TRUSTED)
    policy: Policy = field(default_factory=lambda: Policy(profile=Profile.SHELL, packages=()))
    limits: Limits = field(default_factory=Limits)
    sessions: SessionKind = SessionKind.RESET
    counts_fuel: bool = False
    modules: tuple[str, ...] = ()
    takes: frozenset[str] = frozenset()
    build_limits: Limits | None = None
    declare: Callable[[Mapping[str, Any]], str] | None = None
    grace_s: float = 0.0
    has_library: bool = False
    connects: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.isidentifier():
            raise ConfigError("Language.name", self.name, "a word of letters and digits")
        module, _, function = self.maker.partition(":") if isinstance(self.maker, str) else ("", "", "")
        if self.maker != "" and not (module and function.isidentifier()):
            raise ConfigError("Language.maker", self.maker, "'module:function'")
        if not callable(self.find):
            raise ConfigError("Language.find", self.find, "a function that returns a FoundEngine")
        if not isinstance(self.profiles, tuple) or not all(isinstance(x, Profile) for x in self.profiles):
            raise ConfigError("Language.profiles", self.profiles, "a tuple of Profile members")
        if self.policy.profile not in self.profiles:
            named = one_of(profile.value for profile in self.profiles)
            raise ConfigError(
                "Language.policy", Profile(self.policy.profile).value, f"of the profile {named}"
            )
        if not self.takes <= TAKEN:
            raise ConfigError("Language.takes", sorted(self.takes), f"some of {sorted(TAKEN)}")

    @property
    def is_python(self) -> bool:
        """Whether the worker itself runs it."""
        return not self.maker

    def check_policy(self, policy: Policy) -> None:
        """Refuse a policy under which the engine cannot run.

        Raises:
            ConfigError: its profile is not one of the language's, or it lists hosts, to which guests of the
                language have no connections.
        """
        if policy.profile not in self.profiles:
            named = one_of(profile.value for profile in self.profiles)
            raise ConfigError(
                "Policy.profile", Profile(policy.profile).value, f"{named} for the language {self.name}"
            )
        if self.is_python or isinstance(policy.network, str | None):
            return
        if not self.connects:
            allowed = f"'none' for the language {self.name}, whose programs have no sockets for any network"
            raise ConfigError("Policy.network", policy.network, allowed)
        if policy.profile is not Profile.SHELL:
            allowed = f"'none' or 'host' for the language {self.name} outside of the profile 'shell'"
            raise ConfigError("Policy.network", policy.network, allowed)

    def check_session(self, limits: Limits) -> None:
        """Refuse a session where there is none, or limits that it cannot have.

        Raises:
            ConfigError: so it is.
        """
        if self.sessions is SessionKind.NONE:
            raise ConfigError("language", self.name, "a language that has sessions")
        self.check_limits(limits)

    def check_limits(self, limits: Limits) -> None:
        """Refuse fuel where nobody counts it.

        Raises:
            ConfigError: the limits have some.
        """
        if limits.fuel is not None and not self.counts_fuel:
            raise ConfigError("Limits.fuel", limits.fuel, f"None for {self.name}, which does not count fuel")

    def check_given(self, given: Mapping[str, object]) -> None:
        """Refuse what a request has and the language has no use for.

        Args:
            given: which of `TAKEN` it has, each with what it is.

        Raises:
            ConfigError: there is one.
        """
        for name in sorted(given.keys() - self.takes):
            if name == "module":
                raise ConfigError("code", given[name], f"text (str) for {self.name}")
            allowed = f"left out for {self.name}, whose code has no use for it"
            raise ConfigError(name, given[name], allowed)
