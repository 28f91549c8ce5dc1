"""The code half of a reload: new code is run, and can be taken back until it is kept.

An importable module runs again in its own namespace, so its instances must not run meanwhile. A file module
gets a new Python module of its own, which disturbs nobody.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from dspex_actors.modules._catalog import LoadedCode
from dspex_actors.modules._exact_import import exact_imports
from dspex_actors.modules._namespaces import Namespaces, compiled, run_again
from dspex_actors.modules._objects import StepFailedError
from dspex_actors.modules._python_sources import LoadedSource, digest_of
from dspex_actors.modules._spec import Isolation
from dspex_actors.modules._version_table import ModuleVersion, automatic_version

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import CodeType, ModuleType

    from dspex_actors.modules._catalog import Entry
    from dspex_actors.modules._spec import ModuleSpec
    from dspex_actors.modules._tables import ModuleTables


class CodeChange(Protocol):
    """New code for one module, and for those that share its Python modules."""

    in_place: bool
    """Whether instances must not run while it is applied."""

    entries: list[Entry]
    """The modules that get new code."""

    def apply(self) -> dict[str, LoadedCode]:
        """Run the new code; return what each module has then, by id.

        Raises:
            StepFailedError: at `"execute"`; the code is half changed until `undo`.
        """

    def undo(self) -> None:
        """Put the code back as it was; quiet if nothing was applied."""

    def keep(self) -> None:
        """Note what is loaded now; never fails."""


class InPlace:
    """Python modules that run again.

    Args:
        tables: what is known of the modules.
        root: the package they are in.
        order: their names, in the order in which they run.
        data: the bytes that each module of the package has then.
        versions: of the modules whose label is given, by id; others get an automatic one.
        entries: the modules whose class stands in one of them.

    Raises:
        StepFailedError: at `"compile"`; nothing has changed.
    """

    in_place = True

    def __init__(
        self,
        tables: ModuleTables,
        root: str,
        *,
        order: tuple[str, ...],
        data: Mapping[str, bytes],
        versions: Mapping[str, ModuleVersion],
        entries: list[Entry],
    ) -> None:
        self.entries = entries
        self._tables = tables
        self._root = root
        self._data = dict(data)
        self._versions = versions
        self._before: Namespaces | None = None
        self._new: dict[str, LoadedSource] = {}
        self._runs: list[tuple[ModuleType, CodeType]] = []
        for name in order:
            module = sys.modules[name]
            try:
                self._runs.append((module, compiled(module, data[name])))
            except (SyntaxError, ValueError) as error:
                raise StepFailedError("compile", error, name) from error

    def apply(self) -> dict[str, LoadedCode]:
        """Run them in order."""
        self._before = Namespaces(self._root)
        with exact_imports(self._root, self._record):
            for module, code in self._runs:
                name = module.__name__
                before, after = self._tables.sources[name].data, self._data[name]
                try:
                    run_again(module, code, before=before, after=after)
                except BaseException as error:
                    raise StepFailedError("execute", error, name) from error
                self._record(name, after)
        return {entry.spec.module_id: self._loaded(entry) for entry in self.entries}

    def undo(self) -> None:
        """Put the namespaces back."""
        if self._before is not None:
            self._before.restore()

    def keep(self) -> None:
        """Note the sources that ran."""
        self._tables.sources.update(self._new)

    def _record(self, name: str, data: bytes) -> None:
        self._new[name] = LoadedSource.of(data)

    def _loaded(self, entry: Entry) -> LoadedCode:
        spec = entry.spec
        sources = below(spec.root, {name: known.data for name, known in self._tables.sources.items()})
        sources |= below(spec.root, self._data)
        version = self._versions.get(spec.module_id)
        if version is None:
            version = _automatic(entry, digest_of(sources))
        sources |= below(spec.root, {name: known.data for name, known in self._new.items()})
        make = attribute_of(sys.modules[spec.module_name], spec)
        return LoadedCode(version, make, MappingProxyType(sources), spec.module_name)


class NewFile:
    """The next version of a file module.

    Args:
        tables: where the private modules are.
        entry: of the module.
        spec: with the path of the new source.
        version: of the new source.
        data: its bytes.

    Raises:
        StepFailedError: at `"compile"`.
    """

    in_place = False

    def __init__(
        self, tables: ModuleTables, entry: Entry, spec: ModuleSpec, version: ModuleVersion, data: bytes
    ) -> None:
        self.entries = [entry]
        self._tables = tables
        self._spec = spec
        self._version = version
        self._data = data
        self._home = ""
        try:
            self._code: CodeType = compile(data, str(spec.source), "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            raise StepFailedError("compile", error, str(spec.source)) from error

    def apply(self) -> dict[str, LoadedCode]:
        """Run it in a new Python module."""
        code = load_file(self._tables, self._spec, self._version, self._data, self._code)
        self._home = code.home
        return {self._spec.module_id: code}

    def undo(self) -> None:
        """Forget that module."""
        self._tables.files.forget([self._home] if self._home else [])

    def keep(self) -> None:
        """Nothing to do: the code goes into the table of versions."""


class KeptFile:
    """A version of a file module that is still there."""

    in_place = False

    def __init__(self, entry: Entry, code: LoadedCode) -> None:
        self.entries = [entry]
        self._code = code

    def apply(self) -> dict[str, LoadedCode]:
        """Return it."""
        return {self.entries[0].spec.module_id: self._code}

    def undo(self) -> None:
        """Nothing to do."""

    def keep(self) -> None:
        """Nothing to do."""


def _automatic(entry: Entry, digest: str) -> ModuleVersion:
    """Return the version of a module that goes along: a kept one with this source, else a new one."""
    known = [each for each in entry.table.kept if each.digest == digest]
    return (
        known[0] if known else ModuleVersion(automatic_version(entry.table.current.version, digest), digest)
    )


def load_file(
    tables: ModuleTables, spec: ModuleSpec, version: ModuleVersion, data: bytes, code: CodeType
) -> LoadedCode:
    """Run a file module's code; that of a module for workers does not run in this process.

    Raises:
        StepFailedError: at `"execute"`.
    """
    name = tables.files.name_of(spec.module_id, version.version, version.digest)
    make: Any = None
    if spec.isolation is Isolation.HOST:
        try:
            module = tables.files.load(name, code, Path(str(spec.source)))
        except BaseException as error:
            raise StepFailedError("execute", error, str(spec.source)) from error
        try:
            make = attribute_of(module, spec)
        except StepFailedError:
            tables.files.forget([name])
            raise
    return LoadedCode(version, make, MappingProxyType({name: data}), name, Path(str(spec.source)))


def attribute_of(module: ModuleType, spec: ModuleSpec) -> Any:  # noqa: ANN401 -- a class, or another callable
    """Return what makes a module's objects.

    Raises:
        StepFailedError: at `"execute"`: there is none.
    """
    found: Any = module
    try:
        for name in spec.attribute.split("."):
            found = getattr(found, name)
    except AttributeError as error:
        raise StepFailedError("execute", error, module.__name__) from error
    if not callable(found):
        wrong = TypeError(f"{spec.attribute} is {found!r}, which cannot be called")
        raise StepFailedError("execute", wrong, module.__name__)
    return found


def below(root: str, sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the sources of a package's modules."""
    return {name: data for name, data in sources.items() if f"{name}.".startswith(f"{root}.")}
