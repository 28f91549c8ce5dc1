"""A module: any object, with an id, a version, and what can be known and kept of it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar

from dspex_actors._errors import ConfigError
from dspex_actors.modules._compatibility import (
    Changes,
    changes_between,
    migrated,
    parse_version,
    versions_of,
)
from dspex_actors.modules._copying import deep_copy
from dspex_actors.modules._dumping import dump_state
from dspex_actors.modules._loading import load_state
from dspex_actors.modules._module_errors import DependencyMismatchError, StateMismatchError
from dspex_actors.modules._module_files import load_file, save_file
from dspex_actors.modules._module_state import ModuleState
from dspex_actors.modules._own import has_own_state
from dspex_actors.modules._parameters import discover_parameters, named_parameters, reset_copy
from dspex_actors.modules._sub_modules import MAX_DEPTH, named_sub_modules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from dspex_actors.modules._compatibility import Migrations
    from dspex_actors.serialization import Serializer

T = TypeVar("T")

DEFAULT_VERSION: Final = "1.0.0"


@dataclass(frozen=True, slots=True)
class Restored:
    """What a load did.

    Attributes:
        version: that dumped the state.
        migrated: whether it was older, and brought to this version.
        dependency_changes: packages whose versions are not those it was dumped beside: name, version then,
            version now; empty for one that was or is not there.
    """

    version: str
    migrated: bool
    dependency_changes: Changes


class EnhancedModule(Generic[T]):
    """An object with an id, a version and metadata, whose parameters and state are found, copied and kept.

    The object stays as it is and may be used as before; everything here is read from it when it is asked for.

    Args:
        wrapped: any object.
        module_id: its name; one is made up unless given.
        version: of its state, such as `"1.2.0"`; its class's `__version__` unless given, `"1.0.0"` without.
        metadata: plain data that goes with its state.
        module_type: name of its class in states, `module:qualified name` unless given.
        dependencies: names of installed packages whose versions are noted in its states.
        migrations: how states of older versions become states of this one. Without, the class's
            `code_change(old_version, state)` is called, if it has one.
        predicate: what to take for a parameter instead of what is marked as one.

    Raises:
        ConfigError: an argument is not of its form.
    """

    def __init__(
        self,
        wrapped: T,
        *,
        module_id: str | None = None,
        version: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        module_type: str | None = None,
        dependencies: Iterable[str] = (),
        migrations: Migrations | None = None,
        predicate: Callable[[Any], bool] | None = None,
    ) -> None:
        cls = type(wrapped)
        self.wrapped = wrapped
        self.module_id = _text("module_id", module_id or f"{cls.__name__.lower()}-{secrets.token_hex(6)}")
        self.module_type = _text("module_type", module_type or f"{cls.__module__}:{cls.__qualname__}")
        self.version = version if version is not None else getattr(cls, "__version__", DEFAULT_VERSION)
        parse_version("version", self.version)
        self.metadata: dict[str, Any] = dict(metadata or {})
        self.dependencies = tuple(dependencies)
        self._migrations = migrations
        self._predicate = predicate

    def __repr__(self) -> str:
        return f"EnhancedModule({self.module_id!r}, {self.module_type}, version {self.version})"

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters by name; see `discover_parameters`."""
        return discover_parameters(self.wrapped, predicate=self._predicate)

    @property
    def sub_modules(self) -> tuple[EnhancedModule[Any], ...]:
        """The objects that the wrapped one is made of, without those that they are made of, each as a module.

        The id of each is the id of this module and its name here.
        """
        found = named_sub_modules(self.wrapped, max_depth=1)
        return tuple(self._part(path, part) for path, part in found if path)

    def _part(self, path: str, part: Any) -> EnhancedModule[Any]:  # noqa: ANN401 -- any object
        if isinstance(part, EnhancedModule):
            return part
        return EnhancedModule(part, module_id=f"{self.module_id}/{path}", predicate=self._predicate)

    @property
    def state(self) -> Any:  # noqa: ANN401 -- a state
        """The state of the wrapped object; see `dump_state`.

        Raises:
            NotDumpableError: a part of it has no form in a state.
        """
        return dump_state(self.wrapped)

    def named_parameters(self, *, skip: Callable[[Any], bool] | None = None) -> list[tuple[str, Any]]:
        """Return the parameters with their names; see the function `named_parameters`."""
        return named_parameters(self.wrapped, predicate=self._predicate, skip=skip)

    def named_sub_modules(
        self,
        type_: type | tuple[type, ...] | None = None,
        *,
        skip: Callable[[Any], bool] | None = None,
        max_depth: int | None = MAX_DEPTH,
    ) -> Iterator[tuple[str, Any]]:
        """Yield the wrapped object and those it is made of; see the function `named_sub_modules`.

        Raises:
            ConfigError: `max_depth` is not a whole number from 0.
        """
        return named_sub_modules(self.wrapped, type_, skip=skip, max_depth=max_depth)

    def deep_copy(self, *, module_id: str | None = None) -> EnhancedModule[T]:
        """Return a module with a copy of the wrapped object and of the metadata, under an id of its own.

        Raises:
            CopyFailedError: see the function `deep_copy`.
        """
        return self._around(deep_copy(self.wrapped), module_id)

    def reset_copy(self, *, module_id: str | None = None) -> EnhancedModule[T]:
        """Return a copy whose parameters are reset; see the function `reset_copy`.

        Raises:
            CopyFailedError: see the function `reset_copy`.
        """
        return self._around(reset_copy(self.wrapped, predicate=self._predicate), module_id)

    def _around(self, wrapped: T, module_id: str | None) -> EnhancedModule[T]:
        return EnhancedModule(
            wrapped,
            module_id=module_id,
            version=self.version,
            metadata=deep_copy(self.metadata),
            module_type=self.module_type,
            dependencies=self.dependencies,
            migrations=self._migrations,
            predicate=self._predicate,
        )

    def dump_state(self) -> dict[str, Any]:
        """Return the state with the module's id, type, version, metadata and dependencies, as plain data.

        Raises:
            NotDumpableError: a part has no form in a state.
            CopyFailedError: the metadata cannot be copied.
        """
        return self._dumped().as_data()

    def _dumped(self) -> ModuleState:
        return ModuleState(
            module_id=self.module_id,
            module_type=self.module_type,
            version=self.version,
            metadata=deep_copy(self.metadata),
            dependencies=versions_of(self.dependencies),
            own=has_own_state(type(self.wrapped)),
            state=dump_state(self.wrapped),
        )

    def load_state(
        self,
        data: Any,  # noqa: ANN401 -- what `dump_state` returned
        *,
        dependencies: Literal["report", "refuse"] = "report",
        types: Iterable[type] | Literal["loaded"] = (),
        live: Mapping[str, Any] | None = None,
    ) -> Restored:
        """Give the wrapped object the state that `dump_state` returned, and this module its id and metadata.

        All of it or nothing. A state of the same version is loaded, one of an older version is migrated, one
        of a newer version is refused.

        Args:
            data: as `dump_state` returned it; it is not changed.
            dependencies: what to do if packages have other versions than the state was dumped beside: say so
                in what is returned, or refuse.
            types: as for the function `load_state`.
            live: as for the function `load_state`.

        Raises:
            MalformedStateError: it is no such state.
            IncompatibleVersionError: it is of a newer version, or of one from which no migration leads here.
            DependencyMismatchError: packages have other versions, and that is to be refused.
            StateMismatchError: it is the state of another type, or does not fit the object.
            StateRefusedError: the `load_state` of a part raised.
            ConfigError: `dependencies` or `types` is something else.
        """
        if dependencies not in ("report", "refuse"):
            raise ConfigError("dependencies", dependencies, "'report' or 'refuse'")
        saved = ModuleState.from_data(data)
        if saved.module_type != self.module_type:
            raise StateMismatchError("", f"it is that of a {saved.module_type}, not of a {self.module_type}")
        changes = changes_between(saved.dependencies, versions_of(saved.dependencies.keys() - {"python"}))
        if changes and dependencies == "refuse":
            raise DependencyMismatchError(changes)
        code_change = getattr(type(self.wrapped), "code_change", None)
        state = migrated(saved.state, saved.version, self.version, self._migrations, code_change)
        is_new = state is not saved.state
        if not is_new and saved.own != has_own_state(type(self.wrapped)):
            was = "with" if saved.own else "without"
            raise StateMismatchError("", f"it was dumped {was} a dump_state of the object's own")
        metadata = deep_copy(saved.metadata)
        load_state(self.wrapped, state, types=types, live=live)
        self.module_id, self.metadata = saved.module_id, metadata
        return Restored(saved.version, is_new, changes)

    def save(self, path: str | Path, *, serializer: Serializer | None = None) -> None:
        """Write the state to a file, which is the old one or the new one whenever the writer is killed.

        Args:
            path: where to; its folder exists.
            serializer: format, compression, keys and bounds; `Serializer()` unless given.

        Raises:
            NotDumpableError: a part has no form in a state.
            ValueEncodeError: a part has no form in the serializer's format.
            TooLargeError: the state exceeds the serializer's bounds.
            OSError: the file cannot be written. After any failure the old file is there.
        """
        save_file(path, self._dumped(), serializer)

    def load(
        self,
        path: str | Path,
        *,
        serializer: Serializer | None = None,
        dependencies: Literal["report", "refuse"] = "report",
        types: Iterable[type] | Literal["loaded"] = (),
        live: Mapping[str, Any] | None = None,
    ) -> Restored:
        """Load what `save` wrote; all of it or nothing, as `load_state`.

        What writers that were killed have left in the folder is removed.

        Args:
            path: the file.
            serializer: keys and bounds; a file says its own format and compression.
            dependencies: as for `load_state`.
            types: as for `load_state`.
            live: as for `load_state`.

        Raises:
            SerializationError: the file is damaged, too large, or not signed as the serializer demands.
            OSError: it cannot be read.
            LoadError: as `load_state`.
        """
        data = load_file(path, serializer)
        return self.load_state(data, dependencies=dependencies, types=types, live=live)


def _text(field: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ConfigError(field, value, "a text that is not empty")
    return value
