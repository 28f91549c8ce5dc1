"""The actor around one object of a module: its methods, its state, its last saved state, another version."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from dspex_actors._config import CheckpointAt
from dspex_actors._errors import ConfigError
from dspex_actors._log import log
from dspex_actors.modules._objects import StepFailedError
from dspex_actors.modules._reload_errors import MethodExitedError, described
from dspex_actors.modules._spec import WhenFailed
from supervisors import IGNORE, GenServer, Refuse, Timeout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dspex_actors.modules._bodies import Body, Built
    from dspex_actors.modules._catalog import Entry, LoadedCode
    from dspex_actors.modules._objects import SavedState
    from dspex_actors.modules._spec import ModuleSpec
    from dspex_actors.modules._tables import ModuleTables
    from supervisors import ExitReason, Sender

    Builder = Callable[[LoadedCode, ModuleSpec, SavedState | None], Built]

IDLE_S: Final = 0.05  # seconds without a call until an instance with checkpoint="idle" saves; arbitrary


@dataclass(frozen=True, slots=True)
class CallMethod:
    """Call a method of the object; by `call` its value is the reply, by `cast` it is dropped.

    Attributes:
        method: its name; public, or `"__call__"`.
        args: for it.
        kwargs: for it.
    """

    method: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


class GetModuleState:
    """Ask for the object's state, as `dump_state` gives it; a copy."""


class GetModuleVersion:
    """Ask for the `ModuleVersion` that the object is of."""


class SaveModuleState:
    """Save the object's state now, as what a restart begins with."""


