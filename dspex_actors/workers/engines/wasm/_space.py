"""What one execution, or one session, has: a store with its limits, and the modules started in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import wasmtime

from dspex_actors.workers.engines._engine import GuestFailedError
from dspex_actors.workers.engines.wasm import _wasi
from dspex_actors.workers.engines.wasm._host import Host
from dspex_actors.workers.engines.wasm._interrupt import Interrupter
from dspex_actors.workers.engines.wasm._settings import FOREVER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dspex_actors.workers._protocol import Request
    from dspex_actors.workers.engines._engine import Call

SESSION = "session"
"""The module from which a module imports what earlier ones of its session export."""

START, INITIALISE = "_start", "_initialize"
_DEFAULTS = ("main", "run")
_BYTES_PER_ELEMENT = 16
_MOST_INSTANCES = 1000
_MOST_MEMORIES = 100

Exports = dict[str, Any]  # by name; wasmtime has no common class for them


class Space:
    """See the module. For one thread.

    Args:
        engine: compiled its modules.
        request: the first one; its limits of memory hold from then on.
    """

    def __init__(self, engine: wasmtime.Engine, request: Request) -> None:
        self.engine = engine
        self.host = Host()
        self._interrupter = Interrupter(engine.increment_epoch)
        self.streams = _wasi.Streams()
        self.store = wasmtime.Store(engine)
        self.memory_bytes = request.memory_bytes
        if request.memory_bytes is not None:
            self.store.set_limits(
                memory_size=request.memory_bytes,
                table_elements=request.memory_bytes // _BYTES_PER_ELEMENT,
                instances=_MOST_INSTANCES,
                tables=_MOST_INSTANCES,
                memories=_MOST_MEMORIES,
            )
        self._linker = wasmtime.Linker(engine)
        self._linker.allow_shadowing = True
        self._linker.define_wasi()
        self._modules: dict[str, Exports] = {}
        self.exports: Exports = {}

    def begin(self, call: Call, variables: Mapping[str, Any]) -> None:
        """Take the call that is to come. One of a session is stopped when it is out of time, until `end`."""
        time_s = call.request.time_s if call.request.keep else None  # other calls' workers are killed anyway
        is_timed = time_s is not None and self._interrupter.begin(
            time_s
        )  # else the host's kill is what is left
        self.host.begin(call, variables)
        self.streams.begin(call)
        self.store.set_epoch_deadline(1 if is_timed else FOREVER)
        if call.request.fuel is not None:
            self.store.set_fuel(call.request.fuel)

    def end(self) -> None:
        """Take the end of the call."""
        self._interrupter.end()

    def enter(self, name: str, module: wasmtime.Module) -> Exports:
        """Return the exports of a module; it is started the first time.

        Args:
            name: equal for equal modules.
            module: compiled.

        Raises:
            GuestFailedError: it imports what is not to be had.
            WasmtimeError, Trap: it does not start.
        """
        if name not in self._modules:
            for each in module.imports:
                self._provide(each)
            exports = dict(self._linker.instantiate(self.store, module).exports(self.store).items())
            initialise = exports.get(INITIALISE)
            if START not in exports and isinstance(initialise, wasmtime.Func):
                initialise(self.store)
            self._modules[name] = exports
            self.exports = {**self.exports, **exports}
        return self._modules[name]

    def _provide(self, wanted: wasmtime.ImportType) -> None:
        """Define what a module imports.

        Raises:
            GuestFailedError: it is not to be had.
        """
        module, name = wanted.module, wanted.name or ""
        if module == _wasi.MODULE:
            return
        found = self.exports.get(name) if module == SESSION else None
        if found is None and isinstance(wanted.type, wasmtime.FuncType):
            found = self.host.find(self.store, module, name, wanted.type)
        if found is None:
            granted = [*self.host.names(), *(f"{SESSION}.{each}" for each in self.exports)]
            message = (
                f"the module imports {module}.{name} ({describe(wanted.type)}), which it is not given; there"
                f" are {_wasi.MODULE}, {', '.join(granted)}"
            )
            raise GuestFailedError("ImportError", message)
        self._linker.define(self.store, module, name, found)

    def memories(self) -> list[int]:
        """Return the sizes of all memories that are exported."""
        return [
            each.data_len(self.store)
            for exports in self._modules.values()
            for each in exports.values()
            if isinstance(each, wasmtime.Memory)
        ]


def entry_of(exports: Exports, name: str, *, needed: bool) -> tuple[str, wasmtime.Func] | None:
    """Return the function that is called, and its name; None for none.

    Args:
        exports: of the module.
        name: which one; empty for the default: `_start`, else `main` or `run`, else the only one.
        needed: whether a module with functions of which none is the default is refused. In a session it
            is only started.

    Raises:
        GuestFailedError: there is none of the name, or no default.
    """
    functions = {
        each: found
        for each, found in exports.items()
        if isinstance(found, wasmtime.Func) and each != INITIALISE
    }
    listed = ", ".join(functions) or "none"
    if name:
        if name not in functions:
            raise GuestFailedError("ExportError", f"the module exports no function {name!r}; it has {listed}")
        return name, functions[name]
    for each in (START, *_DEFAULTS, *(functions if len(functions) == 1 else ())):
        if each in functions:
            return each, functions[each]
    if functions and needed:
        message = f"the module has several functions and none is the default; name one as export: {listed}"
        raise GuestFailedError("ExportError", message)
    return None


def describe(kind: object) -> str:
    """Return what an import is, in words."""
    if isinstance(kind, wasmtime.FuncType):
        parameters, results = (" ".join(map(str, each)) for each in (kind.params, kind.results))
        return f"a function ({parameters}) -> ({results})"
    return f"a {type(kind).__name__.removesuffix('Type').lower()}"
