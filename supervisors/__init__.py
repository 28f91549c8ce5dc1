"""Supervision trees for pykka actors, after Erlang/OTP.

    class Counter(GenServer):
        def init(self, start=0):
            self.value = start

        def handle_call(self, message, sender):
            self.value += message
            return self.value

    with Supervisor.start([Counter.child_spec(10, id="counter")], strategy="one_for_one") as tree:
        tree.child("counter").call(5)  # 15

Write servers as `GenServer`, wrap operating system processes in `OsProcess`, put them under a `Supervisor`
(an ordered list) or a `DynamicSupervisor` (on demand). Talk to them through an `Address`: `call`, `cast`,
`acall`. An error in a handler ends its actor; its supervisor starts a new one; the address stays valid.

Defaults: `permanent` children, 3 restarts in 5 s, 5 s to stop for a worker and no limit for a supervisor, 5 s
for a call.

Names are loaded on first use, so nobody pays for what they do not use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOMES = {
    "_abandoned": ("Abandoned",),
    "_address": ("Address", "StopResult"),
    "_ancestry": ("ancestors", "callers"),
    "_backoff": ("Backoff",),
    "_boot": ("Continue", "Info", "NO_REPLY", "Stop", "Timeout"),
    "_child_spec": (
        "AutoShutdown",
        "ChildSpec",
        "ChildType",
        "Restart",
        "Start",
        "Strategy",
        "SupervisorFlags",
        "SupervisorInit",
    ),
    "_clock": ("Clock", "MonotonicClock", "Timer", "TimerService"),
    "_dynamic_supervisor": ("DynamicSupervisor",),
    "_errors": (
        "AbandonedExceededError",
        "ActorExitedError",
        "CallAbandonedError",
        "CallCycleError",
        "CallTimeoutError",
        "ChildNotFoundError",
        "ChildSpecError",
        "ChildStateError",
        "DuplicateChildError",
        "MaxChildrenError",
        "NameTakenError",
        "NoPartitionsError",
        "NotAnActorError",
        "NotJoinedError",
        "NotRegisteredError",
        "NotReplaceableError",
        "NotSuspendedError",
        "OsProcessExitedError",
        "Refuse",
        "RegistryKeysError",
        "RestartsExceededError",
        "StartError",
        "SupervisorError",
        "UnknownRegistryError",
        "UnstableKeyError",
    ),
    "_future": ("CallFuture", "Sender"),
    "_gen_server": ("GenServer", "IGNORE"),
    "_groups": ("GroupJoined", "GroupLeft", "GroupRef", "Groups"),
    "_handle": ("Handle",),
    "_inspected": ("ActorStatus",),
    "_launch": ("Command", "Launch"),
    "_os_process": ("OsProcess",),
    "_partition_supervisor": ("PartitionSupervisor", "PartitionVia"),
    "_pid": ("Pid",),
    "_reasons": (
        "Crash",
        "ExitReason",
        "FailedToStart",
        "KILLED",
        "Killed",
        "NORMAL",
        "NO_PROCESS",
        "NoProcess",
        "Normal",
        "SHUTDOWN",
        "Shutdown",
        "is_abnormal",
    ),
    "_registry": ("Registry",),
    "_registry_messages": ("Registered", "RegistryKeys", "Unregistered"),
    "_registry_tables": ("Registration",),
    "_registry_via": ("AlreadyStarted", "RegistryVia"),
    "_requests": ("StartedChild",),
    "_signals": ("Down", "Exit", "MonitorRef", "ProcessExited"),
    "_supervisor": ("Supervisor",),
    "_supervisor_address": ("SupervisorAddress",),
    "_sys": ("change_code", "get_state", "get_status", "replace_state", "resume", "suspend"),
    "_system": ("System",),
    "_task": ("Task", "TaskExited", "TaskFinished"),
    "_task_supervisor": ("TaskSupervisor",),
    "_timers": ("Timers",),
    "_tree": ("ChildCounts", "ChildInfo", "ChildState", "TreeNode"),
    "_via": ("Via",),
    "_warm_spare": ("WarmSpare",),
    "telemetry": ("Telemetry",),
}
_MODULES = ("telemetry", "testing")
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605 -- one table says both what is public and where it lives

if TYPE_CHECKING:
    from supervisors._abandoned import (Abandoned as Abandoned)
    from supervisors._address import (Address as Address, StopResult as StopResult)
    from supervisors._ancestry import (ancestors as ancestors, callers as callers)
    from supervisors._backoff import (Backoff as Backoff)
    from supervisors._boot import (Continue as Continue, Info as Info, NO_REPLY as NO_REPLY, Stop as Stop, Timeout as Timeout)
    from supervisors._child_spec import (AutoShutdown as AutoShutdown, ChildSpec as ChildSpec, ChildType as ChildType, Restart as Restart, Start as Start, Strategy as Strategy, SupervisorFlags as SupervisorFlags, SupervisorInit as SupervisorInit)
    from supervisors._clock import (Clock as Clock, MonotonicClock as MonotonicClock, Timer as Timer, TimerService as TimerService)
    from supervisors._dynamic_supervisor import (DynamicSupervisor as DynamicSupervisor)
    from supervisors._errors import (AbandonedExceededError as AbandonedExceededError, ActorExitedError as ActorExitedError, CallAbandonedError as CallAbandonedError, CallCycleError as CallCycleError, CallTimeoutError as CallTimeoutError, ChildNotFoundError as ChildNotFoundError, ChildSpecError as ChildSpecError, ChildStateError as ChildStateError, DuplicateChildError as DuplicateChildError, MaxChildrenError as MaxChildrenError, NameTakenError as NameTakenError, NoPartitionsError as NoPartitionsError, NotAnActorError as NotAnActorError, NotJoinedError as NotJoinedError, NotRegisteredError as NotRegisteredError, NotReplaceableError as NotReplaceableError, NotSuspendedError as NotSuspendedError, OsProcessExitedError as OsProcessExitedError, Refuse as Refuse, RegistryKeysError as RegistryKeysError, RestartsExceededError as RestartsExceededError, StartError as StartError, SupervisorError as SupervisorError, UnknownRegistryError as UnknownRegistryError, UnstableKeyError as UnstableKeyError)
    from supervisors._future import (CallFuture as CallFuture, Sender as Sender)
    from supervisors._gen_server import (GenServer as GenServer, IGNORE as IGNORE)
    from supervisors._groups import (GroupJoined as GroupJoined, GroupLeft as GroupLeft, GroupRef as GroupRef, Groups as Groups)
    from supervisors._handle import (Handle as Handle)
    from supervisors._inspected import (ActorStatus as ActorStatus)
    from supervisors._launch import (Command as Command, Launch as Launch)
    from supervisors._os_process import (OsProcess as OsProcess)
    from supervisors._partition_supervisor import (PartitionSupervisor as PartitionSupervisor, PartitionVia as PartitionVia)
    from supervisors._pid import (Pid as Pid)
    from supervisors._reasons import (Crash as Crash, ExitReason as ExitReason, FailedToStart as FailedToStart, KILLED as KILLED, Killed as Killed, NORMAL as NORMAL, NO_PROCESS as NO_PROCESS, NoProcess as NoProcess, Normal as Normal, SHUTDOWN as SHUTDOWN, Shutdown as Shutdown, is_abnormal as is_abnormal)
    from supervisors._registry import (Registry as Registry)
    from supervisors._registry_messages import (Registered as Registered, RegistryKeys as RegistryKeys, Unregistered as Unregistered)
    from supervisors._registry_tables import (Registration as Registration)
    from supervisors._registry_via import (AlreadyStarted as AlreadyStarted, RegistryVia as RegistryVia)
    from supervisors._requests import (StartedChild as StartedChild)
    from supervisors._signals import (Down as Down, Exit as Exit, MonitorRef as MonitorRef, ProcessExited as ProcessExited)
    from supervisors._supervisor import (Supervisor as Supervisor)
    from supervisors._supervisor_address import (SupervisorAddress as SupervisorAddress)
    from supervisors._sys import (change_code as change_code, get_state as get_state, get_status as get_status, replace_state as replace_state, resume as resume, suspend as suspend)
    from supervisors._system import (System as System)
    from supervisors._task import (Task as Task, TaskExited as TaskExited, TaskFinished as TaskFinished)
    from supervisors._task_supervisor import (TaskSupervisor as TaskSupervisor)
    from supervisors._timers import (Timers as Timers)
    from supervisors._tree import (ChildCounts as ChildCounts, ChildInfo as ChildInfo, ChildState as ChildState, TreeNode as TreeNode)
    from supervisors._via import (Via as Via)
    from supervisors._warm_spare import (WarmSpare as WarmSpare)
    from supervisors.telemetry import (Telemetry as Telemetry)

else:

    def __getattr__(name: str) -> Any:  # noqa: ANN401 -- any public object
        """Load a public name from the module that defines it (PEP 562)."""
        if name in _MODULES:
            return importlib.import_module(f"{__name__}.{name}")
        home = _HOME_OF.get(name)
        if home is None:
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
        value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
