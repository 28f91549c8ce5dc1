"""The first loading of a module's code, when it is registered."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from dspex_actors.modules._catalog import Entry, LoadedCode
from dspex_actors.modules._code_changes import attribute_of, below, load_file
from dspex_actors.modules._exact_import import exact_imports
from dspex_actors.modules._objects import StepFailedError
from dspex_actors.modules._python_sources import LoadedSource, digest_of, record_loaded
from dspex_actors.modules._reload_errors import ModuleLoadError, described
from dspex_actors.modules._version_table import ModuleVersion, VersionTable

if TYPE_CHECKING:
    from dspex_actors.modules._spec import ModuleSpec
    from dspex_actors.modules._tables import ModuleTables


def load_first(tables: ModuleTables, spec: ModuleSpec) -> Entry:
    """Load the code of a module that is to be registered.

    An importable module that is loaded already stays as it is.

    Raises:
        ModuleLoadError: it cannot be loaded, or has no such class.
    """
    try:
        code = _imported(tables, spec) if spec.module_name else _read(tables, spec)
    except StepFailedError as error:
        raise ModuleLoadError(spec.module_id, described(error.error)) from error.error
    except BaseException as error:  # the module's own code, in the registry's thread
        raise ModuleLoadError(spec.module_id, described(error)) from error
    table = VersionTable(spec.module_id, (code.version,))
    return Entry(spec, table, MappingProxyType({spec.version: code}))


def _imported(tables: ModuleTables, spec: ModuleSpec) -> LoadedCode:
    with tables.loading:
        loaded: dict[str, LoadedSource] = {}
        if spec.module_name not in sys.modules:
            with exact_imports(spec.root, lambda name, data: loaded.update({name: LoadedSource.of(data)})):
                importlib.import_module(spec.module_name)
        tables.sources.update(loaded)
        tables.sources.update(record_loaded(spec.root, tables.sources))
        sources = below(spec.root, {name: known.data for name, known in tables.sources.items()})
    version = ModuleVersion(spec.version, digest_of(sources))
    make = attribute_of(sys.modules[spec.module_name], spec)
    return LoadedCode(version, make, MappingProxyType(sources), spec.module_name)


def _read(tables: ModuleTables, spec: ModuleSpec) -> LoadedCode:
    path = Path(str(spec.source))
    data = path.read_bytes()
    version = ModuleVersion(spec.version, LoadedSource.of(data).digest)
    code = compile(data, str(path), "exec", dont_inherit=True)
    with tables.loading:
        return load_file(tables, spec, version, data, code)