class ModuleInstance(GenServer):
    """Drives one object of a registered module.

    Messages are `CallMethod`, `GetModuleState`, `GetModuleVersion` and `SaveModuleState`. An exception of a
    method goes to the caller, SystemExit and its like as the cause of a `MethodExitedError`; the object is
    then made anew from its last saved state, or goes on, as the spec's `when_failed` says, and the actor
    lives in both cases. What ends the actor, for example a kill, is a crash: its supervisor starts it again,
    from the last saved state, too.
    """

    def init(self, tables: ModuleTables, build: Builder, module_id: str, name: str) -> Any:  # noqa: ANN401 -- None or IGNORE
        """Make the object, of the current version or of the one that is pinned.

        Args:
            tables: where code and saved states are.
            build: makes objects.
            module_id: of which module.
            name: of the instance.

        Returns:
            None; `IGNORE` if it is not wanted any more, or was there before and cannot be made again, which
            watchers are told.

        Raises:
            StepFailedError: it could not be made.
        """
        self._tables = tables
        self._build = build
        self._key = module_id, name
        self._next: Body | None = None
        self._unsaved = False
        self._warned = False
        self._held = False
        self._was_suspended = False
        self.pid.on_release(partial(tables.ended, self._key, self.pid))
        try:
            with tables.gate.reading():
                if not tables.is_wanted(self._key):
                    return IGNORE
                self._body = self._made()
                if not tables.started(self._key, self.pid, self._body.version):
                    self._body.close()
                    return IGNORE
        except StepFailedError as error:
            if not tables.lost(self._key, str(error)):
                raise
            log("error", "module.instance_lost", module=module_id, instance=name, reason=str(error))
            return IGNORE
        return None

    def handle_call(self, message: object, sender: Sender) -> Any:  # noqa: ANN401 -- each message has its own reply
        """Call a method, or answer about the object.

        Raises:
            Refuse: the method raised, or there is none; the actor lives.
        """
        del sender
        match message:
            case CallMethod():
                value = self._call(message)
                return Timeout(IDLE_S, reply=value) if self._saves_when_idle else value
            case GetModuleState():
                return self._refusing(self._body.dump).state
            case GetModuleVersion():
                return self._body.version
            case SaveModuleState():
                self._tables.save(self._key, self._refusing(self._body.dump))
                self._unsaved = False
                return None
            case _:
                raise Refuse(ConfigError("message", message, "one of the messages of ModuleInstance"))

    def handle_cast(self, message: object) -> Any:  # noqa: ANN401 -- None or a Timeout
        """Call a method nobody waits for; what it raises is logged."""
        if isinstance(message, CallMethod):
            try:
                self._call(message)
            except Refuse as refused:
                module_id, name = self._key
                log(
                    "error",
                    "module.cast_failed",
                    module=module_id,
                    instance=name,
                    method=message.method,
                    error=refused.error,
                )
        elif isinstance(message, SaveModuleState):
            self._save()
        return Timeout(IDLE_S) if self._saves_when_idle else None

    def handle_info(self, message: object) -> Any:  # noqa: ANN401 -- as above
        """Save after a moment without calls."""
        if isinstance(message, Timeout):
            self._save()
            return None
        return super().handle_info(message)

    def terminate(self, reason: ExitReason) -> None:
        """Save what is not saved and let go of the object."""
        del reason
        if self._unsaved:
            self._save()
        self._body.close()

    # -- another version; called in this thread while a reload has suspended this actor

    def hold(self) -> None:
        """Handle no messages until `release`."""
        self._held = True
        self._was_suspended = self.pid.suspended
        self.system_suspend()

    def release(self) -> None:
        """Go on as before `hold`: suspended, if somebody else had asked for that."""
        held, self._held = self._held, False
        if held and not self._was_suspended:
            self.system_resume()

    def prepare(self, code: LoadedCode, spec: ModuleSpec) -> SavedState | None:
        """Make an object of another version with the state of this one; return that state.

        Raises:
            StepFailedError: a step raised; the object is as it was.
        """
        built = self._build(code, spec, self._body.dump())
        self._next = built.body
        return built.saved

    def swap(self) -> None:
        """Take the object that was prepared."""
        if self._next is not None:
            before, self._body, self._next = self._body, self._next, None
            self._unsaved = False
            before.close()

    def drop(self) -> None:
        """Keep the object, and let go of the one that was prepared."""
        if self._next is not None:
            dropped, self._next = self._next, None
            dropped.close()

    # -- inside

    @property
    def _spec(self) -> ModuleSpec:
        return self._entry.spec

    @property
    def _entry(self) -> Entry:
        return self._tables.entry(self._key[0])

    @property
    def _saves_when_idle(self) -> bool:
        return self._unsaved and self._spec.checkpoint is CheckpointAt.IDLE

    def _made(self) -> Body:
        entry = self._entry
        return self._build(entry.code_for(self._key[1]), entry.spec, self._tables.saved(self._key)).body

    def _call(self, message: CallMethod) -> Any:  # noqa: ANN401 -- the method's value
        try:
            value = self._body.call(message.method, message.args, message.kwargs)
        except Refuse:
            raise
        except BaseException as error:  # the method's; see `_objects`
            self._failed()
            raise self._refusal(message.method, error) from error
        self._unsaved = True
        if self._spec.checkpoint is CheckpointAt.EVERY_CALL:
            self._save()
        return value

    def _failed(self) -> None:
        """Throw the object away after an exception, and make it anew; no reload can be under way here."""
        self._unsaved = True
        if self._spec.when_failed is WhenFailed.RESTART or self._body.lost:
            before, self._body = self._body, self._made()
            before.close()
            self._unsaved = False
            self._tables.restarted(self._key, self._body.version)

    def _save(self) -> None:
        """Save the state; where that cannot be done the last saved one stays, and the log says so once."""
        try:
            saved = self._body.dump()
        except StepFailedError as error:
            if not self._warned:
                module_id, name = self._key
                reason = described(error.error)
                log("warning", "module.state_not_saved", module=module_id, instance=name, reason=reason)
            self._warned = True
            return
        self._tables.save(self._key, saved)
        self._unsaved = False

    def _refusing(self, dump: Callable[[], SavedState]) -> SavedState:
        try:
            return dump()
        except StepFailedError as error:
            raise self._refusal(error.step, error.error) from error

    def _refusal(self, method: str, error: BaseException) -> Refuse:
        """Give the caller what a method has raised; what would end it only as a cause."""
        if isinstance(error, Exception):
            return Refuse(error)
        exited = MethodExitedError(*self._key, method, described(error))
        exited.__cause__ = error
        return Refuse(exited)
