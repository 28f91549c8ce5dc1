"""What guest code may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from dspex_actors._errors import ConfigError, one_of
from dspex_actors._limits import MIB, MOST_BYTES
from dspex_actors._paths import patterns_of, read_paths_of, write_paths_of

if TYPE_CHECKING:
    from os import PathLike


class Profile(Enum):
    """Where a policy starts from.

    `STRICT` runs a restricted Python inside the sandbox, `PROCESS` the full language inside the sandbox,
    `SHELL` lets it start the system's programs and processes of its own there as well, `TRUSTED` runs your
    own code: in a worker process that can be killed, without the sandbox.
    """

    STRICT = "strict"
    PROCESS = "process"
    SHELL = "shell"
    TRUSTED = "trusted"


LAYERS = (
    "empty_environment",
    "closed_descriptors",
    "rlimits",
    "no_new_privs",
    "capabilities",
    "user_namespace",
    "pid_namespace",
    "network_namespace",
    "mount_namespace",
    "ipc_namespace",
    "uts_namespace",
    "landlock",
    "host_paths",
    "seccomp",
    "scratch",
    "scratch_quota",
    "process_limit",
    "cgroup",
    "network",
    "reliable_kill",
)
"""Names of the sandbox layers, in the order in which the report lists them."""

# Without these, untrusted code could reach the host's files or network, or outlive its kill.
ESSENTIAL_LAYERS = frozenset(
    {"empty_environment", "closed_descriptors", "landlock", "seccomp", "network", "reliable_kill"}
)
_OF_NETWORK = frozenset({"network", "network_namespace"})
_WITHOUT_SANDBOX = frozenset({"empty_environment", "closed_descriptors", "rlimits"})

NETWORK_NONE, NETWORK_HOST, NETWORK_LIST = "none", "host", "allow-list"
"""What a policy can give of the network: nothing, the host's own, or connections to what is on a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What guest code may do, starting from a profile.

    Attributes:
        profile: `"strict"`, `"process"` (the default), `"shell"` or `"trusted"`.
        packages: top-level packages of the host's environment that the guest may import beside the standard
            library.
        preload: modules imported before the first worker is forked, so that each guest finds them loaded.
        environment: the guest's whole environment; nothing is inherited from the host.
        allow_imports: profile `strict` only: what guests may import beside the profile's own list, each
            `"module"` or `"module:name"`, with shell wildcards.
        forbid_imports: profile `strict` only: what they may not import, in the same form; wins over all else.
            `"builtins:name"` takes a built-in function away.
        require: layers without which nothing is run, out of `possible_layers`; None means the essential
            ones, but none for `trusted`. An empty set accepts whatever is active.
        scratch_bytes: size of all files in a guest's scratch folder together, None for no limit.
        scratch_files: files and folders in it, None for no limit.
        read_paths: files and folders of the host that the guest may read, with all below them, under the
            same paths. They must exist when the sandbox is started.
        write_paths: folders of the host that the guest has a copy of: the folder's name in its scratch
            folder, to its path. What it changes there is written back when the execution has completed, and
            only then; see `WriteBack`.
        files: patterns of the files in the scratch folder that come back in `result.files`, like `"*.csv"`,
            `"plots/*.png"` or `"**"` for all.
        network: `"none"`; `"host"`, the host's network as it is; or what guests may connect to, each
            `"host:port"`, `"host"` for port 443 or `"host:*"`. The host is a name, `"*."` and a name for all
            below it, `"*"` for any, an address or a network such as `"10.1.0.0/16"`. A name that leads to an
            address that is not public is refused unless the list has the address, too. None is what the
            profile gives: `"host"` for `trusted`, `"none"` for the others. `strict` knows no other.
        key: a text that is equal for equal policies; names the policy's sandbox in the tree.

    `read_paths` and `write_paths` make the layer `host_paths` a required one, whatever `require` says, but
    for `trusted`. `strict`, which cannot open files, takes none of the three; `trusted`, which may read
    everything, takes no `read_paths`.

    Raises:
        ConfigError: an unknown profile or layer, a required layer that the policy has on no machine, names
            that are not strings, an import rule of another form, a limit of the scratch folder that is too
            small, paths that a guest cannot have, or a network that the profile cannot give.
    """

    profile: Profile | str = Profile.PROCESS
    packages: tuple[str, ...] = ("numpy",)
    preload: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    allow_imports: tuple[str, ...] = ()
    forbid_imports: tuple[str, ...] = ()
    require: frozenset[str] | None = None
    scratch_bytes: int | None = 64 * MIB
    scratch_files: int | None = 4096
    read_paths: tuple[str | PathLike[str], ...] = ()
    write_paths: Mapping[str, str | PathLike[str]] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    network: str | tuple[str, ...] | None = None
    key: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "profile", Profile(self.profile))
        except ValueError:
            raise ConfigError("Policy.profile", self.profile, one_of(p.value for p in Profile)) from None
        for name in ("packages", "preload", "allow_imports", "forbid_imports"):
            object.__setattr__(self, name, _names(name, getattr(self, name)))
        object.__setattr__(self, "environment", _environment(self.environment))
        for name in ("allow_imports", "forbid_imports"):
            _check_rules(name, getattr(self, name))
        if self.profile is not Profile.STRICT and (self.allow_imports or self.forbid_imports):
            # In the full language an import list is no protection: importlib walks around it.
            listed = (*self.allow_imports, *self.forbid_imports)
            raise ConfigError(
                "Policy.allow_imports and forbid_imports", listed, "empty unless the profile is 'strict'"
            )
        object.__setattr__(self, "network", _network(self.network, Profile(self.profile)))
        if self.require is not None:
            object.__setattr__(self, "require", frozenset(_names("require", self.require)))
            _check_required(self)
        _check_quota("scratch_bytes", self.scratch_bytes, MIB)
        _check_quota("scratch_files", self.scratch_files, 16)
        self._check_files()
        object.__setattr__(self, "key", self._key())

    def _check_files(self) -> None:
        """Check what is said about files, and keep it as texts.

        Raises:
            ConfigError: it is wrong, or the profile has no use for it.
        """
        object.__setattr__(self, "read_paths", read_paths_of(self.read_paths))
        object.__setattr__(self, "write_paths", write_paths_of(self.write_paths))
        object.__setattr__(self, "files", patterns_of(self.files))
        for name in ("read_paths", "write_paths", "files"):
            if self.profile is Profile.STRICT and getattr(self, name):
                raise ConfigError(
                    f"Policy.{name}",
                    getattr(self, name),
                    "empty for the profile 'strict', which opens no files",
                )
        if self.profile is Profile.TRUSTED and self.read_paths:
            raise ConfigError(
                "Policy.read_paths",
                self.read_paths,
                "empty for the profile 'trusted', which may read all that its host may",
            )

    @property
    def required_layers(self) -> frozenset[str]:
        """The layers without which nothing is run, the default resolved."""
        trusted = self.profile is Profile.TRUSTED
        default = frozenset() if trusted else ESSENTIAL_LAYERS & self.possible_layers
        named = self.require if self.require is not None else default
        lends = bool(self.read_paths or self.write_paths) and not trusted
        return named | {"host_paths"} if lends else named

    @property
    def network_access(self) -> str:
        """`"none"`, `"host"` or `"allow-list"`, the default resolved."""
        if self.network is None:
            return NETWORK_HOST if self.profile is Profile.TRUSTED else NETWORK_NONE
        return self.network if isinstance(self.network, str) else NETWORK_LIST

    @property
    def lists_loopback(self) -> bool:
        """Whether `network` is a list with an address of the host's loopback interface."""
        if self.network_access != NETWORK_LIST:
            return False
        from dspex_actors import _network as rules  # noqa: PLC0415 -- as in `_network` below

        return rules.lists_loopback(self.network or ())

    @property
    def possible_layers(self) -> frozenset[str]:
        """The layers that this policy has on a machine which lacks nothing.

        `Policy(require=Policy().possible_layers)` insists on all of them. Guests that start no processes have
        no use for a control group; `trusted` has no layer that takes rights away, and `network="host"` none
        that takes the network away.
        """
        if self.profile is Profile.TRUSTED:
            return _WITHOUT_SANDBOX
        useless = set() if self.profile is Profile.SHELL else {"cgroup"}
        return frozenset(LAYERS) - useless - (_OF_NETWORK if self.network_access == NETWORK_HOST else set())

    def _key(self) -> str:
        return repr(
            (
                Profile(self.profile).value,
                self.packages,
                self.preload,
                sorted(self.environment.items()),
                self.allow_imports,
                self.forbid_imports,
                sorted(self.required_layers),
                self.scratch_bytes,
                self.scratch_files,
                self.read_paths,
                sorted(self.write_paths.items()),
                self.files,
                self.network,
            )
        )


