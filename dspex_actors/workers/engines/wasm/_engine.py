"""The engine of `wasm`: it compiles modules, and in other workers runs what was compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import wasmtime
from wasmtime import component

from dspex_actors import values
from dspex_actors.workers._protocol import INVOCATION, Request
from dspex_actors.workers.engines._engine import EngineFailureError, GuestFailedError, Usage
from dspex_actors.workers.engines.wasm import _wasi
from dspex_actors.workers.engines.wasm._components import call_component, uses_wasi
from dspex_actors.workers.engines.wasm._failures import ending_of, misplaced
from dspex_actors.workers.engines.wasm._host import NOTHING
from dspex_actors.workers.engines.wasm._numbers import ArgumentMismatchError, check_arguments
from dspex_actors.workers.engines.wasm._settings import SETTINGS
from dspex_actors.workers.engines.wasm._space import START, Space, entry_of
from dspex_actors.workers.engines.wasm._vectors import functions_with_vectors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dspex_actors.workers import _framing
    from dspex_actors.workers._protocol import EngineConfig
    from dspex_actors.workers.engines._engine import Call

_MAGIC = b"\0asm"
_CORE, _COMPONENT = b"\x01\0\0\0", b"\x0d\0\x01\0"
_IS_MODULE, _IS_COMPONENT = 0, 1
_TRIAL = """(module (import "dspex" "result" (func $result (param i32 i32)))
 (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
 (memory (export "memory") 1) (data (i32.const 0) "1")
 (func (export "_start") (call $result (i32.const 0) (i32.const 1))
  (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16))))
 (func (export "main") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
 (func (export "trap") unreachable))"""

_REHEARSALS = 2
_FILLED_BYTES = 2 * 2**20  # a module of Rust's passes through three copies of 400 KiB

# A memory reserves addresses for all that it can grow to, and wasmtime's threads for WASI their stacks.
_ADDRESSES = 2**40
_WASI_BYTES = 8 * 2**20


class WasmEngine:
    """See the module.

    Args:
        config: what the zygote was told of the engine.

    Attributes:
        last_words: the end of what a program wrote to stderr that has failed.
    """

    def __init__(self, config: EngineConfig) -> None:
        self.config = config
        self._engines = {fuel: new_engine(counts_fuel=fuel) for fuel in (False, True)}
        self._space: Space | None = None  # of a session
        self._trial = b""
        self.last_words = b""

    def rehearse(self) -> None:
        """Compile and run a module for nothing; see `Engine`.

        Raises:
            EngineFailureError: that does not work.
        """
        try:
            for engine in self._engines.values():
                built = _compiled(engine, bytes(wasmtime.wat2wasm(_TRIAL)))
                self._rehearse_run(engine, built)
                self._trial = self._trial or built
        except wasmtime.WasmtimeError as error:
            raise EngineFailureError(f"wasmtime does not work: {error}") from error

    def _rehearse_run(self, engine: wasmtime.Engine, built: bytes) -> None:
        module = wasmtime.Module.deserialize(engine, built[:-1])
        store = wasmtime.Store(engine)
        store.set_epoch_deadline(1)
        if engine is self._engines[True]:
            store.set_fuel(1000)
        linker = wasmtime.Linker(engine)
        linker.define_wasi()
        for each in module.imports:
            if each.module == _wasi.MODULE:
                continue
            function = wasmtime.Func(store, each.type, lambda *_: None)  # type: ignore[arg-type]  # a function's
            linker.define(store, each.module, each.name or "", function)
        exports = linker.instantiate(store, module).exports(store)
        if exports["main"](store, 1) != 2:  # type: ignore[operator]  # a function
            raise EngineFailureError("wasmtime cannot add")
        try:
            exports["trap"](store)  # type: ignore[operator]  # as above
        except wasmtime.Trap as trap:
            ending_of(trap, None, (), b"")

    def start(self) -> None:
        """Nothing is left to do; see `Engine`."""

    def rehearsals(self, *, builds: bool) -> Iterator[list[_framing.Block]]:
        """Yield the parts of requests that a worker answers for nothing: a call of an export, a command.

        Before that it has filled the memory that a module will pass through, which the allocator keeps.

        Args:
            builds: whether it will compile a program and run none.
        """
        if builds:
            yield [msgspec.msgpack.encode(Request(_TRIAL, step="build"))]
            return
        _fill(_FILLED_BYTES)
        invocations: tuple[dict[str, Any], ...] = ({"export": "main", "args": [1]}, {})
        for invocation in invocations * _REHEARSALS:
            variables = values.encode({"x": 1, **({INVOCATION: invocation} if invocation else {})})
            request = msgspec.msgpack.encode(Request("", module=True))
            yield [request, variables.structure, *variables.buffers, self._trial]

    def run(self, call: Call) -> Any:  # noqa: ANN401 -- a guest's value is any plain data
        """Compile a module, or run one that was compiled; see `Engine`.

        Raises:
            GuestFailedError: it does not compile, does not fit the request, or failed.
            OutOfMemoryError, OutOfFuelError, OutOfTimeError, ResultTooBigError: a limit was exceeded.
            KeyError: the session has no such export.
        """
        request = call.request
        if request.step == "build":
            call.limit_worker()
            source = request.code.encode() if call.module is None else bytes(call.module)
            try:
                return self.build(source, counts_fuel=request.fuel is not None)
            except GuestFailedError as error:
                for each in misplaced(error.message, source):
                    call.notes.diagnostic(**each)
                raise
        if request.read:
            return self._read(request.read)
        variables, invocation = call.inputs()
        if call.module is None and not invocation.get("export"):
            call.limit_worker(address_bytes=_ADDRESSES, data_bytes=_WASI_BYTES)
            return None  # a session begins
        return self.run_module(call, variables, invocation)

    def build(self, source: bytes, *, counts_fuel: bool) -> bytes:
        """Return a module compiled.

        Args:
            source: a module, or one in the text format.
            counts_fuel: whether it will count fuel.

        Raises:
            GuestFailedError: it does not compile.
        """
        try:
            module = _module_of(source)
            built = _compiled(self.compiler(counts_fuel=counts_fuel), module)
        except wasmtime.WasmtimeError as error:
            raise GuestFailedError("CompileError", str(error).strip()) from error
        vectors = functions_with_vectors(module) if module.startswith(_MAGIC + _CORE) else []
        if vectors:
            message = f"no value of the host's is a vector (v128), and {', '.join(vectors)} has one"
            raise GuestFailedError("CompileError", message)
        return built

    def compiler(self, *, counts_fuel: bool) -> wasmtime.Engine:
        """Return what compiles a module."""
        return self._engines[counts_fuel]

    def run_module(self, call: Call, variables: dict[str, Any], invocation: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- as `run`
        """Run a compiled module, or call an export of one that the session has.

        Args:
            call: with the module, or without one.
            variables: of the request.
            invocation: how it is called.

        Raises:
            GuestFailedError: it does not fit the request, or failed.
            OutOfMemoryError, OutOfFuelError, OutOfTimeError, ResultTooBigError: a limit was exceeded.
        """
        space = self._entered(call, variables)
        self.last_words = b""
        try:
            exports = space.exports
            if call.module is not None and call.module[-1] == _IS_COMPONENT:
                program = component.Component.deserialize(space.engine, bytes(call.module[:-1]))
                if uses_wasi(space.engine, program):
                    self._give_wasi(space, {}, {**invocation, "export": "it takes no command line"})
                call.limit_worker(address_bytes=_ADDRESSES, data_bytes=_WASI_BYTES)
                return call_component(space, program, variables, invocation)
            if call.module is not None:
                module = wasmtime.Module.deserialize(space.engine, bytearray(call.module[:-1]))
                if any(each.module == _wasi.MODULE for each in module.imports):
                    self._give_wasi(space, variables, invocation)
                call.limit_worker(address_bytes=_ADDRESSES, data_bytes=_WASI_BYTES)
                exports = space.enter(call.request.code, module)
            return _called(space, exports, variables, invocation, keep=call.request.keep)
        except (wasmtime.WasmtimeError, wasmtime.Trap) as error:
            self.last_words = space.streams.last_words
            raise ending_of(error, space.memory_bytes, space.memories(), space.streams.last_words) from error
        finally:
            space.end()

    def _entered(self, call: Call, variables: dict[str, Any]) -> Space:
        """Return the space of a call: its session's, or a new one.

        Raises:
            GuestFailedError: the session's does not count fuel, and this call is to; or the other way.
        """
        engine = self._engines[call.request.fuel is not None]
        if not call.request.keep:
            space = Space(engine, call.request)
        else:
            space = self._space = self._space or Space(engine, call.request)
            if space.engine is not engine:
                message = "a session counts fuel in all of its calls or in none: it began the other way"
                raise GuestFailedError("FuelError", message)
        space.begin(call, variables)
        return space

    def _give_wasi(self, space: Space, variables: dict[str, Any], invocation: Mapping[str, Any]) -> None:
        is_command = not invocation.get("export")
        args = invocation.get("args", ()) if is_command else ()
        config = _wasi.configuration(
            space.streams, self.config.read_paths, variables, args, invocation.get("stdin")
        )
        space.store.set_wasi(config)

    def _read(self, name: str) -> Any:  # noqa: ANN401 -- as `run`
        """Return the value of a global that a module of the session exports.

        Raises:
            KeyError: there is none.
        """
        found = None if self._space is None else self._space.exports.get(name)
        if self._space is None or not isinstance(found, wasmtime.Global):
            raise KeyError(name)
        return found.value(self._space.store)

    def usage(self) -> Usage:
        """Return nothing: all is in the worker's own process."""
        return Usage()


