"""The actor of one session: a worker that is kept, calls that are served one after the other.

It lives as long as the session, over the deaths of its workers: a guest that ends its worker costs the state
since the last checkpoint, and no restart is counted. It ends when it is closed, when it has been idle for too
long, or with its sandbox.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dspex_actors import _events
from dspex_actors._errors import (
    ConfigError,
    RollbackUnavailableError,
    RuntimeClosedError,
    SessionClosedError,
    ValueEncodeError,
    WorkerLostError,
    WritePathError,
)
from dspex_actors.executors._language_check import check_language
from dspex_actors.executors._lifeline import Lifeline
from dspex_actors.executors._messages import Drain, Run
from dspex_actors.executors._program import program_of
from dspex_actors.executors._report import report_finished
from dspex_actors.executors._session_body import Branch, SessionBody, SessionSetup
from dspex_actors.executors._session_messages import (
    BranchOff,
    GetRollbackState,
    GoBack,
    MakeCheckpoint,
    ReadVariable,
    SessionCall,
    StartOver,
)
from dspex_actors.executors._session_start import start_session
from dspex_actors.executors._tools import RequestTools
from dspex_actors.executors._variables import encode_inputs
from dspex_actors.workers import BuildWatch, Cause, Program
from supervisors import NO_REPLY, GenServer, Refuse, Sender, Shutdown, Stop, SupervisorAddress

if TYPE_CHECKING:
    from dspex_actors._execution import ExecutionResult
    from dspex_actors.values import Encoded
    from supervisors import ExitReason, Timer

_IDLE_S = 0.02
"""How long nothing was asked of a session before it counts as idle, for `checkpoint="idle"`."""

_SANDBOX_ENDED = "its sandbox ended"


class _LookIdle:
    """A timer's message: see whether the session has been idle for too long."""


class _FreezeIdle(NamedTuple):
    """A timer's message: make a checkpoint, unless there was a call since.

    Attributes:
        calls: how many there had been when the timer was armed.
    """

    calls: int