def _check_rules(field_name: str, rules: tuple[str, ...]) -> None:
    """Refuse an import rule without a module, or with an empty name.

    Raises:
        ConfigError: there is one.
    """
    wrong = [
        rule for rule in rules if not all(part.strip() for part in rule.split(":", 1)) or rule.count(":") > 1
    ]
    if wrong:
        raise ConfigError(f"Policy.{field_name}", wrong, "rules of the form 'module' or 'module:name'")


def _check_required(policy: Policy) -> None:
    """Refuse layers that do not exist, and those that the policy would not have on the best of machines.

    Raises:
        ConfigError: there is one.
    """
    required, possible = policy.required_layers, policy.possible_layers
    unknown = sorted(required - set(LAYERS))
    if unknown:
        raise ConfigError("Policy.require", unknown, one_of(LAYERS))
    impossible = sorted(required - possible)
    if impossible:
        having = one_of(layer for layer in LAYERS if layer in possible)
        opened = " with the network 'host'" if policy.network == NETWORK_HOST else ""
        name = Profile(policy.profile).value
        raise ConfigError("Policy.require", impossible, f"{having} in the profile {name!r}{opened}")


def _environment(value: object) -> dict[str, str]:
    """Return a copy of a mapping of environment variables.

    Raises:
        ConfigError: it is something else, or holds what no process could be given.
    """
    allowed = "a mapping of names without '=' to text, both without NUL and encodable as UTF-8"
    if not isinstance(value, Mapping):
        raise ConfigError("Policy.environment", value, allowed)
    for name, text in value.items():
        good = isinstance(name, str) and isinstance(text, str) and name and "=" not in name
        if not good or not _encodable(name + text):
            raise ConfigError("Policy.environment", {name: text}, allowed)
    return dict(value)