def _called(
    space: Space,
    exports: dict[str, Any],
    variables: Mapping[str, Any],
    invocation: Mapping[str, Any],
    *,
    keep: bool,
) -> Any:  # noqa: ANN401 -- a guest's value is any plain data
    """Call what a request is for; return the value.

    Raises:
        GuestFailedError: there is no such export, or the arguments do not fit it.
        WasmtimeError, Trap: it failed.
    """
    entry = entry_of(exports, invocation.get("export", ""), needed=not keep)
    returned = None
    if entry is not None:
        name, function = entry
        kind = function.type(space.store)
        parameters = [str(each) for each in kind.params]
        given = invocation.get("args") or (list(variables.values()) if parameters else [])
        try:
            arguments = check_arguments(name, parameters, [] if name == START else given)
        except ArgumentMismatchError as error:
            raise GuestFailedError("ArgumentError", str(error)) from error
        _check_results(name, [str(each) for each in kind.results])
        try:
            returned = function(space.store, *arguments)
        except wasmtime.ExitTrap as error:
            if error.code:
                raise
    value = space.host.value if space.host.value is not NOTHING else returned
    return tuple(value) if value is returned and isinstance(value, list) else value


def _check_results(name: str, results: list[str]) -> None:
    """Refuse a function whose results no value of the host's could be.

    Raises:
        GuestFailedError: it has one.
    """
    strange = [each for each in results if each not in {"i32", "i64", "f32", "f64"}]
    if strange:
        message = f"{name} returns {strange[0]}, which no value of the host's has; numbers come back"
        raise GuestFailedError("ArgumentError", message)


