"""Modules: objects with parameters and parts, whose state is copied, dumped, loaded and kept.

`Modules` registers them by a `ModuleSpec`, starts instances of them as actors, reloads their code while those
work, and tells watchers.

Names are loaded on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOMES = {
    "_errors": ("ModuleError",),
    "_catalog": ("ModuleInfo",),
    "_module_watch": ("ModuleWatch",),
    "_handle": ("InstanceHandle",),
    "_instance": (
        "CallMethod",
        "GetModuleState",
        "GetModuleVersion",
        "ModuleInstance",
        "SaveModuleState",
    ),
    "_module_events": (
        "EventsMissed",
        "HotReloaded",
        "InstanceLost",
        "InstanceRestarted",
        "ModuleChange",
        "ModuleEvent",
        "ModuleRegistered",
        "ModuleUnregistered",
        "ReloadFailed",
        "ReloadStarted",
        "RolledBack",
    ),
    "_modules": ("Modules",),
    "_registry": ("ModuleRegistry",),
    "_registry_messages": (
        "HotReload",
        "PinInstance",
        "RegisterModule",
        "ReloadReport",
        "RollBack",
        "UnpinInstance",
        "UnregisterModule",
    ),
    "_reload_errors": (
        "InstanceExistsError",
        "InstanceStartError",
        "MethodExitedError",
        "ModuleExistsError",
        "ModuleLoadError",
        "ReloadError",
        "ReloadRefusedError",
        "UnknownInstanceError",
        "UnknownModuleError",
        "UnknownVersionError",
        "VersionTakenError",
        "WatchClosedError",
    ),
    "_spec": ("Isolation", "ModuleSpec", "WhenFailed"),
    "_transaction": ("WhenBusy",),
    "_version_table": ("ModuleVersion", "ModuleVersions"),
    "_module_errors": (
        "CopyFailedError",
        "DependencyMismatchError",
        "IncompatibleVersionError",
        "LoadError",
        "MalformedStateError",
        "NotDumpableError",
        "PathError",
        "StateMismatchError",
        "StateRefusedError",
    ),
    "_marks": ("ParameterLike", "is_parameter"),
    "_resolving": ("resolve",),
    "_parameters": ("Parameter", "discover_parameters", "named_parameters", "reset_copy"),
    "_sub_modules": ("discover_sub_modules", "named_sub_modules"),
    "_copying": ("deep_copy",),
    "_dumping": ("dump_state", "live_parts"),
    "_loading": ("load_state",),
    "_compatibility": ("Migrations",),
    "_enhanced_module": ("EnhancedModule", "Restored"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605 -- one table says both what is public and where it lives

if TYPE_CHECKING:
    from dspex_actors.modules._catalog import ModuleInfo as ModuleInfo
    from dspex_actors.modules._compatibility import Migrations as Migrations
    from dspex_actors.modules._copying import deep_copy as deep_copy
    from dspex_actors.modules._dumping import dump_state as dump_state
    from dspex_actors.modules._dumping import live_parts as live_parts
    from dspex_actors.modules._enhanced_module import EnhancedModule as EnhancedModule
    from dspex_actors.modules._enhanced_module import Restored as Restored
    from dspex_actors.modules._errors import ModuleError as ModuleError
    from dspex_actors.modules._handle import InstanceHandle as InstanceHandle
    from dspex_actors.modules._instance import CallMethod as CallMethod
    from dspex_actors.modules._instance import GetModuleState as GetModuleState
    from dspex_actors.modules._instance import GetModuleVersion as GetModuleVersion
    from dspex_actors.modules._instance import ModuleInstance as ModuleInstance
    from dspex_actors.modules._instance import SaveModuleState as SaveModuleState
    from dspex_actors.modules._loading import load_state as load_state
    from dspex_actors.modules._marks import ParameterLike as ParameterLike
    from dspex_actors.modules._marks import is_parameter as is_parameter
    from dspex_actors.modules._module_errors import CopyFailedError as CopyFailedError
    from dspex_actors.modules._module_errors import DependencyMismatchError as DependencyMismatchError
    from dspex_actors.modules._module_errors import IncompatibleVersionError as IncompatibleVersionError
    from dspex_actors.modules._module_errors import LoadError as LoadError
    from dspex_actors.modules._module_errors import MalformedStateError as MalformedStateError
    from dspex_actors.modules._module_errors import NotDumpableError as NotDumpableError
    from dspex_actors.modules._module_errors import PathError as PathError
    from dspex_actors.modules._module_errors import StateMismatchError as StateMismatchError
    from dspex_actors.modules._module_errors import StateRefusedError as StateRefusedError
    from dspex_actors.modules._module_events import EventsMissed as EventsMissed
    from dspex_actors.modules._module_events import HotReloaded as HotReloaded
    from dspex_actors.modules._module_events import InstanceLost as InstanceLost
    from dspex_actors.modules._module_events import InstanceRestarted as InstanceRestarted
    from dspex_actors.modules._module_events import ModuleChange as ModuleChange
    from dspex_actors.modules._module_events import ModuleEvent as ModuleEvent
    from dspex_actors.modules._module_events import ModuleRegistered as ModuleRegistered
    from dspex_actors.modules._module_events import ModuleUnregistered as ModuleUnregistered
    from dspex_actors.modules._module_events import ReloadFailed as ReloadFailed
    from dspex_actors.modules._module_events import ReloadStarted as ReloadStarted
    from dspex_actors.modules._module_events import RolledBack as RolledBack
    from dspex_actors.modules._module_watch import ModuleWatch as ModuleWatch
    from dspex_actors.modules._modules import Modules as Modules
    from dspex_actors.modules._parameters import Parameter as Parameter
    from dspex_actors.modules._parameters import discover_parameters as discover_parameters
    from dspex_actors.modules._parameters import named_parameters as named_parameters
    from dspex_actors.modules._parameters import reset_copy as reset_copy
    from dspex_actors.modules._registry import ModuleRegistry as ModuleRegistry
    from dspex_actors.modules._registry_messages import HotReload as HotReload
    from dspex_actors.modules._registry_messages import PinInstance as PinInstance
    from dspex_actors.modules._registry_messages import RegisterModule as RegisterModule
    from dspex_actors.modules._registry_messages import ReloadReport as ReloadReport
    from dspex_actors.modules._registry_messages import RollBack as RollBack
    from dspex_actors.modules._registry_messages import UnpinInstance as UnpinInstance
    from dspex_actors.modules._registry_messages import UnregisterModule as UnregisterModule
    from dspex_actors.modules._reload_errors import InstanceExistsError as InstanceExistsError
    from dspex_actors.modules._reload_errors import InstanceStartError as InstanceStartError
    from dspex_actors.modules._reload_errors import MethodExitedError as MethodExitedError
    from dspex_actors.modules._reload_errors import ModuleExistsError as ModuleExistsError
    from dspex_actors.modules._reload_errors import ModuleLoadError as ModuleLoadError
    from dspex_actors.modules._reload_errors import ReloadError as ReloadError
    from dspex_actors.modules._reload_errors import ReloadRefusedError as ReloadRefusedError
    from dspex_actors.modules._reload_errors import UnknownInstanceError as UnknownInstanceError
    from dspex_actors.modules._reload_errors import UnknownModuleError as UnknownModuleError
    from dspex_actors.modules._reload_errors import UnknownVersionError as UnknownVersionError
    from dspex_actors.modules._reload_errors import VersionTakenError as VersionTakenError
    from dspex_actors.modules._reload_errors import WatchClosedError as WatchClosedError
    from dspex_actors.modules._resolving import resolve as resolve
    from dspex_actors.modules._spec import Isolation as Isolation
    from dspex_actors.modules._spec import ModuleSpec as ModuleSpec
    from dspex_actors.modules._spec import WhenFailed as WhenFailed
    from dspex_actors.modules._sub_modules import discover_sub_modules as discover_sub_modules
    from dspex_actors.modules._sub_modules import named_sub_modules as named_sub_modules
    from dspex_actors.modules._transaction import WhenBusy as WhenBusy
    from dspex_actors.modules._version_table import ModuleVersion as ModuleVersion
    from dspex_actors.modules._version_table import ModuleVersions as ModuleVersions

else:

    def __getattr__(name: str) -> Any:  # noqa: ANN401 -- any public object
        """Load a public name from the module that defines it (PEP 562)."""
        home = _HOME_OF.get(name)
        if home is None:
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
        value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
