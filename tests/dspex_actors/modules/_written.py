"""Python modules that a test writes, and that are gone after it."""

from __future__ import annotations

import itertools
import os
import sys
import textwrap
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SERIALS = itertools.count(1)
LONG_AGO = 1_000_000_000  # seconds; an mtime


class Written:
    """A package below a folder of its own, under a name that no other test has."""

    def __init__(self, folder: Path) -> None:
        self.name = f"written_{next(_SERIALS)}"
        self.folder = folder / self.name
        self.folder.mkdir()
        self.write("__init__", "")

    def write(self, module: str, text: str, *, mtime: int | None = None) -> Path:
        """Write one module; `PACKAGE` in the text stands for the package's name."""
        path = self.folder / f"{module}.py"
        path.write_text(textwrap.dedent(text).replace("PACKAGE", self.name), encoding="utf-8")
        if mtime is not None:
            os.utime(path, (mtime, mtime))
        return path

    def target(self, module: str, attribute: str) -> str:
        return f"{self.name}.{module}:{attribute}"

    def loaded(self) -> dict[str, dict[str, object]]:
        """Return a copy of the namespace of each module that is loaded."""
        return {
            name: dict(vars(module)) for name, module in sorted(sys.modules.items()) if self._is_own(name)
        }

    def forget(self) -> None:
        for name in [name for name in sys.modules if self._is_own(name)]:
            del sys.modules[name]

    def _is_own(self, name: str) -> bool:
        return f"{name}.".startswith(f"{self.name}.")


@contextmanager
def written(folder: Path):
    """Let a package be importable for as long as this lasts."""
    sys.path.insert(0, str(folder))
    package = Written(folder)
    try:
        yield package
    finally:
        sys.path.remove(str(folder))
        package.forget()
        sys.path_importer_cache.pop(str(folder), None)


def same_objects(before: dict[str, dict[str, object]], after: dict[str, dict[str, object]]) -> bool:
    """Say whether the same modules hold the very same objects under the same names."""

    def shown(spaces):
        return {name: {key: id(value) for key, value in space.items()} for name, space in spaces.items()}

    return shown(before) == shown(after)
