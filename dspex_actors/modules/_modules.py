"""The modules of a program as it holds them: registered, found, started, reloaded, watched."""

from __future__ import annotations

import importlib.util
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from dspex_actors._config import check_count
from dspex_actors._errors import ConfigError
from dspex_actors.modules._core import NO_SESSIONS
from dspex_actors.modules._file_watch import FileWatcher
from dspex_actors.modules._handle import InstanceHandle
from dspex_actors.modules._id_index import Pattern
from dspex_actors.modules._modules_handle import ModulesHandle
from dspex_actors.modules._registry_messages import (
    SUSPEND_S,
    HotReload,
    PinInstance,
    RegisterModule,
    RollBack,
    UnpinInstance,
    UnregisterModule,
)
from dspex_actors.modules._reload_errors import (
    InstanceExistsError,
    InstanceStartError,
    ReloadRefusedError,
    UnknownInstanceError,
)
from dspex_actors.modules._spec import Isolation, ModuleSpec, check_id
from dspex_actors.modules._tables_actor import Subscribe, WatchModules
from dspex_actors.modules._transaction import WhenBusy
from dspex_actors.modules._tree import ModulesTree
from supervisors import ActorExitedError, ChildNotFoundError, Crash, StartError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable
    from pathlib import Path

    from dspex_actors.modules._catalog import ModuleInfo
    from dspex_actors.modules._deliveries import Told
    from dspex_actors.modules._module_watch import ModuleWatch
    from dspex_actors.modules._registry_messages import ReloadReport
    from dspex_actors.modules._version_table import ModuleVersions
    from supervisors import Address, Pid

MAIN: Final = "main"  # name of the instance of a module that has one
WATCH_SIZE: Final = 1000  # events that wait for one watcher; arbitrary
DEBOUNCE_MS: Final = 50  # an editor that writes a new file and renames it makes several changes


