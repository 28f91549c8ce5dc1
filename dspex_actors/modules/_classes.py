"""Names of classes in states, and from a name back to the class, without importing anything.

A name is `module:qualified name`; a class of the same module as the root's has its module left out, so that a
state fits the next version of a module that is loaded under another name. A name is looked up among: the
classes of the objects that are loaded into, the classes that the caller gives, and the classes that are
defined in loaded modules of the root's own top-level package.
"""

from __future__ import annotations

import pathlib
import sys
from collections import Counter, OrderedDict, UserDict, UserList, defaultdict, deque
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final

from dspex_actors.modules._parameters import Parameter
from dspex_actors.modules._structure import IMMUTABLE, Shapes, walk

if TYPE_CHECKING:
    from collections.abc import Iterable

ALWAYS: Final = {
    f"{cls.__module__}:{cls.__qualname__}": cls
    for cls in (Counter, OrderedDict, UserDict, UserList, defaultdict, deque, Parameter, SimpleNamespace)
} | {
    f"pathlib:{cls.__qualname__}": cls
    for cls in (
        *(pathlib.Path, pathlib.PosixPath, pathlib.WindowsPath),
        *(pathlib.PurePath, pathlib.PurePosixPath, pathlib.PureWindowsPath),
    )
}
"""Classes that every state may name."""


def class_name(cls: type, home: str | None) -> str:
    """Return the name of a class in a state whose root's class is of the module `home`."""
    module = cls.__module__
    return f":{cls.__qualname__}" if module == home else f"{module}:{cls.__qualname__}"


class Classes:
    """Finds the classes that a state names.

    Args:
        root: the object that is loaded into.
        home: module of its class, None if it is a container.
        given: classes that the caller allows.
        all_loaded: allow every class that is defined in a loaded module.
    """

    def __init__(self, root: object, home: str | None, given: Iterable[type], *, all_loaded: bool) -> None:
        self._root = root
        self._home = home
        self._all_loaded = all_loaded
        self._known: dict[str, type] = {}
        self._given = {class_name(cls, home): cls for cls in given}
        self._met: dict[str, type] | None = None

    def find(self, name: str) -> type | None:
        """Return the class of this name, None if there is none that is allowed."""
        found = self._known.get(name)
        if found is None:
            found = ALWAYS.get(name) or self._given.get(name) or self._of_the_root(name) or self._loaded(name)
            if found is not None:
                self._known[name] = found
        return found

    def _of_the_root(self, name: str) -> type | None:
        if self._met is None:
            shapes = Shapes()
            for _ in walk(self._root, shapes):
                pass
            self._met = {class_name(cls, self._home): cls for cls in shapes if cls not in IMMUTABLE}
        return self._met.get(name)

    def _loaded(self, name: str) -> type | None:
        module, _, qualified = name.partition(":")
        module = module or self._home or ""
        own = self._home is not None and module.partition(".")[0] == self._home.partition(".")[0]
        if not (own or self._all_loaded):
            return None
        at: object = sys.modules.get(module)
        for part in qualified.split("."):
            at = None if at is None else at.__dict__.get(part)
        is_defined_there = isinstance(at, type) and (at.__module__, at.__qualname__) == (module, qualified)
        return at if is_defined_there and isinstance(at, type) else None