def _fill(size: int) -> int:
    """Fill memory and give it back to the allocator, which keeps it; return how much it was."""
    return len(b"\1" * size)


def _module_of(source: bytes) -> bytes:
    """Return the module that a source is, its text format translated.

    Raises:
        WasmtimeError: it is none.
    """
    if source.startswith((_MAGIC + _CORE, _MAGIC + _COMPONENT)):
        return source
    if source.startswith(_MAGIC):
        version = int.from_bytes(source[4:8], "little")
        message = f"modules of WebAssembly's version 1 are run here, and this one is of version {version}"
        raise wasmtime.WasmtimeError(message)
    try:
        text = source.decode()
    except UnicodeDecodeError:
        seen = source[:8].hex(" ")
        message = f"this is neither a module, which begins with 00 61 73 6d, nor its text format: {seen} ..."
        raise wasmtime.WasmtimeError(message) from None
    return bytes(wasmtime.wat2wasm(text))


def _compiled(engine: wasmtime.Engine, module: bytes) -> bytes:
    """Return a module or a component as native code, with a last byte that says which.

    Raises:
        WasmtimeError: it is not valid.
    """
    if module.startswith(_MAGIC + _COMPONENT):
        return bytes(component.Component(engine, module).serialize()) + bytes([_IS_COMPONENT])
    return bytes(wasmtime.Module(engine, module).serialize()) + bytes([_IS_MODULE])


def new_engine(*, counts_fuel: bool, parallel: bool = False) -> wasmtime.Engine:
    """Return an engine.

    Args:
        counts_fuel: whether what it compiles counts fuel, which makes it half as fast.
        parallel: whether it compiles in several threads; what comes out is the same.
    """
    config = wasmtime.Config()
    for name, value in SETTINGS:
        setattr(config, name, value)
    config.parallel_compilation = parallel
    config.consume_fuel = counts_fuel
    return wasmtime.Engine(config)


def make(config: EngineConfig) -> WasmEngine:
    """Return the engine. Runs in the zygote.

    Args:
        config: what the zygote was told of the engine.
    """
    return WasmEngine(config)
