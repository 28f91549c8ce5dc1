"""How Node is started, and how its end is read.

Its permission model comes on top of the sandbox: files are those of the sandbox, and the scratch folder alone
is written to; no processes, threads, addons or WASI. It leaves the network open, which the sandbox does not.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from dspex_actors.workers.engines._driver_engine import DriverEngine

if TYPE_CHECKING:
    from dspex_actors.workers._protocol import EngineConfig
    from dspex_actors.workers.engines._driver import DriverEndedError

_DRIVER = Path(__file__).parent / "driver.cjs"
_TUNNEL = Path(__file__).parent / "tunnel.cjs"

# The first version whose permissions can leave the inspector to the driver, which evaluates by it.
_PERMISSIONS_FROM = (24, 12)

_SHUTS_NETWORK_FROM = 25  # the first whose permissions would have a say about the network
_ENV_PROXY = "NODE_USE_ENV_PROXY"

# One thread beside the main one compiles and collects; no messages about the flags themselves.
_FLAGS = ("--no-warnings", "--no-addons", "--v8-pool-size=1")

# What V8 says, and what the C++ around it does.
_HUNGER = (b"out of memory", b"bad_alloc", b"cannot allocate memory")


class NodeEngine(DriverEngine):
    """Runs the driver in Node."""

    # The halves of the young generation, which the collector fills and empties in turn, and its own tables.
    # Without, a program that made buffers of 1 MiB and dropped them was seen to end at a limit of 64 MiB.
    memory_slack = 48 * 2**20
    rehearsed = "const y = [...x, { z: 1 }]; await y.at(-1); y"

    def command(self) -> list[str]:
        """Return Node's command line."""
        language = [f"--{self.config.language}"]
        return [self.config.path, *_FLAGS, *self._permissions(), str(_DRIVER), *language]

    def environment(self) -> dict[str, str]:
        """Return the guests' environment without what would have Node itself look for a proxy, in 0.1 s."""
        found = super().environment()
        if self.config.proxy:
            found.pop(_ENV_PROXY, None)
        return found

    def whole_command(self) -> list[str]:
        """Return the command line, with what has connections go by the proxy if there is one."""
        node, *rest = self.command()
        version = self.config.options.get("node_version", self.config.version)
        if "--permission" in rest and int(version.split(".")[0]) >= _SHUTS_NETWORK_FROM:
            rest.insert(0, "--allow-net")
        if not self.config.proxy:
            return [node, *rest]
        return [node, "--require", str(_TUNNEL), *rest, f"--proxy={self.config.proxy}"]

    def _permissions(self) -> list[str]:
        version = tuple(int(part) for part in self.config.version.split(".")[:2])
        if version < _PERMISSIONS_FROM:
            return []
        scratch = os.getcwd()  # noqa: PTH109 -- pathlib asks the same
        return ["--permission", "--allow-inspector", "--allow-fs-read=*", f"--allow-fs-write={scratch}"]

    def out_of_memory(self, ended: DriverEndedError) -> bool:
        """Whether the process has ended for want of memory."""
        words = ended.last_words.lower()
        return ended.exit_code < 0 and any(each in words for each in _HUNGER)


def make(config: EngineConfig) -> NodeEngine:
    """Return the engine of JavaScript, or of TypeScript.

    Args:
        config: what the zygote was told.
    """
    return NodeEngine(config)
