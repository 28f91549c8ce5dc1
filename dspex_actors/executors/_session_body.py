"""The worker of a session together with its checkpoints: what the session's actor acts on.

What becomes of a state is decided in `_history`; here it is done to the processes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from dspex_actors import _events
from dspex_actors._config import CheckpointAt, OnError
from dspex_actors._errors import RollbackUnavailableError
from dspex_actors._execution import Completed, ExecutionResult, Failed, LimitExceeded, WorkerDied
from dspex_actors._log import log
from dspex_actors._session import RollbackState, SessionState
from dspex_actors.executors._history import Checkpoint, Ending, Fate, History
from dspex_actors.workers import NoCopiesError, SessionWorker

if TYPE_CHECKING:
    from dspex_actors._config import SessionConfig
    from dspex_actors._language import Language
    from dspex_actors._limits import Limits
    from dspex_actors.executors._lifeline import Lifeline
    from dspex_actors.executors._tool_loop import ToolLoop
    from dspex_actors.workers import KeptWorker, ZygoteHandle
    from supervisors import System

_NEVER = "the session makes checkpoints only when it is told to (checkpoint='never')"
_NOT_YET = "no checkpoint was made since the last call (checkpoint='idle')"
_SLOW = "making a checkpoint takes {:.0f} ms; one is made when the session is idle"
_SLOW_S, _SLOW_COPIES = 0.1, 3
"""Copies in a row that each take longer than that are too dear to be made after every call.