class Modules(ModulesHandle):
    """Registered modules, their versions and their instances, for any thread.

        with Modules.open() as modules:
            modules.register(ModuleSpec("summarizer", target="my_app.summarizer:Summarizer", version="1.0.0"))
            summarizer = modules.start_instance("summarizer")
            summarizer.call("forward", "a long text")
            modules.hot_reload("summarizer", "1.1.0")

    In a tree of your own it is a child like any other: `Supervisor.start([modules.child_spec(), ...])`.
    Modules, versions, pins, subscriptions and saved states outlive every actor of it; they end with `close`.

    What reads is answered in the calling thread. What changes something waits for the registry's actor, and
    raises `ActorExitedError` when that ends meanwhile: then look whether it was done.

    Args:
        hot_reload: whether `hot_reload` and `rollback` do anything but refuse.
        open_session: opens the sessions that `isolation="worker"` needs; a `Runtime` gives its own.
        name: for people.
    """

    actor_class = ModulesTree

    # -- modules

    def register(self, spec: ModuleSpec) -> ModuleInfo:
        """Load a module's code and register it.

        Raises:
            ModuleExistsError: its id is taken.
            ModuleLoadError: its code cannot be loaded, or has no such class.
            ConfigError: `spec` is none, or asks for a worker where there are none.
        """
        if not isinstance(spec, ModuleSpec):
            raise ConfigError("spec", spec, "a ModuleSpec")
        if spec.isolation is Isolation.WORKER and self._core.open_session is None:
            raise ConfigError("isolation", "worker", NO_SESSIONS)
        info: ModuleInfo = self._core.ask_registry(RegisterModule(spec))
        return info

    def unregister(self, module_id: str) -> None:
        """Stop a module's instances and forget it, their states and its pins.

        Raises:
            UnknownModuleError: there is none.
        """
        self._core.ask_registry(UnregisterModule(module_id))

    def get(self, module_id: str) -> ModuleInfo:
        """Return a registered module.

        Raises:
            UnknownModuleError: there is none.
        """
        return self._core.tables.get(module_id)

    def discover(
        self,
        pattern: str = "*",
        *,
        type: str | None = None,  # noqa: A002 -- the field of a spec
        version: str | None = None,
        tags: Iterable[str] = (),
    ) -> list[ModuleInfo]:
        """Return registered modules, sorted by id.

        Args:
            pattern: a glob over ids. One that begins or ends with literal text is looked up by that.
            type: the type they must have.
            version: a range that their current version must be in, for example `">=1.2,<2"`.
            tags: what they must all have.

        Raises:
            ConfigError: an argument is wrong.
        """
        return self._core.tables.discover(Pattern(pattern), type=type, version=version, tags=frozenset(tags))

    def versions(self, module_id: str) -> ModuleVersions:
        """Return the versions of a module that are kept, and its pins.

        Raises:
            UnknownModuleError: there is none.
        """
        return self._core.tables.versions(module_id)

    # -- instances

    def start_instance(
        self, module_id: str, name: str = MAIN, *, version: str | None = None
    ) -> InstanceHandle:
        """Start an instance of a module, of its current version, or pinned to another one that is kept.

        Raises:
            UnknownModuleError: there is no such module.
            UnknownVersionError: there is no such version.
            InstanceExistsError: it has an instance of this name.
            InstanceStartError: its object could not be made.
            ReloadRefusedError: a version is given for an importable module, which has one at a time.
        """
        check_id("name", name)
        key = module_id, name
        if not self._core.tables.want(key):
            raise InstanceExistsError(module_id, name)
        try:
            if version is not None:
                self._core.ask_registry(PinInstance(module_id, name, version))
            started = self._core.instances.start_child(self._core.instance_spec(key))
        except StartError as error:
            self._core.tables.forget(key)
            reason = error.reason
            raise InstanceStartError(
                module_id, name, reason.message if isinstance(reason, Crash) else str(reason)
            ) from error
        except BaseException:
            self._core.tables.forget(key)
            raise
        if started is None:
            raise InstanceStartError(module_id, name, "it was lost while it started")
        return InstanceHandle(self._core.via(module_id, name), module_id, name)

    def instance(self, module_id: str, name: str = MAIN) -> InstanceHandle:
        """Return what an instance is talked to by; it stays valid over restarts and reloads.

        Raises:
            UnknownInstanceError: there is no such instance.
        """
        if not self._core.tables.is_wanted((module_id, name)):
            raise UnknownInstanceError(module_id, name)
        return InstanceHandle(self._core.via(module_id, name), module_id, name)

    def instance_names(self, module_id: str) -> list[str]:
        """Return the names of a module's instances, sorted.

        Raises:
            UnknownModuleError: there is no such module.
        """
        self._core.tables.entry(module_id)
        return [name for _, name in self._core.tables.wanted(module_id)]

    def stop_instance(self, module_id: str, name: str = MAIN) -> None:
        """Stop an instance and forget its state and its pin.

        Raises:
            UnknownInstanceError: there is no such instance.
        """
        pid = self._core.via(module_id, name).pid
        if not self._core.tables.forget((module_id, name)):
            raise UnknownInstanceError(module_id, name)
        if pid is not None:
            try:
                self._core.instances.terminate_child(pid)
            except ChildNotFoundError:
                pid.kill()  # its supervisor has been replaced, and it is about to go

    def pin(self, module_id: str, name: str = MAIN, *, version: str | None = None) -> None:
        """Let an instance of a file module stay at a version, the current one by default, at each reload.

        An instance that runs another version goes to this one when it starts the next time.

        Raises:
            UnknownModuleError: there is no such module.
            UnknownVersionError: there is no such version.
            ReloadRefusedError: it is an importable module, which has one version at a time.
        """
        self._core.ask_registry(PinInstance(module_id, name, version))

    def unpin(self, module_id: str, name: str = MAIN) -> None:
        """Let an instance go along with the next reload; quiet if it is not pinned.

        Raises:
            UnknownModuleError: there is no such module.
        """
        self._core.ask_registry(UnpinInstance(module_id, name))

    # -- versions

    def hot_reload(
        self,
        module_id: str,
        version: str | None = None,
        source: str | Path | None = None,
        *,
        when_busy: WhenBusy | str = WhenBusy.ABORT,
        suspend_s: float = SUSPEND_S,
    ) -> ReloadReport:
        """Load the new source of a module, and bring its instances over: all of it, or nothing.

        Args:
            module_id: which.
            version: label of what is loaded; None for that of the current one with a part of the digest.
            source: of a file module, the path of its next version; None for the path it has.
            when_busy: what to do about an instance that is at one call for longer than `suspend_s`: `"abort"`
                the reload, or `"restart"` the instance from its last saved state.
            suspend_s: seconds until then.

        Returns:
            What was done. If no byte has changed nothing is, and `changed` is False.

        Raises:
            UnknownModuleError: there is no such module.
            ReloadRefusedError: it cannot be reloaded, or reloading is switched off; nothing was begun.
            VersionTakenError: the label means another source.
            ReloadError: a step failed; everything is as before.
            ConfigError: an argument is wrong.
        """
        report: ReloadReport = self._core.ask_registry(
            HotReload(module_id, version, source, when_busy, suspend_s)
        )
        return report

    def rollback(
        self,
        module_id: str,
        *,
        when_busy: WhenBusy | str = WhenBusy.ABORT,
        suspend_s: float = SUSPEND_S,
    ) -> ReloadReport:
        """Bring a module and its instances back to the version before; all of it, or nothing.

        `code_change` of that version is given the states of the newer one. Files stay as they are.

        Raises:
            UnknownModuleError: there is no such module.
            UnknownVersionError: there is no version before.
            ReloadRefusedError: it cannot be reloaded, or reloading is switched off; nothing was begun.
            ReloadError: a step failed; everything is as before.
            ConfigError: an argument is wrong.
        """
        report: ReloadReport = self._core.ask_registry(RollBack(module_id, when_busy, suspend_s))
        return report

    # -- watching

    def watch(self, pattern: str = "*", *, size: int = WATCH_SIZE) -> ModuleWatch:
        """Return an iterator over what happens to modules from now on, also to such that come later.

        Args:
            pattern: a glob over ids.
            size: how many events wait for it at most; more are counted and told as `EventsMissed`.

        Raises:
            ConfigError: an argument is wrong.
        """
        check_count("size", size, least=1)
        watch: ModuleWatch = self._core.ask_tables(WatchModules(Pattern(pattern), size))
        return watch

    def subscribe(
        self,
        pattern: str,
        target: Address | Pid | Callable[[Told], object],
        *,
        size: int = WATCH_SIZE,
    ) -> Callable[[], None]:
        """Let an actor or a function be told what happens to modules from now on.

        Args:
            pattern: a glob over ids.
            target: an actor, which gets each `ModuleEvent` in `handle_info` until it ends: one that is
                restarted subscribes in its `init`. Or a function, called with one event after the other in a
                thread of the tree; it may take its time, and talk to `Modules`.
            size: as for `watch`; of an actor, how many messages may wait in its mailbox.

        Returns:
            A function that ends it.

        Raises:
            ConfigError: an argument is wrong, or the actor is not there.
        """
        check_count("size", size, least=1)
        number = self._core.ask_tables(Subscribe(Pattern(pattern), target, size))
        return partial(self._unsubscribe, number)

    def watch_files(self, pattern: str = "*", *, debounce_ms: int = DEBOUNCE_MS) -> Callable[[], None]:
        """Reload modules whenever their files change, also such that are registered later.

        Needs `watchfiles`, the extra `watch`. Each reload is one as any other, with an automatic version; one
        that fails is told to the watchers of the module. A file that holds what it held is not reloaded.

        Args:
            pattern: a glob over ids.
            debounce_ms: milliseconds to wait for more changes after the first one.

        Returns:
            A function that ends it.

        Raises:
            ReloadRefusedError: reloading is switched off.
            ConfigError: an argument is wrong, or `watchfiles` is not installed.
        """
        if not self._core.hot_reload_enabled:
            raise ReloadRefusedError(pattern, "hot reloading is switched off (hot_reload=False)")
        check_count("debounce_ms", debounce_ms, least=1)
        if importlib.util.find_spec("watchfiles") is None:
            raise ConfigError(
                "watch_files", "no watchfiles", "used with it: pip install 'dspex-actors[watch]'"
            )
        meant, number = Pattern(pattern), next(self._watchers)
        spec = FileWatcher.child_spec(self._core, meant, debounce_ms, id=f"files-{number}")
        self.address.start_child(spec)
        return partial(self._end_files, spec.id)

    def _unsubscribe(self, number: int) -> None:
        self._core.tables.unsubscribe(number)

    def _end_files(self, child_id: Hashable) -> None:
        with suppress(ChildNotFoundError, ActorExitedError):
            self.address.terminate_child(child_id)
            self.address.delete_child(child_id)
