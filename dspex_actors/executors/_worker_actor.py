"""The actor that owns one worker process.

It lives as long as its process. A guest that ends its own worker ends this actor normally, so hostile guests
never use up a restart intensity; an idle worker that dies by itself is a crash, is counted, and is replaced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dspex_actors._errors import ValueEncodeError, WorkerLostError, WritePathError
from dspex_actors.executors._messages import Run, StillBusy, WorkerReady
from dspex_actors.executors._program import program_of
from dspex_actors.executors._report import report_finished
from dspex_actors.executors._tools import RequestTools
from dspex_actors.executors._variables import encode_inputs
from dspex_actors.workers import BuildWatch, Cause, Program
from supervisors import NO_REPLY, NORMAL, SHUTDOWN, Crash, GenServer, Sender, Stop

if TYPE_CHECKING:
    from collections.abc import Callable

    from dspex_actors._execution import ExecutionResult
    from dspex_actors.executors._tool_loop import ToolLoop
    from dspex_actors.values import Encoded
    from dspex_actors.workers._process import WorkerProcess
    from dspex_actors.workers._spawn import ZygoteHandle
    from supervisors import Address, ExitReason


class _ProcessEnded:
    """Sent by the reaper when the worker's process is gone."""


_AT_ONCE_S = 0.005
"""When a spare that was taken is replaced, unless its guest ends before; most short ones do."""

_IDLE_DEATH = Stop(Crash.from_exception(WorkerLostError("an idle worker process ended by itself")))


class WorkerActor(GenServer):
    """Owns one worker process; runs one request in it and ends.

    Its thread blocks in the conversation with the worker, so that a request costs no further thread or poll;
    whoever wants to end that kills the process.
    """

    def init(
        self, zygote: ZygoteHandle, executor: Address, token: int, start_timeout_s: float, tool_loop: ToolLoop
    ) -> Stop | None:
        """Get a process from the zygote and tell the executor when it is ready.

        Returns:
            None; how it ends if the executor has ended meanwhile and killed the process.

        Raises:
            WorkerLostError: it did not get ready.
        """
        self._executor = executor
        self._tool_loop = tool_loop
        self._process: WorkerProcess = zygote.spawn()
        self._builder, self._build_watch = zygote.builder, BuildWatch()
        self._busy = True  # this thread is blocked in the process until it is ready
        self.pid.on_release(self._release)
        try:
            with zygote.starts.of(self._process):
                self._process.wait_ready(start_timeout_s, self.system.timers)
        except WorkerLostError:
            if self._process.cause is not Cause.STOPPED:
                raise
        self._busy = False
        if self._process.cause is Cause.STOPPED:
            self._process.close()
            return Stop(SHUTDOWN)
        self._process.tell_when_late(_AT_ONCE_S, lambda: executor.cast(StillBusy()))
        pid, ended = self.pid, _ProcessEnded()
        self._watch = self.system.reaper.watch_stranger(self._process.pidfd(), lambda: pid.send_info(ended))
        executor.cast(WorkerReady(self.pid, self._process, token))
        return None

    def handle_call(self, message: Run, sender: Sender) -> Any:  # noqa: ANN401 -- a Stop, or NO_REPLY
        """Run one request and reply its result.

        Variables that cannot cross leave the worker as good as new. A worker that was dead before it got the
        request hands it back: the guest's code has not run.
        """
        try:
            variables = encode_inputs(message.request.context)
        except ValueEncodeError as error:
            if not sender.fail(error):
                return Stop(NORMAL)  # the caller has gone, and the process was killed for it
            self._executor.cast(WorkerReady(self.pid, self._process, 0))
            return NO_REPLY
        if self._ended_idle():
            self.forward(self._executor, message.request, sender)
            return _IDLE_DEATH
        self._busy = True
        if self._builder is not None:
            sender.on_abandoned(lambda: self._build_watch.kill(Cause.CANCELLED))
        try:
            result = self._execute(message, variables, lambda: not sender.abandoned)
            sender.reply(result)
            report_finished(self.system, message, result)
        except WritePathError as error:
            sender.fail(error)
            report_finished(self.system, message, error)
        except WorkerLostError as error:
            sender.fail(error)
            report_finished(self.system, message, error)
            return Stop(SHUTDOWN)  # its zygote has ended, which is counted there
        finally:
            self._process.close()
        return Stop(NORMAL)

    def handle_cast(self, message: Run) -> Stop | None:
        """Run one request that nobody waits for; its result is a telemetry event."""
        try:
            variables = encode_inputs(message.request.context)
        except ValueEncodeError as error:
            report_finished(self.system, message, error)
            self._executor.cast(WorkerReady(self.pid, self._process, 0))
            return None
        if self._ended_idle():
            self._executor.cast(message.request)
            return _IDLE_DEATH
        self._busy = True
        try:
            report_finished(self.system, message, self._execute(message, variables, lambda: True))
        except WritePathError as error:
            report_finished(self.system, message, error)
        except WorkerLostError as error:
            report_finished(self.system, message, error)
            return Stop(SHUTDOWN)
        finally:
            self._process.close()
        return Stop(NORMAL)

    def _execute(
        self, message: Run, variables: Encoded | None, wanted: Callable[[], bool]
    ) -> ExecutionResult:
        """Run one request; take over the files it has left, once the worker is dead.

        Args:
            message: the request.
            variables: encoded.
            wanted: whether somebody still waits for the result.

        Raises:
            WritePathError: a folder could not be copied for the guest, whose code was not run.
            WorkerLostError: the zygote ended.
        """
        request, context, files = message.request, message.request.context, self._process.files
        code = program_of(request, message.limits, self._builder, self.system.timers, self._build_watch)
        if not isinstance(code, str | Program):
            return code
        if files is not None:
            files.begin()
        tools = RequestTools(message, self.system, self._tool_loop) if context.tools else None
        result = self._process.execute(
            code, variables, message.limits, self.system.timers, context.on_output, tools=tools
        )
        if files is None:
            return result
        self._process.finish()
        return files.end(result, message.limits, wanted=wanted)

    def _ended_idle(self) -> bool:
        """Whether the process has ended by itself, before it got anything to do."""
        self._watch.cancel()
        return self._process.cause is None and self._process.is_dead()

    def handle_info(self, message: object) -> Stop | None:
        """Take the news that the process ended while it was idle."""
        if not isinstance(message, _ProcessEnded):
            super().handle_info(message)
            return None
        if self._process.cause is not None or not self._process.zygote_is_alive():
            return Stop(SHUTDOWN)  # we killed it, or its zygote ended too and is counted there
        return _IDLE_DEATH

    def terminate(self, reason: ExitReason) -> None:  # noqa: ARG002 -- the same for every reason
        """Kill the process if it lives, and see it dead."""
        self._watch.cancel()
        self._process.close()

    def _release(self) -> None:
        """End the process of an actor that was fenced off, which runs no `terminate`.

        If its thread is blocked in it, the kill unblocks that, and it gives the descriptors back itself.
        """
        self._build_watch.kill(Cause.STOPPED)
        if self._busy:
            self._process.kill(Cause.STOPPED)
        else:
            self._process.close()
