"""The trial of a policy's list: a worker asks for what is on no list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from dspex_actors._errors import DspexError
from dspex_actors._execution import Completed
from dspex_actors._limits import Limits
from dspex_actors.workers._groups import ThreadTimers

if TYPE_CHECKING:
    from dspex_actors.workers._process import WorkerProcess
    from dspex_actors.workers._protocol import LayerReport

_ATTEMPT = "asking the host for a connection that is not in the list"

# A name that nobody has (RFC 6761), and the port that nothing uses.
_ASK = """
import socket
try:
    socket.create_connection(("dspex-trial.invalid", 1)).close()
    result = "it was made"
except PermissionError as error:
    result = "refused"
except OSError as error:
    result = f"{type(error).__name__}: {error}"
result
"""


def with_list(layers: list[LayerReport], worker: WorkerProcess, timeout_s: float) -> list[LayerReport]:
    """Return the reports with what became of the trial in that of the network.

    Args:
        layers: of the zygote.
        worker: not yet ready; closed here.
        timeout_s: seconds it may take to be ready, and then to ask.
    """
    timers = ThreadTimers()
    try:
        worker.wait_ready(timeout_s, timers)
        asked = worker.execute(_ASK, None, Limits(time_s=timeout_s), timers)
        seen = asked.value if isinstance(asked, Completed) else str(asked)
    except DspexError as error:
        seen = str(error)
    finally:
        worker.close()
    return [_completed(layer, str(seen)) if layer.name == "network" else layer for layer in layers]


def _completed(layer: LayerReport, seen: str) -> LayerReport:
    active = layer.active and seen == "refused"
    detail = layer.detail if seen == "refused" else f"{_ATTEMPT}: {seen}"
    return msgspec.structs.replace(layer, active=active, probe=f"{layer.probe}; {_ATTEMPT}", detail=detail)
