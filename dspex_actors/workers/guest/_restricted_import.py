"""The guarded `import`: guest code gets views of modules, never modules.

A view holds only names the rules allow, and neither modules nor metaclasses. So every route from one module
to another (`random._os`, `json.decoder.scanner`, `from numpy.ctypeslib import ctypes`) ends at the view.
"""

from __future__ import annotations

import functools
import importlib
import sys
import types
from typing import TYPE_CHECKING, Any, NoReturn

from dspex_actors.workers.guest._restricted_types import ModuleView, is_metaclass, stand_in_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dspex_actors.workers.guest._import_rules import ImportRules


class Importer:
    """Imports for one namespace.

    Args:
        rules: what may be imported.
        replacements: by `(module, name)`, what the guest gets in place of a name's own value.
    """

    def __init__(self, rules: ImportRules, replacements: Mapping[tuple[str, str], Any]) -> None:
        self._rules = rules
        self._replacements = replacements
        self._views: dict[str, tuple[ModuleView, dict[str, Any]]] = {}

    def __reduce__(self) -> NoReturn:
        """Refuse to be copied with a method that guest code holds."""
        message = "cannot copy the importer"
        raise TypeError(message)

    def import_module(
        self,
        name: str,
        globals: object = None,  # noqa: A002, ARG002 -- the signature of __import__
        locals: object = None,  # noqa: A002, ARG002 -- the signature of __import__
        fromlist: object = (),
        level: int = 0,
    ) -> ModuleView | None:
        """Answer an import statement (`__import__`).

        Closes: modules and names that are not on the list, and the interpreter's fallback that finds a
        submodule among all loaded modules: each name after `from m import` is checked here.

        Raises:
            ImportError: the rules refuse the module or a name of it, or it does not exist.
        """
        if level:
            message = "relative imports are not available"
            raise ImportError(message)
        if type(fromlist) is list:
            _import_for_the_interpreter(name)
            return None
        self._refuse_module(name)
        view = self._walk(name)
        if not fromlist:
            return self._view(name.partition(".")[0])[0]
        for each in fromlist if type(fromlist) is tuple else ():
            self._refuse_name(name, each)
        return view

    def _refuse_module(self, module: str) -> None:
        refusal = self._rules.module_refusal(module)
        if refusal is not None:
            message = f"{refusal}, in the strict profile"
            raise ImportError(message, name=module)

    def _refuse_name(self, module: str, name: str) -> None:
        if name in self._view(module)[1]:
            return
        submodule = f"{module}.{name}"
        if self._rules.allows_module(submodule):
            self._walk(submodule)
            return
        refusal = self._rules.name_refusal(module, name) or "there is no such name, or none that is available"
        message = f"cannot import name {name!r} from {module!r}: {refusal}"
        raise ImportError(message, name=module)

    def _walk(self, name: str) -> ModuleView:
        """Return the view of `a.b.c`, entered in that of `a.b`, entered in that of `a`."""
        importlib.import_module(name)
        package, _, last = name.rpartition(".")
        view = self._view(name)[0]
        if package:
            self._walk(package)
            self._view(package)[1][last] = view
        return view

    def _view(self, module: str) -> tuple[ModuleView, dict[str, Any]]:
        found = self._views.get(module)
        if found is None:
            members: dict[str, Any] = {}
            view = ModuleView(module, members, functools.partial(self._find_submodule, module))
            found = self._views[module] = (view, members)
            members.update(self._members(module, sys.modules[module]))
        return found

    def _members(self, module: str, real: types.ModuleType) -> dict[str, Any]:
        """Return the allowed names of a module: values and stand-ins, but no submodules."""
        listed = getattr(real, "__all__", None)
        public = (
            set(listed) if listed is not None else {each for each in dir(real) if not each.startswith("_")}
        )
        # An entry may name what __all__ leaves out; only a whole module is limited to its __all__.
        candidates = public | {each for each in dir(real) if self._rules.names_exactly(module, each)}
        members: dict[str, Any] = {}
        for name in sorted(candidates):
            if not self._rules.allows_name(module, name):
                continue
            if (module, name) in self._replacements:
                members[name] = self._replacements[module, name]
                continue
            value = getattr(real, name, None)
            if isinstance(value, types.ModuleType) or is_metaclass(value):
                continue
            members[name] = stand_in_for(value) if isinstance(value, type) else value
        return members

    def _find_submodule(self, package: str, name: str) -> ModuleView | None:
        """Return the view of an allowed submodule that its package has as an attribute, loaded or not."""
        submodule = f"{package}.{name}"
        if name in dir(sys.modules[package]) and self._rules.allows_module(submodule):
            return self._walk(submodule)
        return None


def _import_for_the_interpreter(name: object) -> None:
    """Serve an import that C code makes in the guest's name, such as `_strptime` for `datetime.strptime`.

    The interpreter takes the module from `sys.modules` itself and drops the answer, so nothing is handed out:
    guest code that forged such a call would get None. Only modules of the standard library and of packages
    that are loaded already are run.
    """
    if type(name) is not str:
        message = "module name must be a string"
        raise TypeError(message)
    root = name.partition(".")[0]
    if root in sys.stdlib_module_names or root in sys.modules:
        importlib.import_module(name)
        return
    message = f"No module named {name!r}"
    raise ModuleNotFoundError(message, name=name)
