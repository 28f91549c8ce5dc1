"""The actor that changes the tables of modules: one request after the other, each done or not done at all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dspex_actors._errors import ConfigError
from dspex_actors.modules._errors import ModuleError
from dspex_actors.modules._first_load import load_first
from dspex_actors.modules._module_events import ModuleRegistered, ModuleUnregistered
from dspex_actors.modules._registry_messages import (
    HotReload,
    PinInstance,
    RegisterModule,
    RollBack,
    UnpinInstance,
    UnregisterModule,
)
from dspex_actors.modules._reload_errors import ModuleExistsError, ReloadRefusedError
from dspex_actors.modules._reloading import Reloader
from supervisors import ActorExitedError, ChildNotFoundError, GenServer, Refuse

if TYPE_CHECKING:
    from dspex_actors.modules._catalog import ModuleInfo
    from dspex_actors.modules._core import ModulesCore
    from dspex_actors.modules._spec import ModuleSpec
    from supervisors import Sender


class ModuleRegistry(GenServer):
    """Registers, reloads and rolls back modules; `Modules` is how programs talk to it.

    Messages are `RegisterModule`, `UnregisterModule`, `HotReload`, `RollBack`, `PinInstance` and
    `UnpinInstance`. What it keeps is in tables that outlive it, so another incarnation goes on where it was.
    A reload that is under way when it is killed is undone, unless it was through; instances go on either way.
    """

    def init(self, modules: ModulesCore) -> None:
        """Take the tables over, and start the instances that are wanted, if their supervisor is a new one."""
        self._modules = modules
        self._tables = modules.tables
        self._incarnation = self._tables.new_incarnation()
        self._reloader = Reloader(self._tables, modules.build, self._incarnation)
        supervisor = modules.instances
        if self._tables.instances is not supervisor.pid:
            self._tables.instances = supervisor.pid
            for key in self._tables.wanted():
                supervisor.start_child_async(modules.instance_spec(key))

    def handle_call(self, message: object, sender: Sender) -> Any:  # noqa: ANN401 -- each message has its own reply
        """Do what is asked.

        Raises:
            Refuse: it cannot be done, and nothing has changed.
        """
        try:
            return self._do(message, sender)
        except (ModuleError, ConfigError) as error:
            raise Refuse(error) from error

    def _do(self, message: object, sender: Sender) -> Any:  # noqa: ANN401 -- as above
        match message:
            case RegisterModule(spec):
                return self._register(spec)
            case UnregisterModule(module_id):
                return self._unregister(module_id)
            case HotReload(module_id):
                self._check_on(module_id)
                return self._reloader.hot_reload(message, sender.caller)
            case RollBack(module_id):
                self._check_on(module_id)
                return self._reloader.roll_back(message, sender.caller)
            case PinInstance():
                return self._pin(message)
            case UnpinInstance(module_id, name):
                entry = self._tables.entry(module_id)
                with self._tables.writing(self._incarnation):
                    self._tables.change(entry, entry.table.unpinned(name))
                return None
            case _:
                raise ConfigError("message", message, "one of the messages of ModuleRegistry")

    def _register(self, spec: ModuleSpec) -> ModuleInfo:
        if self._tables.has(spec.module_id):
            raise ModuleExistsError(spec.module_id, self._tables.get(spec.module_id).version.version)
        entry = load_first(self._tables, spec)
        version = entry.table.current
        with self._tables.writing(self._incarnation):
            self._tables.add(entry)
            self._tables.emit(
                spec.module_id, ModuleRegistered(new=version.version, new_digest=version.digest)
            )
        return self._tables.get(spec.module_id)

    def _unregister(self, module_id: str) -> None:
        version = self._tables.entry(module_id).table.current
        for key in self._tables.wanted(module_id):
            self._stop_instance(key)
        with self._tables.writing(self._incarnation):
            self._tables.remove(module_id)
            self._tables.emit(module_id, ModuleUnregistered(old=version.version, old_digest=version.digest))
        for key in self._tables.live([module_id]):  # started since; one that is still starting ends by itself
            self._stop_instance(key)

    def _stop_instance(self, key: tuple[str, str]) -> None:
        pid = self._modules.via(*key).pid
        self._tables.forget(key)
        if pid is not None:
            try:
                self._modules.instances.terminate_child(pid)
            except (ChildNotFoundError, ActorExitedError):
                pid.kill()  # its supervisor has been replaced, and it is about to go

    def _pin(self, pin: PinInstance) -> None:
        entry = self._tables.entry(pin.module_id)
        if entry.spec.module_name:
            raise ReloadRefusedError(pin.module_id, "an importable module has one version at a time; no pins")
        version = pin.version or entry.table.current.version
        with self._tables.writing(self._incarnation):
            self._tables.change(replace(entry), (entry.table.pinned(pin.name, version), ()))

    def _check_on(self, module_id: str) -> None:
        if not self._modules.hot_reload_enabled:
            raise ReloadRefusedError(module_id, "hot reloading is switched off (hot_reload=False)")