def _network(value: object, profile: Profile) -> str | tuple[str, ...] | None:
    """Return what a policy gives of the network, a list in its usual form.

    Raises:
        ConfigError: it is something else, or what the profile cannot give.
    """
    if value is not None and value not in (NETWORK_NONE, NETWORK_HOST):
        from dspex_actors import _network as rules  # noqa: PLC0415 -- brings in ipaddress, which few policies need

        value = rules.parse_rules(value)
    if profile is Profile.STRICT and value not in (None, NETWORK_NONE):
        raise ConfigError("Policy.network", value, "'none' in the profile 'strict', which has no sockets")
    if profile is Profile.TRUSTED and value not in (None, NETWORK_HOST):
        raise ConfigError(
            "Policy.network", value, "'host' in the profile 'trusted', which takes nothing away"
        )
    return value


def _check_quota(field_name: str, value: object, least: int) -> None:
    """Refuse what is neither None nor a whole number of at least `least`.

    Raises:
        ConfigError: it is something else.
    """
    whole = isinstance(value, int) and not isinstance(value, bool)
    if value is not None and not (whole and least <= value <= MOST_BYTES):  # type: ignore[operator]  # `whole`
        raise ConfigError(f"Policy.{field_name}", value, f"a whole number >= {least}, or None for no limit")


def _encodable(text: str) -> bool:
    """Whether the operating system can take this text."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def _names(field_name: str, value: object) -> tuple[str, ...]:
    """Return a sequence of non-empty names as a tuple.

    Raises:
        ConfigError: it is something else; a single string, too.
    """
    names = tuple(value) if isinstance(value, (tuple, list, set, frozenset)) else None
    if names is None or not all(isinstance(item, str) and item.strip(":") for item in names):
        raise ConfigError(f"Policy.{field_name}", value, "a sequence of names")
    return names
