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
    from supervisors._abandoned import Abandoned as Abandoned
    from supervisors._address import Address as Address
    from supervisors._address import StopResult as StopResult
    from supervisors._ancestry import ancestors as ancestors
    from supervisors._ancestry import callers as callers
    from supervisors._backoff import Backoff as Backoff
    from supervisors._boot import NO_REPLY as NO_REPLY
    from supervisors._boot import Continue as Continue
    from supervisors._boot import Info as Info
    from supervisors._boot import Stop as Stop
    from supervisors._boot import Timeout as Timeout
    from supervisors._child_spec import AutoShutdown as AutoShutdown
    from supervisors._child_spec import ChildSpec as ChildSpec
    from supervisors._child_spec import ChildType as ChildType
    from supervisors._child_spec import Restart as Restart
    from supervisors._child_spec import Start as Start
    from supervisors._child_spec import Strategy as Strategy
    from supervisors._child_spec import SupervisorFlags as SupervisorFlags
    from supervisors._child_spec import SupervisorInit as SupervisorInit
    from supervisors._clock import Clock as Clock
    from supervisors._clock import MonotonicClock as MonotonicClock
    from supervisors._clock import Timer as Timer
    from supervisors._clock import TimerService as TimerService
    from supervisors._dynamic_supervisor import DynamicSupervisor as DynamicSupervisor
    from supervisors._errors import AbandonedExceededError as AbandonedExceededError
    from supervisors._errors import ActorExitedError as ActorExitedError
    from supervisors._errors import CallAbandonedError as CallAbandonedError
    from supervisors._errors import CallCycleError as CallCycleError
    from supervisors._errors import CallTimeoutError as CallTimeoutError
    from supervisors._errors import ChildNotFoundError as ChildNotFoundError
    from supervisors._errors import ChildSpecError as ChildSpecError
    from supervisors._errors import ChildStateError as ChildStateError
    from supervisors._errors import DuplicateChildError as DuplicateChildError
    from supervisors._errors import MaxChildrenError as MaxChildrenError
    from supervisors._errors import NameTakenError as NameTakenError
    from supervisors._errors import NoPartitionsError as NoPartitionsError
    from supervisors._errors import NotAnActorError as NotAnActorError
    from supervisors._errors import NotJoinedError as NotJoinedError
    from supervisors._errors import NotRegisteredError as NotRegisteredError
    from supervisors._errors import NotReplaceableError as NotReplaceableError
    from supervisors._errors import NotSuspendedError as NotSuspendedError
    from supervisors._errors import OsProcessExitedError as OsProcessExitedError
    from supervisors._errors import Refuse as Refuse
    from supervisors._errors import RegistryKeysError as RegistryKeysError
    from supervisors._errors import RestartsExceededError as RestartsExceededError
    from supervisors._errors import StartError as StartError
    from supervisors._errors import SupervisorError as SupervisorError
    from supervisors._errors import UnknownRegistryError as UnknownRegistryError
    from supervisors._errors import UnstableKeyError as UnstableKeyError
    from supervisors._future import CallFuture as CallFuture
    from supervisors._future import Sender as Sender
    from supervisors._gen_server import IGNORE as IGNORE
    from supervisors._gen_server import GenServer as GenServer
    from supervisors._groups import GroupJoined as GroupJoined
    from supervisors._groups import GroupLeft as GroupLeft
    from supervisors._groups import GroupRef as GroupRef
    from supervisors._groups import Groups as Groups
    from supervisors._handle import Handle as Handle
    from supervisors._inspected import ActorStatus as ActorStatus
    from supervisors._launch import Command as Command
    from supervisors._launch import Launch as Launch
    from supervisors._os_process import OsProcess as OsProcess
    from supervisors._partition_supervisor import PartitionSupervisor as PartitionSupervisor
    from supervisors._partition_supervisor import PartitionVia as PartitionVia
    from supervisors._pid import Pid as Pid
    from supervisors._reasons import KILLED as KILLED
    from supervisors._reasons import NO_PROCESS as NO_PROCESS
    from supervisors._reasons import NORMAL as NORMAL
    from supervisors._reasons import SHUTDOWN as SHUTDOWN
    from supervisors._reasons import Crash as Crash
    from supervisors._reasons import ExitReason as ExitReason
    from supervisors._reasons import FailedToStart as FailedToStart
    from supervisors._reasons import Killed as Killed
    from supervisors._reasons import NoProcess as NoProcess
    from supervisors._reasons import Normal as Normal
    from supervisors._reasons import Shutdown as Shutdown
    from supervisors._reasons import is_abnormal as is_abnormal
    from supervisors._registry import Registry as Registry
    from supervisors._registry_messages import Registered as Registered
    from supervisors._registry_messages import RegistryKeys as RegistryKeys
    from supervisors._registry_messages import Unregistered as Unregistered
    from supervisors._registry_tables import Registration as Registration
    from supervisors._registry_via import AlreadyStarted as AlreadyStarted
    from supervisors._registry_via import RegistryVia as RegistryVia
    from supervisors._requests import StartedChild as StartedChild
    from supervisors._signals import Down as Down
    from supervisors._signals import Exit as Exit
    from supervisors._signals import MonitorRef as MonitorRef
    from supervisors._signals import ProcessExited as ProcessExited
    from supervisors._supervisor import Supervisor as Supervisor
    from supervisors._supervisor_address import SupervisorAddress as SupervisorAddress
    from supervisors._sys import change_code as change_code
    from supervisors._sys import get_state as get_state
    from supervisors._sys import get_status as get_status
    from supervisors._sys import replace_state as replace_state
    from supervisors._sys import resume as resume
    from supervisors._sys import suspend as suspend
    from supervisors._system import System as System
    from supervisors._task import Task as Task
    from supervisors._task import TaskExited as TaskExited
    from supervisors._task import TaskFinished as TaskFinished
    from supervisors._task_supervisor import TaskSupervisor as TaskSupervisor
    from supervisors._timers import Timers as Timers
    from supervisors._tree import ChildCounts as ChildCounts
    from supervisors._tree import ChildInfo as ChildInfo
    from supervisors._tree import ChildState as ChildState
    from supervisors._tree import TreeNode as TreeNode
    from supervisors._via import Via as Via
    from supervisors._warm_spare import WarmSpare as WarmSpare
    from supervisors.telemetry import Telemetry as Telemetry

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