A heap of 100 MB of Python objects takes about 10 ms, one of 1 GB about 40. One slow copy may be chance.
"""

_GONE = "its checkpoint was gone"
_CLOSED = "the session was closed"


class SessionSetup(NamedTuple):
    """What a session is told when it starts.

    Attributes:
        number: its own, unique in its tree.
        zygote: where its workers come from.
        config: how it is set up.
        limits: what its calls may use.
        start_timeout_s: seconds a worker may take to be ready.
        lifeline: reaches the process while the actor is busy.
        tool_loop: runs the async tools of calls that name no loop.
        language: of its calls; None for Python.
    """

    number: int
    zygote: ZygoteHandle
    config: SessionConfig
    limits: Limits
    start_timeout_s: float
    lifeline: Lifeline
    tool_loop: ToolLoop
    language: Language | None = None


class Branch(NamedTuple):
    """What a session that branched off starts with.

    Attributes:
        worker: has the state.
        calls: how many calls made it.
    """

    worker: SessionWorker
    calls: int


class SessionBody:
    """The present worker of a session, and its history.

    For the thread of the session's actor. Every method that talks to processes raises `WorkerLostError` when
    the zygote has ended.

    Args:
        setup: how the session is set up.
        system: whose timers and telemetry are used.
        branch: what it starts with; None for nothing.

    Attributes:
        worker: what runs the next call.
    """

    def __init__(self, setup: SessionSetup, system: System, branch: Branch | None = None) -> None:
        self._setup = setup
        self._system = system
        self._history = History(setup.config.history, OnError(setup.config.on_error))
        self._why_none = ""  # why the last checkpoint that was wanted does not exist
        self._slow_copies = 0  # in a row
        if branch is None:
            self.worker: KeptWorker = self._new_worker()
        else:
            self.worker, self._history.calls = branch
            setup.lifeline.attach(self.worker)
        try:
            self._make_first_checkpoint()
        except BaseException:
            self.worker.close()
            raise

    def read(self, name: str) -> ExecutionResult:
        """Return the value of a variable as a result; the state is as it was, unless the worker died."""
        result: ExecutionResult | None = self.recover()
        if result is None:
            result = self.worker.read(name, self._setup.limits, self._system.timers)
            if _ending(result, self.worker) is Ending.GONE:
                result = self.settled(result)
        return result

    def recover(self) -> WorkerDied | None:
        """See whether the worker still lives; if not, bring the state back.

        Returns:
            None if the session has the state that its callers know. Else what to answer in place of running
            code in a state that nobody expects.
        """
        if not self.worker.is_dead():
            return None
        died = self.worker.obituary()
        state = self._settle(died)
        if state.fate == "rolled_back" and not state.undone:
            return None
        told: WorkerDied = replace(died, session=state)
        return told

    def settled(self, result: ExecutionResult) -> ExecutionResult:
        """Do to the state what the end of a call asks for; return the result with what that was."""
        return replace(result, session=self._settle(result))

    def untouched(self, result: ExecutionResult) -> ExecutionResult:
        """Return the result of a call whose code did not get as far as the worker, with the state kept."""
        return replace(result, session=SessionState(fate="kept", calls=self._history.calls))

    def _settle(self, result: ExecutionResult) -> SessionState:
        history, ending = self._history, _ending(result, self.worker)
        if ending is not Ending.DONE:
            self._note_vanished()
        if self._setup.lifeline.is_cut:
            return SessionState(fate="lost", calls=0, undone=history.calls, reason=_CLOSED)
        fate = history.fate(ending)
        if fate is Fate.KEEP:
            reason = self._reason() if history.is_unwanted(ending) else ""
            history.finished()
            return SessionState(fate="kept", calls=history.calls, reason=reason)
        if (
            fate is Fate.RESTORE
            and (state := self._restore_newest(alive=ending is not Ending.GONE)) is not None
        ):
            return state
        return self._lose()

    def _restore_newest(self, *, alive: bool) -> SessionState | None:
        """Wake the newest checkpoint that is there; None if none is.

        Args:
            alive: whether the worker is; then only a checkpoint of the present state will do.
        """
        history = self._history
        while (checkpoint := history.restorable()) is not None:
            undone, reason = history.undone, self._reason()
            if self._wake(checkpoint):
                state = SessionState(
                    fate="rolled_back",
                    calls=history.calls,
                    undone=undone,
                    reason=reason if undone else "",
                )
                self._report(state)
                return state
            history.vanished(checkpoint.number)
            self._why_none = _GONE
            if alive:
                history.finished()
                return SessionState(fate="kept", calls=history.calls, reason=_GONE)
        return None

    def _lose(self) -> SessionState:
        """Give up the state; `follow_up` will start from nothing."""
        state = SessionState(fate="lost", calls=0, undone=self._history.calls, reason=self._reason())
        self._history.lost()
        self.worker.close()
        self._report(state)
        return state

    def follow_up(self) -> bool:
        """Get ready for the next call: a worker, and a checkpoint if it is time for one.

        Returns:
            Whether a checkpoint is wanted once the session is idle.
        """
        if self._setup.lifeline.is_cut:
            return False
        at = self._setup.config.checkpoint
        if self.worker.is_closed:
            self.worker = self._new_worker()
            self._make_first_checkpoint()
        elif at is CheckpointAt.EVERY_CALL and self._slow_copies < _SLOW_COPIES:
            self.checkpoint_if_needed()
        elif at is CheckpointAt.EVERY_CALL:
            self._why_none = _SLOW.format(self.worker.copy_s * 1000)
        return at is not CheckpointAt.NEVER and not self._history.is_current

    def checkpoint_if_needed(self) -> str:
        """Make a checkpoint of the present state unless there is one; say why not if it cannot be made."""
        history = self._history
        self._note_vanished()
        if history.is_current:
            return ""
        number, superfluous = history.freezing()
        self._why_none = self.worker.freeze(number, superfluous)
        if not self._why_none:
            history.frozen(number, superfluous)
            self._slow_copies = self._slow_copies + 1 if self.worker.copy_s > _SLOW_S else 0
        return self._why_none

    def make_checkpoint(self) -> None:
        """Make a checkpoint of the present state, because somebody asked for it.

        Raises:
            RollbackUnavailableError: it cannot be made, or the state to be kept is gone.
        """
        if (died := self.recover()) is not None:
            self.follow_up()
            raise RollbackUnavailableError(f"the state is gone: {died.detail}")
        if why_not := self.checkpoint_if_needed():
            raise RollbackUnavailableError(why_not)

    def go_back(self, steps: int) -> None:
        """Go back to the state of an earlier checkpoint.

        Raises:
            RollbackUnavailableError: there is none so old.
        """
        checkpoint = self._history.restorable(steps)
        if checkpoint is None:
            known = f"{self._history.earlier_states} earlier states have a checkpoint, not {steps}"
            raise RollbackUnavailableError(self.worker.no_copies or known)
        if not self._wake(checkpoint):
            self._history.vanished(checkpoint.number)
            raise RollbackUnavailableError(_GONE)
        self.checkpoint_if_needed()  # waking the copy has used it up

    def branch(self, worker_id: int) -> Branch:
        """Return a second worker that has the present state.

        Raises:
            RollbackUnavailableError: it cannot be made.
        """
        if (died := self.recover()) is not None:
            self.follow_up()
            raise RollbackUnavailableError(f"the state is gone: {died.detail}")
        if not isinstance(self.worker, SessionWorker):
            raise RollbackUnavailableError(self.worker.no_copies)
        try:
            return Branch(self.worker.branch(worker_id), self._history.calls)
        except NoCopiesError as error:
            raise RollbackUnavailableError(str(error)) from None

    def start_over(self) -> None:
        """Forget everything: a fresh worker."""
        self.worker.close()
        self._history.lost()
        self.worker = self._new_worker()
        self._make_first_checkpoint()

    def rollback_state(self) -> RollbackState:
        """Say whether the present state would survive."""
        self._note_vanished()
        earlier = self._history.earlier_states
        if self._history.is_current:
            return RollbackState(status="available", checkpoints=earlier)
        return RollbackState(status="unavailable", reason=self._reason(), checkpoints=earlier)

    # -- inside

    def _new_worker(self) -> KeptWorker:
        """Return a fresh worker; one that cannot be copied if this machine has no other."""
        why_not = self._setup.zygote.no_copies
        if not why_not:
            try:
                return self._ready(self._setup.zygote.spawn_session(reseed=self._setup.config.reseed))
            except NoCopiesError as error:
                why_not = str(error)
        return self._ready(self._setup.zygote.spawn_kept(why_not))

    def _ready(self, worker: KeptWorker) -> KeptWorker:
        """Wait until a worker takes calls."""
        setup = self._setup
        setup.lifeline.attach(worker)
        worker.wait_ready(setup.start_timeout_s, self._system.timers)
        try:
            worker.open(setup.limits, self._system.timers)
        except BaseException:
            worker.close()
            raise
        return worker

    def _make_first_checkpoint(self) -> None:
        self._why_none = ""
        if self._setup.config.checkpoint is not CheckpointAt.NEVER:
            self.checkpoint_if_needed()

    def _wake(self, checkpoint: Checkpoint) -> bool:
        """Let a checkpoint take the place of the worker; False if it is not there."""
        if not self.worker.restore(checkpoint.number, self._history.restoring(checkpoint)):
            return False
        self._history.restored(checkpoint)
        self._setup.lifeline.attach(self.worker)  # it is another process now; the session may be cut
        return True

    def _note_vanished(self) -> None:
        """Take note of checkpoints that are not there after all."""
        for number, reason in self.worker.vanished().items():
            self._history.vanished(number)
            self._why_none = reason

    def _reason(self) -> str:
        """Say why the present state has no checkpoint."""
        if self._why_none:
            return self._why_none
        return _NEVER if self._setup.config.checkpoint is CheckpointAt.NEVER else _NOT_YET

    def _report(self, state: SessionState) -> None:
        facts = {"session": self._setup.number, "fate": state.fate, "reason": state.reason}
        self._system.telemetry.emit(_events.SESSION_ROLLED_BACK, {"undone": state.undone}, facts)
        log("info", _events.SESSION_ROLLED_BACK, **facts, undone=state.undone)


def _ending(result: ExecutionResult, worker: KeptWorker) -> Ending:
    """Say what a result means for the worker that gave it."""
    match result:
        case Completed():
            return Ending.DONE
        case Failed() | LimitExceeded(limit="result"):
            return Ending.ERROR
        case LimitExceeded(limit="time" | "fuel") if worker.cause is None and not worker.is_dead():
            return Ending.ERROR  # its engine has stopped it
        case LimitExceeded(limit="memory") if worker.cause is None and not worker.is_dead():
            return Ending.MEMORY  # it has said so itself
    return Ending.GONE
