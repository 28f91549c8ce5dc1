"""The engine of `rust`."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING, Any

from dspex_actors.workers.engines._engine import GuestFailedError, Usage
from dspex_actors.workers.engines.rust._compiler import Compiler
from dspex_actors.workers.engines.rust._endings import panic_in
from dspex_actors.workers.engines.wasm._engine import WasmEngine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dspex_actors.workers._protocol import EngineConfig
    from dspex_actors.workers.engines._engine import Call

_BUILT = "guest.wasm"


class RustEngine(WasmEngine):
    """See the module. What it runs, and how, is as for `wasm`.

    Args:
        config: what the zygote was told of the engine; its options are those of `Compiler`.
    """

    def __init__(self, config: EngineConfig) -> None:
        super().__init__(config)
        self._compiler = Compiler(config, _BUILT)

    def rehearse(self) -> None:
        """Try both halves; see `Engine`.

        Raises:
            EngineFailureError: one does not work.
        """
        super().rehearse()
        self._compiler.rehearse()

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
            panic = panic_in(self.last_words.decode("utf-8", "replace"))
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
