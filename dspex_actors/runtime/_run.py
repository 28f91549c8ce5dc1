"""One execution in a runtime of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from dspex_actors._config import ExecutorConfig, RuntimeConfig
from dspex_actors._policy import Policy
from dspex_actors.runtime._runtime import Runtime

if TYPE_CHECKING:
    from dspex_actors._execution import ExecutionResult, Options


def run(
    code: str,
    *,
    config: RuntimeConfig | None = None,
    policy: Policy | None = None,
    **options: Unpack[Options],
) -> ExecutionResult:
    """Start a runtime, run code in it, close it.

    For one-liners: a runtime of your own starts once and is faster from the second call on.

    Args:
        code: Python source.
        config: how the runtime is set up.
        policy: what the code may do.
        options: as for `Runtime.execute`.

    Raises:
        DspexError: what `Runtime` and `Runtime.execute` raise.
    """
    chosen = config or RuntimeConfig(executor=ExecutorConfig(policy=policy or Policy(), spares=1))
    with Runtime(chosen) as runtime:
        return runtime.execute(code, policy=policy, **options)
