"""A worker that serves one call after the other, all in one namespace."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import TYPE_CHECKING, Any

from dspex_actors._errors import WorkerLostError
from dspex_actors._execution import Completed, ExecutionResult, LimitExceeded, WorkerDied
from dspex_actors._limits import Limits
from dspex_actors.workers._causes import Cause
from dspex_actors.workers._cpu_watch import CpuWatch, cpu_s_of
from dspex_actors.workers._process import WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Callable

    from dspex_actors import values
    from dspex_actors.workers._causes import Timers
    from dspex_actors.workers._protocol import Exited
    from dspex_actors.workers._request import Program
    from dspex_actors.workers._tool_calls import Tools

_OPENING = Limits(time_s=10.0)


class _WithdrawnError(Exception):
    """The request that was about to begin is not wanted any more."""


class KeptWorker(WorkerProcess):
    """A worker whose names stay from call to call. Its state cannot be copied; see `SessionWorker` for that.

    Attributes:
        no_copies: why its state cannot be copied; empty if it can.
        copy_s: seconds that making the last copy took.
    """

    no_copies = "the worker cannot be copied"
    copy_s = 0.0
    _withdrawn = 0
    _cpu_watch: CpuWatch | None = None
    _cpu_used_s = 0.0  # by the request that was killed for it

    def open(self, limits: Limits, timers: Timers) -> None:
        """Set what no call will be able to exceed. The first request.

        Args:
            limits: the session's own. CPU seconds are counted call by call, see `CpuWatch`.
            timers: arms the timeout.

        Raises:
            WorkerLostError: it did not answer.
        """
        result = self.execute(
            "", None, dataclasses.replace(limits, time_s=_OPENING.time_s), timers, keep=True
        )
        if not isinstance(result, Completed):
            raise WorkerLostError(f"the worker did not get ready: {result}")

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._data.fileno() < 0

    def pids(self) -> tuple[int, ...]:
        """Return the process ids of all that it runs, as the host sees them."""
        return (self.facts.pid,)

    @property
    def next_request(self) -> int:
        """The nonce that the next request will have, for `kill_request`."""
        return self._nonce + 1

    def serve(
        self,
        code: str | Program,
        variables: values.Encoded | None,
        limits: Limits,
        timers: Timers,
        on_output: Callable[[str, str], None] | None = None,
        *,
        tools: Tools | None = None,
    ) -> ExecutionResult | None:
        """Run code in the namespace that is kept; None if `kill_request` came before it began.

        The arguments are those of `execute`.

        Raises:
            WorkerLostError: as `execute`.
        """
        try:
            return self.execute(code, variables, limits, timers, on_output, keep=True, tools=tools)
        except _WithdrawnError:
            return None

    def _ended(self, limits: Limits, detail: str, common: dict[str, Any]) -> ExecutionResult:
        """As any worker, or by the limit that is counted here.

        Raises:
            WorkerLostError: its zygote ended with it.
        """
        if self._cause is Cause.CPU and limits.cpu_s is not None:
            return LimitExceeded(limit="cpu", allowed=limits.cpu_s, used=self._cpu_used_s, **common)
        return super()._ended(limits, detail, common)

    def read(self, name: str, limits: Limits, timers: Timers) -> ExecutionResult:
        """Return the value of a variable as a result; a `Failed` of type KeyError if there is none.

        Raises:
            WorkerLostError: as `execute`.
        """
        return self.execute("", None, limits, timers, keep=True, read=name)

    def kill_request(self, nonce: int, cause: Cause) -> None:
        """Kill the worker if this request is under way; if it is the next one, see that it never begins."""
        with self._lock:
            if nonce == self._nonce + 1:
                self._withdrawn = nonce
        super().kill_request(nonce, cause)

    def _begin(self, limits: Limits, timers: Timers) -> int:
        with self._lock:
            if self._withdrawn == self._nonce + 1:
                self._nonce += 1
                raise _WithdrawnError
        nonce = super()._begin(limits, timers)
        if limits.cpu_s is not None:
            pid, pidfd, has_driver = self.facts.pid, self._pidfd, self.driver is not None
            exceeded = partial(self._used_up_cpu, nonce)
            self._cpu_watch = CpuWatch(
                lambda: cpu_s_of(pid, pidfd, has_driver=has_driver), limits.cpu_s, timers, exceeded
            )
        return nonce

    def _end_request(self) -> bool:
        if self._cpu_watch is not None:
            self._cpu_watch.cancel()
            self._cpu_watch = None
        return super()._end_request()

    def _used_up_cpu(self, nonce: int, used_s: float) -> None:
        """Kill the worker if this request is under way. Runs in the timers' thread."""
        self._cpu_used_s = used_s
        self.kill_request(nonce, Cause.CPU)

    def _ran_out_of_cpu(self, exited: Exited, allowed_s: float) -> bool:  # noqa: ARG002 -- the kernel does not count
        return False

    def obituary(self) -> WorkerDied:
        """Say how it ended between two calls.

        Raises:
            WorkerLostError: its zygote ended with it.
        """
        died = self._ended(Limits(time_s=None), "", {"worker": self.facts, "sandbox": self._sandbox})
        if not isinstance(died, WorkerDied):
            raise WorkerLostError(f"the worker ended strangely: {died}")
        detail = "the worker ended between two calls; the code was not run"
        return dataclasses.replace(died, detail=f"{detail} ({died.detail})" if died.detail else detail)

    # -- copies of the state

    def vanished(self) -> dict[int, str]:
        """Return the numbers of copies that do not exist, or not any more, with the reason, each once."""
        return {}

    def freeze(self, number: int, superfluous: list[int]) -> str:  # noqa: ARG002 -- there are no copies here
        """Make a copy of the present state, and drop some others once it exists.

        Args:
            number: the copy's own.
            superfluous: numbers of the copies to drop.

        Returns:
            Why it could not be made; empty if it was.
        """
        return self.no_copies

    def restore(self, number: int, newer: list[int]) -> bool:  # noqa: ARG002 -- as above
        """Let a copy take the place of the worker, which is killed if it lives.

        Args:
            number: the copy's.
            newer: numbers of copies that end with the present state.

        Returns:
            Whether the copy was there.
        """
        return False
