"""Which files a compiler sees, and which a program that it made: a second Landlock within the sandbox's own.

All workers of a policy see what its engine may need. Here the compiler loses what the policy lends, and a
program loses the compiler. The profile `shell` does not start without Landlock.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dspex_actors.workers.confine import _landlock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dspex_actors.workers._protocol import EngineConfig

_DEVICES = ("/dev/null", "/dev/urandom", "/dev/random")
_UNCONFINED = "trusted"


def ruleset_of(config: EngineConfig, paths: Iterable[str]) -> int | None:
    """Return the descriptor of a ruleset; None where nothing is to be narrowed, or nothing can.

    Files can be read below the paths, and written in the working directory. What the sandbox refuses beside
    files it goes on refusing.

    Args:
        config: what the zygote was told of the engine.
        paths: files and folders.
    """
    if config.profile == _UNCONFINED or not _landlock.abi():
        return None
    return _landlock.build(
        read=paths,
        write=[os.getcwd()],  # noqa: PTH109 -- pathlib is not loaded here
        devices=_DEVICES,
        run_programs=True,
        open_network=True,
    )


def narrow(config: EngineConfig, lines: str) -> None:
    """Leave this process, for good, no files beside those below some paths and its working directory.

    Args:
        config: what the zygote was told of the engine.
        lines: the paths, one a line.
    """
    ruleset = ruleset_of(config, lines.split("\n"))
    if ruleset is not None:
        _landlock.restrict_self(ruleset)
        os.close(ruleset)