class SessionActor(GenServer):
    """Owns the worker of one session.

    Its thread blocks in the conversation with the worker, as a worker's actor does; whoever wants to end that
    kills the process by the lifeline.
    """

    def init(self, setup: SessionSetup, branch: Branch | None = None) -> None:
        """Get a worker.

        Args:
            setup: how the session is set up.
            branch: what it starts with; None for nothing.

        Raises:
            WorkerLostError: it did not get ready.
        """
        self._setup = setup
        self._calls = 0
        self._draining = False
        self._in_hand = True  # the process is being talked to
        self._body: SessionBody | None = None
        self._idle_look: Timer | None = None
        self.pid.on_release(self._release)
        self._body = SessionBody(setup, self.system, branch)
        self._in_hand = False
        self._used = self.system.clock.now()
        if setup.config.idle_timeout_s is not None:
            self._idle_look = self.send_after(setup.config.idle_timeout_s, _LookIdle())
        facts = {"session": setup.number, "profile": self._body.worker.facts.profile}
        self.system.telemetry.emit(_events.SESSION_STARTED, {}, facts)

    # -- messages

    def handle_call(self, message: object, sender: Sender) -> Any:  # noqa: ANN401 -- each message has its own reply
        """Serve a call, or do something to the state.

        Raises:
            Refuse: that is not possible; the state is as it was.
        """
        if isinstance(message, Drain):
            self._draining = True
            return None
        self._in_hand = True
        try:
            if self._draining:
                raise Refuse(RuntimeClosedError())
            return self._handle(message, sender)
        except WorkerLostError as error:
            why = self._setup.lifeline.why
            sender.fail(SessionClosedError(why or f"{_SANDBOX_ENDED}: {error}"))
            return Stop(Shutdown(why or _SANDBOX_ENDED))
        finally:
            if isinstance(message, SessionCall):
                self._setup.lifeline.owe(-1)
            if self._setup.lifeline.is_cut:
                self._the_body.worker.close()  # nobody else may do it: the actor may be fenced off
            self._in_hand = False
            self._used = self.system.clock.now()

    def _handle(self, message: object, sender: Sender) -> Any:  # noqa: ANN401 -- as `handle_call`
        match message:
            case SessionCall():
                return self._call(message, sender)
            case ReadVariable(name):
                sender.reply(self._the_body.read(name))
                return self._follow_up()
        try:
            return self._change(message, sender)
        except RollbackUnavailableError as error:
            raise Refuse(error) from None

    def _change(self, message: object, sender: Sender) -> Any:  # noqa: ANN401 -- as `handle_call`
        """Do what a message asks for to the state, or tell about it.

        Raises:
            RollbackUnavailableError: that is not possible.
            Refuse: it is none of the messages.
        """
        body = self._the_body
        match message:
            case MakeCheckpoint():
                return body.make_checkpoint()
            case GoBack(steps):
                return body.go_back(steps)
            case StartOver():
                return body.start_over()
            case GetRollbackState():
                return body.rollback_state()
            case BranchOff():
                branch = body.branch(self._setup.zygote.new_id())
                setup = self._setup._replace(number=next(self.system.serials), lifeline=Lifeline())
                assert isinstance(self.parent, SupervisorAddress)  # noqa: S101 -- it was started as a child
                start_session(self.parent, type(self), setup, sender, branch)
                return NO_REPLY
        raise Refuse(ConfigError("message", message, "one of a session's own"))

    def handle_info(self, message: object) -> Stop | None:
        """Take a timer's message."""
        match message:
            case _LookIdle():
                return self._look_idle()
            case _FreezeIdle(calls):
                return self._freeze_idle() if calls == self._calls else None
        super().handle_info(message)
        return None

    def _look_idle(self) -> Stop | None:
        allowed = self._setup.config.idle_timeout_s or 0.0
        left = self._used + allowed - self.system.clock.now()
        if left <= 0:
            return Stop(Shutdown(f"it was idle for {allowed:g} s"))
        self._idle_look = self.send_after(left, _LookIdle())
        return None

    def _freeze_idle(self) -> Stop | None:
        self._in_hand = True
        try:
            self._the_body.checkpoint_if_needed()
        except WorkerLostError:
            return Stop(Shutdown(self._setup.lifeline.why or _SANDBOX_ENDED))
        finally:
            self._in_hand = False
        return None

    # -- calls

    def _call(self, message: SessionCall, sender: Sender) -> Any:  # noqa: ANN401 -- as `handle_call`
        """Run code and answer its caller; then get ready for the next.

        Raises:
            Refuse: a variable cannot cross, or a folder not be copied for the guest.
            WorkerLostError: the zygote ended.
        """
        queued_s = self.system.clock.now() - message.sent
        if sender.abandoned:
            return NO_REPLY
        check_language(message.request, self._setup.language)
        try:
            variables = encode_inputs(message.request.context)
        except ValueEncodeError as error:
            raise Refuse(error) from None
        self._calls += 1
        limits = message.request.context.limits or self._setup.limits
        run = Run(self._calls, message.request, limits, queued_s)
        try:
            result = self._the_body.recover() or self._execute(run, variables, sender)
        except WritePathError as error:
            report_finished(self.system, run, error, self._setup.number)
            raise Refuse(error) from None
        except WorkerLostError as error:
            report_finished(self.system, run, error, self._setup.number)
            raise
        if result is not None:  # else the caller was gone before the code ran
            sender.reply(result)
            report_finished(self.system, run, result, self._setup.number)
        return self._follow_up()

    def _execute(self, run: Run, variables: Encoded | None, sender: Sender) -> ExecutionResult | None:
        worker, context = self._the_body.worker, run.request.context
        watch, builder = BuildWatch(), self._setup.zygote.builder
        if builder is not None:
            sender.on_abandoned(lambda: watch.kill(Cause.CANCELLED))
        code = program_of(run.request, run.limits, builder, self.system.timers, watch)
        if not isinstance(code, str | Program):
            return self._the_body.untouched(code)
        if worker.files is not None:
            worker.files.begin()
        nonce = worker.next_request
        sender.on_abandoned(lambda: worker.kill_request(nonce, Cause.CANCELLED))
        tools = RequestTools(run, self.system, self._setup.tool_loop) if context.tools else None
        result = worker.serve(code, variables, run.limits, self.system.timers, context.on_output, tools=tools)
        if result is not None and worker.files is not None:
            result = worker.files.end(result, run.limits, wanted=lambda: not sender.abandoned)
        return None if result is None else self._the_body.settled(result)

    def _follow_up(self) -> Any:  # noqa: ANN401 -- as `handle_call`
        if self._the_body.follow_up():
            self.send_after(_IDLE_S, _FreezeIdle(self._calls))
        return NO_REPLY

    # -- the end

    @property
    def _the_body(self) -> SessionBody:
        assert self._body is not None  # noqa: S101 -- set by `init`
        return self._body

    def terminate(self, reason: ExitReason) -> None:
        """End the processes, and see them dead."""
        self._the_body.worker.close()
        why = reason.detail if isinstance(reason, Shutdown) else reason
        facts = {"session": self._setup.number, "reason": str(why or "it was stopped")}
        self.system.telemetry.emit(_events.SESSION_CLOSED, {}, facts)

    def _release(self) -> None:
        """Forget the timer; end the processes of an actor that was fenced off, which runs no `terminate`.

        If its thread is talking to one of them, the kill unblocks it, and it gives the descriptors back.
        """
        if self._idle_look is not None:
            self._idle_look.cancel()
        self._setup.lifeline.cut(Cause.STOPPED, "its actor was killed")
        if self._body is not None and not self._in_hand:
            self._body.worker.close()
