"""File modules: each version is a Python module of its own, under a private name, so all live at once."""

from __future__ import annotations

import re
import sys
from hashlib import sha256
from importlib.machinery import ModuleSpec as PythonSpec
from itertools import count
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

ROOT: Final = "_dspex_modules"
_SERIALS = count(1)  # of the sets of modules in this process, which must not meet in `sys.modules`


class FileModules:
    """The private names of one set of modules.

    The first set of a process always has the same names, so that what was pickled in one process is found in
    the next, once its version is loaded.
    """

    def __init__(self) -> None:
        self._package = f"{ROOT}.set{next(_SERIALS)}"

    def name_of(self, module_id: str, version: str, digest: str) -> str:
        """Return the name that one version of a module has as a Python module."""
        readable = re.sub(r"\W", "_", module_id)
        own = sha256(module_id.encode()).hexdigest()[:8]
        label = re.sub(r"\W", "_", version)
        return f"{self._package}.{readable}_{own}.v{label}_{digest[:8]}"

    def load(self, name: str, code: CodeType, path: Path) -> ModuleType:
        """Run a version's code in a new module.

        Raises:
            BaseException: what the code raised; the module is forgotten then.
        """
        self._make_parents(name)
        module = ModuleType(name)
        module.__file__ = str(path)
        module.__spec__ = PythonSpec(name, None, origin=str(path))
        module.__package__ = name.rpartition(".")[0]
        sys.modules[name] = module
        try:
            exec(code, vars(module))  # noqa: S102 -- to run it is the purpose; trusted like every import
        except BaseException:
            self.forget([name])
            raise
        return module

    def forget(self, names: Iterable[str]) -> None:
        """Take versions out of `sys.modules`; whoever still has their objects keeps them."""
        for name in names:
            sys.modules.pop(name, None)
            parent, _, own = name.rpartition(".")
            vars(sys.modules.get(parent, ModuleType(parent))).pop(own, None)

    def close(self) -> None:
        """Forget all of this set."""
        self.forget(name for name in list(sys.modules) if f"{name}.".startswith(f"{self._package}."))

    def _make_parents(self, name: str) -> None:
        parts = name.split(".")
        for length in range(1, len(parts)):
            parent = ".".join(parts[:length])
            if parent not in sys.modules:
                package = ModuleType(parent)
                package.__path__ = []
                sys.modules[parent] = package
