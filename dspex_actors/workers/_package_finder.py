"""How a zygote finds the packages that a policy names."""

from __future__ import annotations

import importlib.util
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec


class PackageFinder:
    """Finds the packages that a policy names, wherever they lie, and nothing else beside them."""

    def __init__(self, packages: dict[str, str]) -> None:
        self._packages = packages

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002 -- the import system's signature
        """Return the spec of a named top-level package, None for anything else."""
        file = self._packages.get(name)
        if file is None:
            return None
        is_package = os.path.basename(file).startswith("__init__.")  # noqa: PTH119 -- pathlib is not loaded here
        folder = [os.path.dirname(file)] if is_package else None  # noqa: PTH120 -- see above
        return importlib.util.spec_from_file_location(name, file, submodule_search_locations=folder)
