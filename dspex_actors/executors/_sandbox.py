"""The supervisor of one policy: a zygote, its workers, and the executor that lends them out.

    sandbox              rest_for_one   5 in 10 s
    ├─ network           permanent; only where the policy's network is a list
    ├─ zygote            permanent
    ├─ workers           DynamicSupervisor, transient children: one actor per worker process
    └─ executor          permanent

When the zygote ends, all its workers end with it, so everything after it is started anew. An idle worker that
dies by itself is started again and counted; one whose guest ended it is not, see `_worker_actor`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dspex_actors._policy import NETWORK_LIST
from dspex_actors.executors._executor import PythonExecutor
from dspex_actors.executors._zygote_actor import ZygoteActor
from supervisors import (
    ChildSpec,
    DynamicSupervisor,
    Start,
    Strategy,
    Supervisor,
    SupervisorFlags,
    SupervisorInit,
)

if TYPE_CHECKING:
    from dspex_actors._config import ExecutorConfig
    from dspex_actors.executors._tool_loop import ToolLoop

_INTENSITY, _PERIOD_S = 5, 10


class Sandbox(Supervisor):
    """Supervises everything that one policy needs."""

    def init(self, config: ExecutorConfig, tool_loop: ToolLoop | None) -> SupervisorInit:  # type: ignore[override]  # other arguments, same role
        """Return the children, in the order in which they depend on each other."""
        flags = SupervisorFlags(strategy=Strategy.REST_FOR_ONE, intensity=_INTENSITY, period=_PERIOD_S)
        return SupervisorInit(
            flags,
            (
                *_network_of(config),
                ZygoteActor.child_spec(config, id="zygote"),
                # How many there are at most is the executor's book-keeping.
                DynamicSupervisor.child_spec(intensity=_INTENSITY, period=_PERIOD_S, id="workers"),
                ChildSpec(id="executor", start=Start(PythonExecutor, (config, tool_loop))),
            ),
        )


def _network_of(config: ExecutorConfig) -> tuple[ChildSpec, ...]:
    """Return what makes the connections of guests, where the policy has a list of them."""
    if config.policy.network_access != NETWORK_LIST:
        return ()
    from dspex_actors.executors._network_actor import NetworkActor  # noqa: PLC0415 -- 30 ms for asyncio

    return (NetworkActor.child_spec(config.policy, id="network"),)
