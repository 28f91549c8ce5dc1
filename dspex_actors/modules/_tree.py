"""The supervisor of everything about modules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dspex_actors.modules._modules_handle import core_of
from dspex_actors.modules._registry import ModuleRegistry
from dspex_actors.modules._tables_actor import TablesKeeper
from supervisors import ChildType, DynamicSupervisor, Strategy, Supervisor, SupervisorFlags, SupervisorInit

if TYPE_CHECKING:
    from dspex_actors.modules._modules_handle import ModulesHandle

INTENSITY: Final = 100  # restarts of instances within PERIOD_S, over all; arbitrary
PERIOD_S: Final = 5


class ModulesTree(Supervisor):
    """The supervisor of names, tables, instances and registry, in this order; `rest_for_one`."""

    def init(self, modules: ModulesHandle) -> SupervisorInit:  # type: ignore[override]  # a handle makes it, nobody else
        """Bind the handle, then start the four."""
        core = core_of(modules)
        modules.bind(self, core.tables)
        self.pid.on_release(core.end_watches)
        flags = SupervisorFlags(strategy=Strategy.REST_FOR_ONE, intensity=3, period=5)
        instances = DynamicSupervisor.child_spec(
            intensity=INTENSITY, period=PERIOD_S, id="instances", type=ChildType.SUPERVISOR
        )
        children = (
            core.names.child_spec(id="names"),
            TablesKeeper.child_spec(core.tables, id="tables"),
            instances,
            ModuleRegistry.child_spec(core, id="registry"),
        )
        return SupervisorInit(flags, children)
