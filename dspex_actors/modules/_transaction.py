"""A reload as a transaction: all instances hold still, change together, and go on, or nothing happens."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Final

from dspex_actors._log import log
from dspex_actors.modules._objects import StepFailedError
from supervisors import ActorExitedError, CallTimeoutError, SupervisorError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dspex_actors.modules._by_module import Key
    from dspex_actors.modules._catalog import Entry, LoadedCode
    from dspex_actors.modules._code_changes import CodeChange
    from dspex_actors.modules._instance import Builder, ModuleInstance
    from dspex_actors.modules._objects import SavedState
    from dspex_actors.modules._spec import ModuleSpec
    from dspex_actors.modules._tables import ModuleTables
    from supervisors import CallFuture, Pid

    Commit = Callable[[Mapping[str, LoadedCode], Mapping[Key, SavedState]], None]

STARTS_S: Final = 60.0  # seconds that instances which are starting may take before a reload gives up
UPGRADE_S: Final = 60.0  # seconds that one instance's own code may take for its new object
RESUME_S: Final = 5.0  # seconds to wait until an instance says that it goes on; it needs microseconds


class WhenBusy(Enum):
    """What a reload does about an instance that is still at one call when it should hold still."""

    ABORT = "abort"  # the reload fails
    RESTART = "restart"  # the instance is killed, and starts with the new code from its last saved state


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a reload did to instances.

    Attributes:
        upgraded: names of those that have new objects, as `(module id, name)`.
        restarted: those that were busy and were killed.
        suspended_s: how long they held still.
    """

    upgraded: tuple[Key, ...]
    restarted: tuple[Key, ...]
    suspended_s: float


class Transaction:
    """One reload's dealings with the instances. Runs in the thread of the registry.

    Args:
        tables: where the instances are.
        change: the new code.
        build: makes objects.
        when_busy: what to do about instances that do not hold still.
        suspend_s: seconds they have to.
    """

    def __init__(
        self,
        tables: ModuleTables,
        change: CodeChange,
        build: Builder,
        *,
        when_busy: WhenBusy,
        suspend_s: float,
    ) -> None:
        self._tables = tables
        self._change = change
        self._build = build
        self._when_busy = when_busy
        self._suspend_s = suspend_s
        self._entries: dict[str, Entry] = {entry.spec.module_id: entry for entry in change.entries}
        self._pids: dict[Key, Pid] = {}
        self._busy: dict[Key, Pid] = {}
        self._stuck: list[Pid] = []

    def run(self, commit: Commit) -> Outcome:
        """Change code and instances.

        Args:
            commit: called once everything is ready, with the code of each module and the new states of the
                instances. What it raises undoes everything.

        Raises:
            StepFailedError: a step failed; everything is as before.
            Exception: what `commit` raised; likewise.
        """
        gate = self._tables.gate.writing(STARTS_S)
        try:
            gate.__enter__()
        except TimeoutError as error:
            raise StepFailedError("suspend", error, "an instance that is starting") from error
        try:
            return self._run(commit)
        finally:
            gate.__exit__(None, None, None)

    def _run(self, commit: Commit) -> Outcome:
        codes = {} if self._change.in_place else self._applied()
        began = time.monotonic()
        try:
            self._hold()
            if self._change.in_place:
                codes = self._change.apply()
            commit(codes, self._prepare(codes))
        except BaseException:
            self._each("drop")
            self._change.undo()
            for pid in self._stuck:
                pid.kill()
            raise
        else:
            self._each("swap")
            for pid in self._busy.values():
                pid.kill()
        finally:
            self._each("release")
        held = tuple(key for key in self._pids if key not in self._busy)
        return Outcome(held, tuple(self._busy), time.monotonic() - began)

    def _applied(self) -> dict[str, LoadedCode]:
        """Run new code that disturbs nobody, before anybody has to hold still."""
        try:
            return self._change.apply()
        except BaseException:
            self._change.undo()
            raise

    def _hold(self) -> None:
        """Let the instances hold still, all at once.

        Raises:
            StepFailedError: at `"suspend"`: one is busy for too long.
        """
        for key, pid in self._tables.live(self._entries).items():
            if key[1] not in self._entries[key[0]].table.pins:
                self._pids[key] = pid
        asked = {key: pid.system_call_async(lambda actor: actor.hold()) for key, pid in self._pids.items()}
        deadline = time.monotonic() + self._suspend_s
        for key, holding in asked.items():
            if not self._is_held(holding, deadline):
                self._busy[key] = self._pids[key]
        if self._busy and self._when_busy is WhenBusy.ABORT:
            for key in self._busy:
                asked[key].abandon()
            error = TimeoutError(f"it was busy with one call for longer than {self._suspend_s:g} s")
            raise StepFailedError("suspend", error, ", ".join(_named(key) for key in self._busy))

    def _is_held(self, holding: CallFuture, deadline: float) -> bool:
        try:
            holding.get(timeout=max(0.0, deadline - time.monotonic()))
        except ActorExitedError:
            pass  # it has ended, and waits at the gate to start again
        except (CallTimeoutError, SupervisorError):
            return False
        return True

    def _prepare(self, codes: Mapping[str, LoadedCode]) -> dict[Key, SavedState]:
        """Let each instance make its new object beside the one it has; return their states.

        Raises:
            StepFailedError: the module's own code raised.
        """
        states: dict[Key, SavedState] = {}
        for key, pid in self._pids.items():
            code, spec = codes[key[0]], self._entries[key[0]].spec
            try:
                if key in self._busy:
                    built = self._build(code, spec, self._tables.saved(key))  # a rehearsal of its restart
                    built.body.close()
                    saved = built.saved
                else:
                    saved = pid.system_call(partial(_prepare, code=code, spec=spec), UPGRADE_S)
            except ActorExitedError:
                continue
            except CallTimeoutError as error:
                self._stuck.append(pid)
                raise StepFailedError("load_state", error, _named(key)) from error
            except StepFailedError as error:
                raise StepFailedError(error.step, error.error, _named(key)) from error.error
            if saved is not None:
                states[key] = saved
        return states

    def _each(self, act: str) -> None:
        """Let each instance do one of the things that do not fail; one that does has to start again."""
        asked = [
            (pid, pid.system_call_async(lambda actor: getattr(actor, act)())) for pid in self._pids.values()
        ]
        busy = set(self._busy.values()) | set(self._stuck)
        for pid, done in asked:
            if pid in busy:
                continue  # it does so as soon as it comes to it
            try:
                done.get(timeout=RESUME_S)
            except (ActorExitedError, CallTimeoutError):
                continue  # it has ended; or the machine is slow, and it comes to it later, in this order
            except Exception as error:  # noqa: BLE001 -- one instance must not keep the others suspended
                log("error", "module.instance_restarted", actor=pid.name, step=act, error=error)
                pid.kill()


def _prepare(actor: ModuleInstance, *, code: LoadedCode, spec: ModuleSpec) -> SavedState | None:
    return actor.prepare(code, spec)


def _named(key: Key) -> str:
    return f"{key[0]}/{key[1]}"
