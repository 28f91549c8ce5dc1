"""One reload or roll-back, from the request to what watchers are told."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dspex_actors._log import log
from dspex_actors.modules._code_changes import InPlace, KeptFile, NewFile, below
from dspex_actors.modules._module_events import HotReloaded, ReloadFailed, ReloadStarted, RolledBack
from dspex_actors.modules._objects import StepFailedError
from dspex_actors.modules._python_sources import (
    LoadedSource,
    NoSourceError,
    SourceGoneError,
    digest_of,
    loaded_below,
    planned_sources,
    refusal_of,
)
from dspex_actors.modules._registry_messages import ReloadReport
from dspex_actors.modules._reload_errors import ReloadError, ReloadRefusedError, described
from dspex_actors.modules._reload_plan import PlanRefusedError, plan_reload
from dspex_actors.modules._tables import FencedOffError
from dspex_actors.modules._transaction import Transaction, WhenBusy
from dspex_actors.modules._version_table import ModuleVersion, automatic_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dspex_actors.modules._by_module import Key
    from dspex_actors.modules._catalog import Entry, LoadedCode
    from dspex_actors.modules._code_changes import CodeChange
    from dspex_actors.modules._instance import Builder
    from dspex_actors.modules._objects import SavedState
    from dspex_actors.modules._registry_messages import HotReload, RollBack
    from dspex_actors.modules._spec import ModuleSpec
    from dspex_actors.modules._tables import ModuleTables
    from supervisors import Pid


@dataclass(frozen=True, slots=True)
class _Goal:
    """What a reload leads to.

    Attributes:
        entry: the module as it is.
        version: what it is to have.
        spec: what is to be its spec.
        modules: the Python modules that run.
        make_change: compiles; may raise a StepFailedError.
        back: whether it is a roll-back.
    """

    entry: Entry
    version: ModuleVersion
    spec: ModuleSpec
    modules: tuple[str, ...]
    make_change: Callable[[], CodeChange]
    back: bool = False


class Reloader:
    """Reloads modules, for one incarnation of the registry and in its thread.

    Args:
        tables: everything.
        build: makes objects.
        incarnation: what this one writes as.
    """

    def __init__(self, tables: ModuleTables, build: Builder, incarnation: int) -> None:
        self._tables = tables
        self._build = build
        self._incarnation = incarnation

    def hot_reload(self, request: HotReload, caller: Pid | None) -> ReloadReport:
        """Reload a module.

        Raises:
            UnknownModuleError: there is none.
            ReloadRefusedError: it cannot be reloaded.
            VersionTakenError: the label means another source.
            ReloadError: a step failed; everything is as before.
        """
        with self._tables.loading:
            entry = self._tables.entry(request.module_id)
            if entry.spec.module_name:
                if request.source is not None:
                    raise ReloadRefusedError(
                        request.module_id, "it is importable, and its source is where it was imported from"
                    )
                goal = self._import_goal(entry, request.version)
            else:
                goal = self._file_goal(entry, request)
            if goal is None:
                version = entry.table.current.version
                return ReloadReport(request.module_id, version, version, changed=False)
            return self._reach(goal, request, caller)

    def roll_back(self, request: RollBack, caller: Pid | None) -> ReloadReport:
        """Go back to the version before.

        Raises:
            UnknownModuleError: there is no such module.
            UnknownVersionError: there is no version before.
            ReloadRefusedError: it cannot be reloaded.
            ReloadError: a step failed; everything is as before.
        """
        with self._tables.loading:
            entry = self._tables.entry(request.module_id)
            version = entry.table.before()
            code = entry.codes[version.version]
            if entry.spec.module_name:
                code = replace(entry.current, version=version)  # that of the same source, if that is the same
                goal = self._import_goal(entry, version.version, back=entry.codes[version.version])
            else:
                goal = None
            if goal is None:
                spec = entry.spec if code.path is None else replace(entry.spec, source=code.path)
                goal = _Goal(entry, version, spec, (code.home,), lambda: KeptFile(entry, code), back=True)
            return self._reach(goal, request, caller)

    # -- what is to be done

    def _import_goal(self, entry: Entry, label: str | None, back: LoadedCode | None = None) -> _Goal | None:
        """Plan a reload of an importable module; None if nothing has changed."""
        spec, root = entry.spec, entry.spec.root
        module = loaded_below(root).get(spec.module_name)
        if module is None:
            raise ReloadRefusedError(spec.module_id, f"{spec.module_name} is not loaded any more")
        if refusal := refusal_of(module):
            raise ReloadRefusedError(spec.module_id, f"{spec.module_name} {refusal}")
        try:
            planned, data = planned_sources(root, self._tables.sources, back.sources if back else None)
            order = plan_reload(planned)
        except PlanRefusedError as error:
            raise ReloadRefusedError(spec.module_id, str(error)) from None
        except SourceGoneError as error:
            name, reason = error.args
            raise ReloadRefusedError(
                spec.module_id, f"the source of {name} cannot be read: {reason}"
            ) from None
        except NoSourceError as error:
            return self._uncompilable(entry, self._version(entry, label, digest_of(error.data)), error.error)
        if not order:
            return None
        digest = digest_of(below(root, data))
        version = back.version if back is not None else self._version(entry, label, digest)
        entries = self._tables.entries_in(order)
        if entry.spec.module_id not in {each.spec.module_id for each in entries}:
            entries.append(entry)

        def change() -> CodeChange:
            return InPlace(
                self._tables,
                root,
                order=order,
                data=data,
                versions={spec.module_id: version},
                entries=entries,
            )

        return _Goal(entry, version, spec, order, change, back=back is not None)

    def _uncompilable(self, entry: Entry, version: ModuleVersion, error: SyntaxError) -> _Goal:
        """Return a goal that fails to compile: watchers are told of it like of any other failure."""

        def fail() -> CodeChange:
            raise StepFailedError("compile", error, str(error.filename)) from error

        return _Goal(entry, version, entry.spec, (), fail)

    def _file_goal(self, entry: Entry, request: HotReload) -> _Goal | None:
        """Plan a reload of a file module; None if nothing has changed."""
        path = Path(request.source if request.source is not None else str(entry.spec.source)).absolute()
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ReloadRefusedError(request.module_id, f"its source cannot be read: {error}") from None
        digest = LoadedSource.of(data).digest
        if digest == entry.table.current.digest:
            return None
        version = self._version(entry, request.version, digest)
        spec = replace(entry.spec, source=path)
        kept = entry.codes.get(version.version)
        if kept is not None:  # of this source, as it was not refused; loading it again would take its name
            kept = replace(kept, path=path)
            return _Goal(entry, version, spec, (kept.home,), lambda: KeptFile(entry, kept))
        home = self._tables.files.name_of(request.module_id, version.version, digest)
        return _Goal(entry, version, spec, (home,), lambda: NewFile(self._tables, entry, spec, version, data))

    def _version(self, entry: Entry, label: str | None, digest: str) -> ModuleVersion:
        version = ModuleVersion(label or automatic_version(entry.table.current.version, digest), digest)
        entry.table.check_new(version.version, digest)
        return version

    # -- doing it

    def _reach(self, goal: _Goal, request: HotReload | RollBack, caller: Pid | None) -> ReloadReport:
        module_id, old = goal.entry.spec.module_id, goal.entry.table.current
        moved = {
            "old": old.version,
            "new": goal.version.version,
            "old_digest": old.digest,
            "new_digest": goal.version.digest,
        }
        if caller is not None and caller in self._tables.live([module_id]).values():
            raise ReloadRefusedError(
                module_id, "one of its own instances asks for it, and would have to hold still"
            )
        with self._telling(module_id, moved):
            change = goal.make_change()
            transaction = Transaction(
                self._tables,
                change,
                self._build,
                when_busy=WhenBusy(request.when_busy),
                suspend_s=request.suspend_s,
            )
            outcome = transaction.run(lambda codes, states: self._commit(goal, change, moved, codes, states))
        log(
            "info",
            "module.rolled_back" if goal.back else "module.reloaded",
            module=module_id,
            old=old.version,
            new=goal.version.version,
            instances=len(outcome.upgraded),
            suspended_s=outcome.suspended_s,
        )
        return ReloadReport(
            module_id,
            old.version,
            goal.version.version,
            changed=True,
            modules=goal.modules,
            upgraded=outcome.upgraded,
            restarted=outcome.restarted,
            suspended_s=outcome.suspended_s,
        )

    @contextmanager
    def _telling(self, module_id: str, moved: Mapping[str, str | None]) -> Iterator[None]:
        """Tell watchers of the beginning, and of a failure."""
        with self._tables.writing(self._incarnation):
            self._tables.emit(module_id, ReloadStarted(**moved))
        try:
            yield
        except BaseException as error:  # noqa: BLE001 -- raised again as a ReloadError, with this as its cause
            failed = error if isinstance(error, StepFailedError) else StepFailedError("commit", error)
            cause = failed.error
            reason = "the registry was replaced" if isinstance(cause, FencedOffError) else described(cause)
            self._tables.emit(module_id, ReloadFailed(**moved, step=failed.step, reason=reason))
            log("warning", "module.reload_failed", module=module_id, step=failed.step, reason=reason)
            raise ReloadError(module_id, failed.step, failed.where or module_id, reason) from cause

    def _commit(
        self,
        goal: _Goal,
        change: CodeChange,
        moved: Mapping[str, str | None],
        codes: Mapping[str, LoadedCode],
        states: Mapping[Key, SavedState],
    ) -> None:
        """Write everything down and tell watchers, in one step.

        Raises:
            FencedOffError: another incarnation of the registry has taken over.
        """
        with self._tables.writing(self._incarnation):
            change.keep()
            self._tables.saved_all(states)
            own = goal.entry.spec.module_id
            for entry in change.entries:
                code, module_id = codes[entry.spec.module_id], entry.spec.module_id
                now = self._tables.entry(module_id)  # its pins may be others than at the beginning
                table = now.table
                if module_id == own:
                    moved_on = table.rolled_back() if goal.back else table.moved_to(code.version)
                    self._tables.change(replace(now, spec=goal.spec), moved_on, code)
                    kind = RolledBack if goal.back else HotReloaded
                    self._tables.emit(module_id, kind(**moved))
                else:
                    before = table.current
                    self._tables.change(now, table.moved_to(code.version), code)
                    self._tables.emit(
                        module_id,
                        HotReloaded(
                            old=before.version,
                            new=code.version.version,
                            old_digest=before.digest,
                            new_digest=code.version.digest,
                        ),
                    )
