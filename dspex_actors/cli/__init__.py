"""The command `dspex-actors`: run a snippet, look at the sandbox, look at the tree.

    dspex-actors exec -c 'sum(range(10))'     # 45
    dspex-actors doctor                       # is guest code contained here, layer by layer
    dspex-actors tree                         # the actors of a running runtime
    dspex-actors state list --store states.db # what a state store holds
    dspex-actors modules list --control PATH  # the modules of a runtime in another process

Exit codes: see `ExitCode`. Rich and the runtime are imported by the command that needs them, so that
`--help` is quick.
"""

from __future__ import annotations

from dspex_actors.cli._exit_code import ExitCode
from dspex_actors.cli._main import main

__all__ = ["ExitCode", "main"]
