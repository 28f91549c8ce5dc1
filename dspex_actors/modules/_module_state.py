"""A module's state with what is known about it: whose it is, its version, what it was dumped beside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dspex_actors.modules._module_errors import MalformedStateError

if TYPE_CHECKING:
    from collections.abc import Mapping

LAYOUT: Final = 1
_MARK: Final = "dspex_module"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleState:
    """What a module dumps.

    Attributes:
        module_id: of the module.
        module_type: name of the class of what it wraps.
        version: of the module.
        metadata: what its owner noted.
        dependencies: versions of packages by name, and of Python.
        own: whether the wrapped object's own `dump_state` said the state.
        state: of the wrapped object, see `dump_state`.
    """

    module_id: str
    module_type: str
    version: str
    metadata: dict[str, Any]
    dependencies: Mapping[str, str]
    own: bool
    state: Any

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            _MARK: LAYOUT,
            "module_id": self.module_id,
            "module_type": self.module_type,
            "version": self.version,
            "metadata": self.metadata,
            "dependencies": dict(self.dependencies),
            "own": self.own,
            "state": self.state,
        }

    @classmethod
    def from_data(cls, data: Any) -> ModuleState:  # noqa: ANN401 -- anything
        """Return what `as_data` made plain.

        Raises:
            MalformedStateError: it is something else.
        """
        if type(data) is not dict or _MARK not in data:
            raise MalformedStateError(f"it is a {type(data).__name__} without the mark {_MARK!r}")
        layout = data[_MARK]
        if type(layout) is not int or not 1 <= layout <= LAYOUT:
            raise MalformedStateError(f"its layout is {layout!r:.20}, and this version reads 1 to {LAYOUT}")
        kinds: dict[str, type] = {"module_id": str, "module_type": str, "version": str}
        kinds |= {"metadata": dict, "dependencies": dict, "own": bool, "state": object}
        for name, kind in kinds.items():
            if name not in data or (kind is not object and type(data[name]) is not kind):
                raise MalformedStateError(f"its {name} is missing or no {kind.__name__}")
        if not all(type(text) is str for pair in data["dependencies"].items() for text in pair):
            raise MalformedStateError("its dependencies are not texts")
        return cls(**{name: data[name] for name in kinds})
