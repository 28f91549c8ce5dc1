"""The engine of `rust`."""

from __future__ import annotations

import os
import resource
from typing import TYPE_CHECKING, Any

from dspex_actors.workers.engines._engine import GuestFailedError, Usage
from dspex_actors.workers.engines.rust._compiler import Compiler
from dspex_actors.workers.engines.rust._endings import panic_in
from dspex_actors.workers.engines.wasm._engine import WasmEngine, new_engine

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import wasmtime

    from dspex_actors.workers import _framing
    from dspex_actors.workers._protocol import EngineConfig, Footprint
    from dspex_actors.workers.engines._engine import Call

_BUILT = "guest.wasm"
_MOST_THREADS = 4  # each takes memory of the limits for compiling


class RustEngine(WasmEngine):
    """See the module. What it runs, and how, is as for `wasm`.

    Args:
        config: what the zygote was told of the engine; its options are those of `Compiler`.
    """

    def __init__(self, config: EngineConfig) -> None:
        super().__init__(config)
        self._compiler = Compiler(config, _BUILT)

    def look(self) -> Footprint:
        """Try the compiler; see `Compiler.look`.

        Raises:
            EngineFailureError: it does not work.
        """
        return self._compiler.look()

    def rehearsals(self, *, builds: bool) -> Iterator[list[_framing.Block]]:
        """As for `wasm`; nothing for a worker that will compile, which is mostly done by another program."""
        return iter(()) if builds else super().rehearsals(builds=False)

    def compiler(self, *, counts_fuel: bool) -> wasmtime.Engine:
        """Return what compiles a module in several threads: this is a worker that runs no guest's program."""
        os.environ["RAYON_NUM_THREADS"] = str(min(_MOST_THREADS, os.cpu_count() or 1))
        return new_engine(counts_fuel=counts_fuel, parallel=True)

    def run(self, call: Call) -> Any:  # noqa: ANN401 -- a guest's value is any plain data
        """Compile a program, or run one that was compiled; see `Engine`.

        Raises:
            GuestFailedError: it failed.
            OutOfMemoryError, OutOfFuelError, ResultTooBigError: a limit was exceeded.
        """
        if not call.request.step:
            return super().run(call)
        built = self._compiler.compile(call)
        if call.request.step == "library":
            return built
        return self.build(built, counts_fuel=call.request.fuel is not None)

    def run_module(self, call: Call, variables: dict[str, Any], invocation: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- as `run`
        """Run a program; a panic is a failure of its own kind. See `WasmEngine.run_module`.

        Raises:
            GuestFailedError: it failed.
            OutOfMemoryError, OutOfFuelError, ResultTooBigError: a limit was exceeded.
        """
        try:
            return super().run_module(call, variables, invocation)
        except GuestFailedError as error:
            panic = panic_in(self.last_words.decode("utf-8", "replace"), call.request.code)
            if error.kind != "Trap" or panic is None:
                raise
            message, place = panic
            raise GuestFailedError("Panic", message, f"  {place}") from error

    def usage(self) -> Usage:
        """Return the CPU time of compilers that have ended."""
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return Usage(used.ru_utime + used.ru_stime, 0)


def make(config: EngineConfig) -> RustEngine:
    """Return the engine. Runs in the zygote.

    Args:
        config: what the zygote was told of the engine.
    """
    return RustEngine(config)
