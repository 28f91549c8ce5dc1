"""The namespaces of loaded Python modules: run again in place, or put back exactly as they were."""

from __future__ import annotations

import linecache
import sys
from typing import TYPE_CHECKING, Final

from dspex_actors.modules._python_sources import loaded_below, path_of, text_of

if TYPE_CHECKING:
    from types import CodeType, ModuleType

# Made anew by each run, so that what was left from the last one is not changed in place.
_FRESH: Final = ("__annotations__", "__annotate__", "__conditional_annotations__")


class Namespaces:
    """What the modules of a package held at one time.

    Args:
        root: name of the package.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._before = {name: (module, dict(vars(module))) for name, module in loaded_below(root).items()}

    def restore(self) -> None:
        """Put everything back: first the old names, then away with the new ones.

        In this order there is no moment at which a name is missing. Modules that were loaded since are
        forgotten.
        """
        for name in loaded_below(self._root).keys() - self._before.keys():
            del sys.modules[name]
        for name, (module, before) in self._before.items():
            sys.modules[name] = module
            space = vars(module)
            space.update(before)
            for extra in space.keys() - before.keys():
                del space[extra]


def compiled(module: ModuleType, data: bytes) -> CodeType:
    """Compile a source for a loaded module.

    Raises:
        SyntaxError: it is none.
    """
    code: CodeType = compile(data, str(path_of(module)), "exec", dont_inherit=True)
    return code


def run_again(module: ModuleType, code: CodeType, *, before: bytes, after: bytes) -> None:
    """Run a module's new code in its namespace, as `importlib.reload` does, then drop what is gone.

    A name goes if a statement of the old source made it and none of the new one does; others that somebody
    put there stay.

    Args:
        module: which.
        code: what to run.
        before: the source of what it holds.
        after: the source of `code`.

    Raises:
        BaseException: what the code raised; the namespace is then half changed.
    """
    space = vars(module)
    for name in _FRESH:
        space.pop(name, None)
    space["__doc__"] = None
    held = dict(space)
    exec(code, space)  # noqa: S102 -- to run it is the purpose; trusted like every import
    is_package, path = hasattr(module, "__path__"), str(path_of(module))
    new = text_of(after, path, module.__name__, is_package=is_package)
    if not new.has_star:
        old = text_of(before, path, module.__name__, is_package=is_package)
        for name in old.bound - new.bound:
            if name in space and name in held and space[name] is held[name]:
                del space[name]
    linecache.checkcache(path)
