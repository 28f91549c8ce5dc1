"""What guest code may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from dspex_actors._errors import ConfigError, one_of
from dspex_actors._limits import MIB, MOST_BYTES


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
    "seccomp",
    "scratch",
    "scratch_quota",
    "process_limit",
    "cgroup",
    "reliable_kill",
)
"""Names of the sandbox layers, in the order in which the report lists them."""

# Without these, untrusted code could reach the host's files or outlive its kill.
ESSENTIAL_LAYERS = frozenset(
    {"empty_environment", "closed_descriptors", "landlock", "seccomp", "reliable_kill"}
)
_WITHOUT_SANDBOX = frozenset({"empty_environment", "closed_descriptors", "rlimits"})


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
        require: layers without which nothing is run, out of `possible_layers`; None means the essential
            ones, but none for `trusted`. An empty set accepts whatever is active.
        scratch_bytes: size of all files in a guest's scratch folder together, None for no limit.
        scratch_files: files and folders in it, None for no limit.

    Raises:
        ConfigError: an unknown profile or layer, a required layer that the profile has on no machine, names
            that are not strings, or a limit of the scratch folder that is too small.
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

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "profile", Profile(self.profile))
        except ValueError:
            raise ConfigError("Policy.profile", self.profile, one_of(p.value for p in Profile)) from None
        for name in ("packages", "preload", "allow_imports", "forbid_imports"):
            object.__setattr__(self, name, _names(name, getattr(self, name)))
        object.__setattr__(self, "environment", _environment(self.environment))
        if self.profile is not Profile.STRICT and (self.allow_imports or self.forbid_imports):
            # In the full language an import list is no protection: importlib walks around it.
            listed = (*self.allow_imports, *self.forbid_imports)
            raise ConfigError(
                "Policy.allow_imports and forbid_imports", listed, "empty unless the profile is 'strict'"
            )
        if self.require is not None:
            object.__setattr__(self, "require", frozenset(_names("require", self.require)))
            _check_required(self.require, self.possible_layers, Profile(self.profile))
        _check_quota("scratch_bytes", self.scratch_bytes, MIB)
        _check_quota("scratch_files", self.scratch_files, 16)

    @property
    def required_layers(self) -> frozenset[str]:
        """The layers without which nothing is run, the default resolved."""
        if self.require is not None:
            return self.require
        return frozenset() if self.profile is Profile.TRUSTED else ESSENTIAL_LAYERS

    @property
    def possible_layers(self) -> frozenset[str]:
        """The layers that this policy has on a machine which lacks nothing.

        `Policy(require=Policy().possible_layers)` insists on all of them. Guests that start no processes have
        no use for a control group; `trusted` has no layer that takes rights away.
        """
        match Profile(self.profile):
            case Profile.SHELL:
                return frozenset(LAYERS)
            case Profile.TRUSTED:
                return _WITHOUT_SANDBOX
        return frozenset(LAYERS) - {"cgroup"}

    @property
    def key(self) -> str:
        """A text that is equal for equal policies; names the policy's sandbox in the tree."""
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
            )
        )


def _check_required(required: frozenset[str], possible: frozenset[str], profile: Profile) -> None:
    """Refuse layers that do not exist, and those that the profile would not have on the best of machines.

    Raises:
        ConfigError: there is one.
    """
    unknown = sorted(required - set(LAYERS))
    if unknown:
        raise ConfigError("Policy.require", unknown, one_of(LAYERS))
    impossible = sorted(required - possible)
    if impossible:
        having = one_of(layer for layer in LAYERS if layer in possible)
        raise ConfigError("Policy.require", impossible, f"{having} in the profile {profile.value!r}")


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
