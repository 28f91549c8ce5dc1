"""What is registered: where a module's code is, what it is called, and how its instances live."""

from __future__ import annotations

import keyword
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from dspex_actors._config import CheckpointAt
from dspex_actors._errors import ConfigError, one_of
from dspex_actors._limits import Limits
from dspex_actors._policy import Policy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_ID_BYTES = 256


class WhenFailed(Enum):
    """What becomes of an instance whose method raised; the caller gets the exception in both cases."""

    RESTART = "restart"  # its object is thrown away and made anew from the last saved state
    KEEP = "keep"  # it goes on with what the method did before it failed


class Isolation(Enum):
    """Where an instance's object lives."""

    HOST = "host"  # in this process: code that is trusted
    WORKER = "worker"  # in a session of its own, in a sandbox


@dataclass(frozen=True, slots=True)
class ModuleSpec:
    """One registered module.

        ModuleSpec("summarizer", target="my_package.summarizer:Summarizer", version="1.0.0")
        ModuleSpec("ranker", target="Ranker", version="1.0.0", source="plugins/ranker.py", tags={"ranking"})

    Attributes:
        module_id: its name: text of 1 to 256 UTF-8 bytes, printable, without `* ? [ ]` and white space.
        target: `"package.module:Class"` of an importable module, or with `source` the class in that file.
            Any callable that returns an object will do in place of a class.
        version: as `packaging` reads it (PEP 440), for example `"1.0.0"`.
        source: path of the one file that a file module consists of, made absolute. Its versions live side by
            side.
        type: what kind of module it is, to `discover` by; by default the name of the class.
        tags: words to `discover` by.
        metadata: anything of yours, returned with the module.
        args: for the class, whenever an instance's object is made.
        kwargs: for the class.
        reload_root: of an importable module, the package whose changed modules are reloaded with it, and with
            those what imports them; by default the package it stands in, or the module itself at top level.
        checkpoint: when an instance saves its state: `"every_call"`, `"idle"` or `"never"`.
        when_failed: what a method that raises does to its instance: `"restart"` or `"keep"`.
        isolation: where objects live: `"host"`, or `"worker"` for code that is not trusted; the latter only
            with `source`, and in the modules of a `Runtime`.
        policy: what code in a worker may do; None for the runtime's own policy.
        limits: what one call in a worker may use; None for the runtime's own limits.

    Raises:
        ConfigError: a field is wrong.
    """

    module_id: str
    target: str
    version: str
    source: str | Path | None = field(default=None, kw_only=True)
    type: str = field(default="", kw_only=True)
    tags: frozenset[str] = field(default=frozenset(), kw_only=True)
    metadata: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    args: tuple[Any, ...] = field(default=(), kw_only=True)
    kwargs: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    reload_root: str | None = field(default=None, kw_only=True)
    checkpoint: CheckpointAt = field(default=CheckpointAt.EVERY_CALL, kw_only=True)
    when_failed: WhenFailed = field(default=WhenFailed.RESTART, kw_only=True)
    isolation: Isolation = field(default=Isolation.HOST, kw_only=True)
    policy: Policy | None = field(default=None, kw_only=True)
    limits: Limits | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        check_id("module_id", self.module_id)
        check_version("version", self.version)
        for name, kind in (
            ("checkpoint", CheckpointAt),
            ("when_failed", WhenFailed),
            ("isolation", Isolation),
        ):
            self._set(name, _member(name, getattr(self, name), kind))
        module, colon, attribute = (
            self.target.rpartition(":") if isinstance(self.target, str) else ("", "", "")
        )
        if self.source is None:
            if not colon or not _is_dotted(module) or not _is_dotted(attribute):
                raise ConfigError("target", self.target, "'package.module:Class'")
            if self.isolation is Isolation.WORKER:
                raise ConfigError("isolation", "worker", "'host' unless `source` names a file")
        else:
            if not isinstance(self.source, str | Path):
                raise ConfigError("source", self.source, "a path")
            if colon or not _is_dotted(attribute):
                raise ConfigError("target", self.target, "the name of a class in `source`")
            if self.reload_root is not None:
                raise ConfigError(
                    "reload_root", self.reload_root, "None for a file module, which is one file"
                )
            self._set("source", Path(self.source).absolute())
        self._check_root(module)
        self._check_worker()
        self._set("type", self.type or attribute.rpartition(".")[2])
        self._set("tags", _tags(self.tags))
        self._set("args", tuple(self.args))
        self._set("kwargs", MappingProxyType(dict(self.kwargs)))
        self._set("metadata", MappingProxyType(dict(self.metadata)))

    def __reduce__(self) -> tuple[Any, ...]:
        options = {name: getattr(self, name) for name in self.__dataclass_fields__}
        options |= {name: dict(options[name]) for name in ("kwargs", "metadata")}
        return _made, (options,)

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _check_root(self, module: str) -> None:
        root = self.reload_root
        if root is not None and (not isinstance(root, str) or not f"{module}.".startswith(f"{root}.")):
            raise ConfigError("reload_root", root, f"a package that {module!r} stands in, or itself")

    def _check_worker(self) -> None:
        for name, kind in (("policy", Policy), ("limits", Limits)):
            value = getattr(self, name)
            if value is not None and not isinstance(value, kind):
                raise ConfigError(name, value, f"a {kind.__name__}, or None")
            if value is not None and self.isolation is not Isolation.WORKER:
                raise ConfigError(name, value, "None unless isolation is 'worker'")

    @property
    def module_name(self) -> str:
        """The importable module its code is in; empty for a file module."""
        return self.target.rpartition(":")[0] if self.source is None else ""

    @property
    def attribute(self) -> str:
        """The class, as a dotted name in its module."""
        return self.target.rpartition(":")[2]

    @property
    def root(self) -> str:
        """The package that is reloaded as one; empty for a file module."""
        return self.reload_root or self.module_name.rpartition(".")[0] or self.module_name


def check_id(field_name: str, value: object) -> None:
    """Refuse what cannot be an id: of a module, or the name of an instance.

    Raises:
        ConfigError: it is none.
    """
    allowed = f"printable text of 1 to {MAX_ID_BYTES} UTF-8 bytes without white space and * ? [ ]"
    if (
        not isinstance(value, str)
        or not value.isprintable()
        or any(sign.isspace() or sign in "*?[]" for sign in value)
        or not 1 <= len(value.encode()) <= MAX_ID_BYTES
    ):
        raise ConfigError(field_name, value, allowed)


def check_version(field_name: str, value: object) -> None:
    """Refuse what is no version.

    Raises:
        ConfigError: `packaging` cannot read it.
    """
    from packaging.version import InvalidVersion, Version  # noqa: PLC0415 -- 10 ms that importing should not cost

    try:
        Version(value if isinstance(value, str) else "")
    except InvalidVersion:
        raise ConfigError(field_name, value, "a version as in PEP 440, for example '1.0.0'") from None


def _member(name: str, value: object, kind: type[Enum]) -> Enum:
    try:
        return kind(value)
    except ValueError:
        raise ConfigError(name, value, one_of(member.value for member in kind)) from None


def _tags(tags: Iterable[str]) -> frozenset[str]:
    found = frozenset() if isinstance(tags, str) else frozenset(tags)
    if isinstance(tags, str) or not all(isinstance(tag, str) and tag for tag in found):
        raise ConfigError("tags", tags, "a set of words")
    return found


def _is_dotted(name: str) -> bool:
    return all(part.isidentifier() and not keyword.iskeyword(part) for part in name.split("."))


def _made(options: Mapping[str, Any]) -> ModuleSpec:
    return ModuleSpec(**options)
