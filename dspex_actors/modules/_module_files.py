"""Modules in files: there as a whole or not at all, whenever the writer is killed."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dspex_actors.serialization import Serializer, sweep

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dspex_actors.modules._module_state import ModuleState


def save_file(path: str | Path, state: ModuleState, serializer: Serializer | None) -> None:
    """Write a module's state; a save that fails or is killed leaves the file that was there.

    Raises:
        ValueEncodeError: a part of it has no form in the serializer's format.
        TooLargeError: it exceeds the serializer's bounds.
        OSError: the file cannot be written.
    """
    _sweep(path)
    (serializer or Serializer()).save(
        path,
        state.as_data(),
        module_version=state.version,
        dependencies=_noted(state.dependencies),
        created_at=datetime.now(UTC),
    )


def load_file(path: str | Path, serializer: Serializer | None) -> Any:  # noqa: ANN401 -- plain data
    """Return what a file holds, after removing what writers that were killed have left beside it.

    Raises:
        SerializationError: it is damaged, too large, or not signed as the serializer demands.
        OSError: it cannot be read.
    """
    _sweep(path)
    return (serializer or Serializer()).load(path).value


def _sweep(path: str | Path) -> None:
    with suppress(OSError):  # a folder that cannot be written is still good to read from
        sweep(Path(path).parent)


def _noted(dependencies: Mapping[str, str]) -> dict[str, str]:
    """Return the versions for the header, which has room for 256."""
    return dict(sorted(dependencies.items())[:256])
