"""How Node is started for Pyodide.

Pyodide hands its guests Node: `import js` leads to all of it. What keeps them from the host is the sandbox.
Node's permission model comes on top, as for JavaScript.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from dspex_actors.workers.engines._driver_messages import head_of
from dspex_actors.workers.engines.javascript._engine import NodeEngine

if TYPE_CHECKING:
    from dspex_actors.workers import _framing
    from dspex_actors.workers._protocol import EngineConfig
    from dspex_actors.workers.engines._driver import DriverEndedError
    from dspex_actors.workers.engines._engine import Call

_DRIVER = Path(__file__).parent / "driver.cjs"

# The first version in which the permission model is no experiment.
_PERMISSIONS_FROM = (23, 5)
_FLAGS = ("--no-warnings", "--no-addons", "--v8-pool-size=1")


class PyodideEngine(NodeEngine):
    """Runs the driver in Node."""

    rehearsed = ""  # there is one Python, and it is the guest's

    def command(self) -> list[str]:
        """Return Node's command line."""
        return [self.config.options["node"], *_FLAGS, *self._permissions(), str(_DRIVER), self.config.path]

    def execute_parts(self, call: Call) -> list[_framing.Block]:
        """Return the parts of the frame that asks for a call, with its time if it is one of a session's.

        A worker that runs one program is killed at its deadline; one of a session is interrupted before.
        """
        head = head_of(call.request)
        if call.request.keep:
            head.time_s = call.request.time_s
        return [self.write_head(head), *call.parts[1:]]

    def out_of_memory(self, ended: DriverEndedError) -> bool:
        """Whether the process has ended for want of memory, if only to tell of a MemoryError."""
        starved = ended.exit_code < 0 and b"MemoryError" in ended.last_words
        return starved or super().out_of_memory(ended)

    def _permissions(self) -> list[str]:
        version = tuple(int(part) for part in self.config.options["node_version"].split(".")[:2])
        if version < _PERMISSIONS_FROM:
            return []
        scratch = os.getcwd()  # noqa: PTH109 -- pathlib asks the same
        return ["--permission", "--allow-fs-read=*", f"--allow-fs-write={scratch}"]


def make(config: EngineConfig) -> PyodideEngine:
    """Return the engine of Pyodide.

    Args:
        config: what the zygote was told; its path is the image, its options `node` and `node_version` say
            what runs it.
    """
    return PyodideEngine(config)
