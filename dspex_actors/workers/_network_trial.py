"""The trial of a policy's list: a worker asks for what is on no list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from dspex_actors._errors import DspexError
from dspex_actors._execution import Completed
from dspex_actors._limits import Limits
from dspex_actors._policy import Profile
from dspex_actors.workers._groups import ThreadTimers
from dspex_actors.workers._protocol import TRIAL
from dspex_actors.workers._request import Program
from dspex_actors.workers.confine._own_network import ADDRESS, PORT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dspex_actors.workers._process import WorkerProcess
    from dspex_actors.workers._protocol import LayerReport, ZygoteConfig

_ATTEMPT = "asking the host for a connection that is not in the list"
_REFUSED = "refused"

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
_ASK_PROXY = f"""
import _socket
sock = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
try:
    sock.settimeout(5)
    sock.connect(("{ADDRESS}", {PORT}))
    sock.send(b"CONNECT dspex-trial.invalid:1 HTTP/1.1\\r\\n\\r\\n")
    answer = sock.recv(1000)
    result = "refused" if answer.startswith(b"HTTP/1.1 403 ") else f"the proxy said {{answer[:100]!r}}"
except OSError as error:
    result = f"the proxy: {{type(error).__name__}}: {{error}}"
sock.close()
result
"""


def attempts_of(config: ZygoteConfig) -> list[str | Program]:
    """Return what a worker of a zygote is to try: code whose value is `"refused"` if it was.

    Args:
        config: of the zygote, with a list as its network.
    """
    asks: list[str | Program] = [] if config.engine is not None else [_ASK]
    if config.profile == Profile.SHELL.value:
        asks.append(_ASK_PROXY if config.engine is None else Program(_ASK_PROXY, step=TRIAL))
    return asks


def with_list(
    layers: list[LayerReport], worker: WorkerProcess, attempts: Sequence[str | Program], timeout_s: float
) -> list[LayerReport]:
    """Return the reports with what became of the trial in that of the network.

    Args:
        layers: of the zygote.
        worker: not yet ready; closed here.
        attempts: what it is to try, see `attempts_of`.
        timeout_s: seconds it may take to be ready, and then for each attempt.
    """
    timers = ThreadTimers()
    try:
        worker.wait_ready(timeout_s, timers)
        seen = _REFUSED
        for attempt in attempts:
            asked = worker.execute(attempt, None, Limits(time_s=timeout_s), timers, keep=True)
            seen = asked.value if isinstance(asked, Completed) else str(asked)
            if seen != _REFUSED:
                break
    except DspexError as error:
        seen = str(error)
    finally:
        worker.close()
    return [_completed(layer, str(seen)) if layer.name == "network" else layer for layer in layers]


def _completed(layer: LayerReport, seen: str) -> LayerReport:
    active = layer.active and seen == _REFUSED
    detail = layer.detail if seen == _REFUSED else f"{_ATTEMPT}: {seen}"
    return msgspec.structs.replace(layer, active=active, probe=f"{layer.probe}; {_ATTEMPT}", detail=detail)
